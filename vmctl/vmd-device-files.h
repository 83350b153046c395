/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-snapshot.h"

G_BEGIN_DECLS

/* A snapshot on disk. Whoever reads sees one version or another, whole, never a mixture. */

gboolean vmd_device_files_check_directory (const char *path, GError **error);
gboolean
vmd_device_files_write_output (const char *path, const VmdDeviceSnapshot *snapshot, GError **error);
gboolean vmd_device_files_write_directory (const char *path, const VmdDeviceSnapshot *snapshot,
                                           GError **error);

G_END_DECLS
