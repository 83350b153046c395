/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All that is known about a VM at one moment. Immutable once it is shared; counted by reference. */

#include "store/vmd-rows-private.h"
#include "vmd-vm.h"

G_BEGIN_DECLS

typedef struct
{
  /* As the store has it. */
  VmdVmRow *row; /* (nullable) there is no such VM (any more) */
  VmdLaunchRow *launch; /* (nullable) */
  VmdTransitionRow *transition; /* (nullable) */
  char *problem; /* (nullable) why the record cannot be read */

  /* As this process found it. */
  gboolean process_alive; /* that of launch */
  gboolean owner_alive; /* that of transition */
  gboolean paused;
  gboolean ended_on_purpose; /* a verb ended the launch, not an accident */
  char *exit_reason; /* (nullable) how the process of launch ended */
  VmdReadiness readiness; /* of launch, as probed */
  GError *boot_error; /* (nullable) the launch did not become ready in time */

  /* What follows from it: vmd_vm_snapshot_derive(). */
  VmdVmState state;
  char *reason; /* (nullable) */
} VmdVmSnapshot;

VmdVmSnapshot *vmd_vm_snapshot_new (void);
VmdVmSnapshot *vmd_vm_snapshot_copy (const VmdVmSnapshot *self);
VmdVmSnapshot *vmd_vm_snapshot_ref (VmdVmSnapshot *self);
void vmd_vm_snapshot_unref (VmdVmSnapshot *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdVmSnapshot, vmd_vm_snapshot_unref)

void vmd_vm_snapshot_derive (VmdVmSnapshot *self);
gboolean vmd_vm_snapshot_is_running (const VmdVmSnapshot *self);
gboolean vmd_vm_snapshot_is_gone (const VmdVmSnapshot *self);
gboolean vmd_vm_snapshot_has_launch (const VmdVmSnapshot *self, guint64 launch);
gboolean vmd_vm_snapshot_needs_settling (const VmdVmSnapshot *self);
gboolean vmd_vm_snapshot_is_ending (const VmdVmSnapshot *self, guint64 launch);
const char *vmd_vm_snapshot_get_verb (const VmdVmSnapshot *self);

G_END_DECLS
