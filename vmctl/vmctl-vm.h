/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"
#include "vmctl-json.h"

G_BEGIN_DECLS

/* A VM as it is shown. */
VmdDbusVm *vmctl_vm_load (VmctlClient *client, const char *path, GError **error);
void vmctl_vm_add_json (JsonBuilder *builder, VmdDbusVm *vm);
char *vmctl_vm_dup_state (VmdDbusVm *vm);

G_END_DECLS
