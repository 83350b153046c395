/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-private.h"

/* The hypervisor's control, of the launch that is current. The process that launched it has it; any
 * other adopts it when it first needs it, since most readers never do. */

static VmdMachine *
ref_known (VmdVm *self, guint64 launch)
{
  VmdMachine *machine = NULL;

  g_mutex_lock (&self->mutex);
  if (self->machine != NULL && self->machine_launch == launch)
    machine = g_object_ref (self->machine);
  g_mutex_unlock (&self->mutex);
  return machine;
}

/* Keeps a reference. */
void
vmd_vm_take_machine (VmdVm *self, guint64 launch, VmdMachine *machine)
{
  g_autoptr (VmdMachine) old = NULL;

  g_mutex_lock (&self->mutex);
  old = g_steal_pointer (&self->machine);
  self->machine = g_object_ref (machine);
  self->machine_launch = launch;
  g_mutex_unlock (&self->mutex);
}

/* The launch is over: its control, and the connections to its guest, go. */
void
vmd_vm_forget_machine (VmdVm *self)
{
  g_autoptr (VmdMachine) old = NULL;

  g_mutex_lock (&self->mutex);
  old = g_steal_pointer (&self->machine);
  g_mutex_unlock (&self->mutex);
  vmd_connection_pool_forget (vmd_manager_get_connection_pool (self->manager), self->id);
}

/* Returns: (transfer full) (nullable): the control of the running hypervisor; WRONG_STATE when none
 *   runs, UNSUPPORTED when it is of another backend than the manager's */
VmdMachine *
vmd_vm_ref_machine (VmdVm *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdBackend *backend = vmd_manager_get_backend (self->manager);
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);
  g_autoptr (VmdMachine) machine = NULL;
  g_autofree char *name = vmd_vm_dup_name (self);

  if (!vmd_vm_snapshot_is_running (now))
    {
      vmd_fail (error, VMD_ERROR_WRONG_STATE, "VM “%s” does not run: vmctl start %s", name, name);
      return NULL;
    }
  machine = ref_known (self, now->launch->launch);
  if (machine != NULL)
    return g_steal_pointer (&machine);
  if (g_strcmp0 (now->row->backend, vmd_backend_get_name (backend)) != 0)
    {
      vmd_fail (error, VMD_ERROR_UNSUPPORTED, "VM “%s” runs under backend %s, but this is %s", name,
                now->row->backend, vmd_backend_get_name (backend));
      return NULL;
    }
  machine = vmd_backend_adopt (backend, self->id, &now->launch->process, now->launch->socket,
                               cancellable, deadline, error);
  if (machine == NULL)
    return NULL;
  vmd_vm_take_machine (self, now->launch->launch, machine);
  return g_steal_pointer (&machine);
}
