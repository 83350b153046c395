/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where vmd keeps things, and the making and removing of those directories. */

#include "vmd-error.h"

G_BEGIN_DECLS

char *vmd_state_dir_resolve (const char *override);
char *vmd_runtime_dir_resolve (const char *state_dir);
gboolean vmd_private_dir_ensure (const char *path, GError **error);
gboolean vmd_remove_tree (const char *path, GError **error);
gboolean vmd_fsync_path (const char *path, GError **error);

G_END_DECLS
