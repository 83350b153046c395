/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The phases that start, stop and restart are made of. All wait, and none holds a lock. */

#include "vmd-vm-claim-private.h"

G_BEGIN_DECLS

/* vmd-vm-launch.c */
gboolean
vmd_vm_launch (VmdVm *self, VmdClaim *claim, VmdVerb *verb, guint64 *launch, GError **error);

/* vmd-vm-shut-down.c */
gboolean vmd_vm_shut_down (VmdVm *self, VmdClaim *claim, guint grace, const char *reason,
                           VmdVerb *verb, GError **error);

/* vmd-vm-start.c */
gboolean vmd_vm_wait_booted (VmdVm *self, guint64 launch, VmdReadiness wait_for, VmdVerb *verb,
                             GError **error);
gboolean
vmd_vm_wait_booted_by_another (VmdVm *self, VmdReadiness wait_for, VmdVerb *verb, GError **error);

G_END_DECLS
