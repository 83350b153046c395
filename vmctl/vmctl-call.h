/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/* One method call at work, with the job that vmd does it as. */
typedef struct _VmctlCall VmctlCall;

VmctlCall *vmctl_call_new (VmctlClient *client, const char *path,
                           const GDBusInterfaceInfo *interface, const char *method);
void vmctl_call_unref (VmctlCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlCall, vmctl_call_unref)

/* Before it is begun. */
void vmctl_call_add_argument (VmctlCall *self, GVariant *argument);
void vmctl_call_add_option (VmctlCall *self, const char *name, GVariant *value);
GVariant *vmctl_call_add_fd (VmctlCall *self, int fd, GError **error);
const char *vmctl_call_add_job (VmctlCall *self);
void vmctl_call_show_progress (VmctlCall *self, const char *label);
void vmctl_call_show_lock (VmctlCall *self);
void vmctl_call_shield (VmctlCall *self);

void vmctl_call_begin (VmctlCall *self);
gboolean vmctl_call_is_done (VmctlCall *self);
GVariant *vmctl_call_finish (VmctlCall *self, GError **error);
GVariant *vmctl_call_run (VmctlCall *self, GError **error);
int vmctl_call_take_fd (VmctlCall *self, int index);

G_END_DECLS
