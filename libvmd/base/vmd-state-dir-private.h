/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where vmd keeps things, and the making of those directories: 0700, ours, and really directories. */

#include "vmd-error.h"

G_BEGIN_DECLS

/* @override (nullable), else $VMD_STATE_DIR, else $XDG_STATE_HOME/vmd, else ~/.local/state/vmd; absolute. */
char *vmd_state_dir_resolve (const char *override);
/* Where sockets of @state_dir live: $XDG_RUNTIME_DIR (or /run/user/UID if it is ours, else /tmp/vmd-UID)/vmd/<12 hex digits of the
 * sha256 of the state directory's path>: short enough for sun_path, and one per state directory. */
char *vmd_runtime_dir_resolve (const char *state_dir);
/* mkdir -p with mode 0700 for what is new; then checks that the last is a directory, ours, and not writable by others. */
gboolean vmd_private_dir_ensure (const char *path, GError **error);
/* rm -rf below an own directory, never following a symlink, joining errors. A missing @path is success. */
gboolean vmd_remove_tree (const char *path, GError **error);
/* fsync of a file or directory by path. */
gboolean vmd_fsync_path (const char *path, GError **error);

G_END_DECLS
