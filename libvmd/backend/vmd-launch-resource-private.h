/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a launch makes beside its process, as recorded: a kind and a name. */

#include "vmd-backend-private.h"

G_BEGIN_DECLS

#define VMD_RESOURCE_PROCESS "process" /* name: boot id, pid and start time, with spaces between */
#define VMD_RESOURCE_FILE "file" /* these: a path */
#define VMD_RESOURCE_SOCKET "socket"
#define VMD_RESOURCE_DIRECTORY "directory"

char *vmd_launch_resource_dup_process_name (const VmdProcessId *process);
gboolean vmd_launch_resource_record (const VmdLaunchRecorder *recorder, const char *kind,
                                     const char *name, GError **error);
gboolean vmd_launch_resource_remove (const char *kind, const char *name, GError **error);

G_END_DECLS
