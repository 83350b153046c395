/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tars made by hand: also such as no program would write. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* A member with its data, padded; @magic NULL: ustar's. */
void tar_add (GByteArray *tar, char type, const char *name, const char *target, guint mode,
              const void *data, gsize length);
/* An extended header of one record. */
void tar_add_record (GByteArray *tar, const char *key, const void *value, gsize length);
/* Puts the right checksum into the header at @offset. */
void tar_seal (GByteArray *tar, gsize offset);
/* The two blocks of zeros. */
void tar_end (GByteArray *tar);

G_END_DECLS
