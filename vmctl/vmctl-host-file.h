/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"

G_BEGIN_DECLS

/* Files of the host that vmd gets as descriptors. */
int vmctl_host_file_open (const char *path, GError **error);
char *vmctl_host_file_read_text (const char *path, gsize limit, GError **error);
char *vmctl_host_file_dup_description (const char *path);
void vmctl_host_file_name_in_error (const char *path, GError **error);
int vmctl_host_file_archive_directory (VmctlClient *client, const char *directory, GError **error);

G_END_DECLS
