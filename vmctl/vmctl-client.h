/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-connection.h"
#include "vmctl-interrupt.h"
#include "vmctl-progress.h"

G_BEGIN_DECLS

/* One run of vmctl: its connection, its signals, how it prints. */
typedef struct _VmctlClient VmctlClient;

VmctlClient *vmctl_client_new (gboolean json);
void vmctl_client_free (VmctlClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlClient, vmctl_client_free)

gboolean vmctl_client_connect (VmctlClient *self, VmctlConnectionMode mode, GError **error);
VmctlConnection *vmctl_client_get_connection (VmctlClient *self);
GDBusConnection *vmctl_client_get_bus (VmctlClient *self);
const char *vmctl_client_get_bus_name (VmctlClient *self);
char *vmctl_client_dup_job_path (VmctlClient *self, const char *token);

gboolean vmctl_client_is_json (VmctlClient *self);
VmctlInterrupt *vmctl_client_get_interrupt (VmctlClient *self);
GCancellable *vmctl_client_get_cancellable (VmctlClient *self);
VmctlProgress *vmctl_client_get_progress (VmctlClient *self);

const char *vmctl_client_get_lock_token (VmctlClient *self, const char *object_path);

G_END_DECLS
