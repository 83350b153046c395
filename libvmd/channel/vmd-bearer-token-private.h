/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The secret by which a device is known: "<id>.<secret>", of which only the id and a hash of the
 * secret are kept. */

#include "vmd-error.h"

G_BEGIN_DECLS

#define VMD_TOKEN_ID_LENGTH 16 /* hexadecimal digits: 64 bits */
#define VMD_TOKEN_SECRET_LENGTH 64 /* hexadecimal digits: 256 bits */
#define VMD_TOKEN_HASH_SIZE 32 /* bytes: sha256 */

/* Out of the kernel's random numbers. @id and @hash are what to keep. FAILED when the kernel has
 * none. (transfer full): what the device gets, once. */
char *vmd_bearer_token_new (char id[VMD_TOKEN_ID_LENGTH + 1], guint8 hash[VMD_TOKEN_HASH_SIZE],
                            GError **error);
/* FALSE: not of the form of a token. */
gboolean vmd_bearer_token_split (const char *token, char id[VMD_TOKEN_ID_LENGTH + 1],
                                 guint8 hash[VMD_TOKEN_HASH_SIZE]);
/* Takes as long whatever differs. */
gboolean vmd_bearer_token_hash_equal (const guint8 a[VMD_TOKEN_HASH_SIZE],
                                      const guint8 b[VMD_TOKEN_HASH_SIZE]);

G_END_DECLS
