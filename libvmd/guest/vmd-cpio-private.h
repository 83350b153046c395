/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A cpio archive in memory, in the form that the kernel unpacks as initramfs ("newc"). */

#include <glib.h>

G_BEGIN_DECLS

void vmd_cpio_add_directory (GByteArray *archive, const char *path, guint mode);
void vmd_cpio_add_file (GByteArray *archive, const char *path, guint mode, const void *data,
                        gsize length);
void vmd_cpio_finish (GByteArray *archive);

G_END_DECLS
