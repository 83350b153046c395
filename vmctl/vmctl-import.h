/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"

#include <vmd-source.h>

G_BEGIN_DECLS

/* A git repository of the host on its way into a guest. */
VmdSource *vmctl_import_open_source (VmctlClient *client, const char *path,
                                     gboolean include_untracked, GError **error);
char *
vmctl_import_run (VmctlClient *client, const char *vm_path, const char *label, VmdSource *source,
                  const char *guest_path, gboolean replace, GError **error);

G_END_DECLS
