/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The forms that names, ids and guest paths have. Every reader of outside input goes through
 * here. */

#include "vmd-error.h"

G_BEGIN_DECLS

#define VMD_NAME_MAX 63
#define VMD_ID_LENGTH 32

gboolean vmd_name_validate (const char *name, const char *what, GError **error);
gboolean vmd_id_is_valid (const char *id);
char *vmd_id_new (void);
gboolean vmd_guest_path_validate (const char *path, GError **error);

G_END_DECLS
