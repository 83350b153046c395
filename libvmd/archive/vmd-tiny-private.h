/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What in a tiny image does not come out of a package. */

#include "vmd-archive-private.h"

G_BEGIN_DECLS

/* Directories and the links between them, before anything else. */
gboolean vmd_tiny_add_directories (VmdExt4 *disk, GError **error);
/* busybox's links, and what is in /etc. */
gboolean vmd_tiny_add_files (VmdExt4 *disk, GError **error);

G_END_DECLS
