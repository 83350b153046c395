/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The forms that names, ids, sizes and guest paths have. Every reader of outside input goes through here. */

#include "vmd-error.h"

G_BEGIN_DECLS

#define VMD_NAME_MAX 63
#define VMD_ID_LENGTH 32

/* A DNS label: 1–63 of a-z 0-9 -, no hyphen at an edge. Never normalised. @what is for the message ("VM"). */
gboolean vmd_name_validate (const char *name, const char *what, GError **error);
/* 32 lower-case hex digits. */
gboolean vmd_id_is_valid (const char *id);
/* A new random id, from getrandom(2). */
char *vmd_id_new (void);
/* An absolute guest path, no "." or ".." component, no NUL, no control character, ≤ 4095 bytes, not "/". */
gboolean vmd_guest_path_validate (const char *path, GError **error);
/* "4G", "4GiB", "512MiB", "512M", "65536" (bytes), "1K". Binary units. Refuses 0, negatives, fractions, overflow, trailing
 * text. @what is for the message ("memory"). */
gboolean vmd_size_parse (const char *text, const char *what, guint64 *bytes, GError **error);

G_END_DECLS
