/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-private.h"

/* Why a guard: work in a guest holds no VM lock, so that stop, kill and delete need not wait for
 * it. They end it instead: a claim on the launch, or its end, in this process or another, comes in
 * through the VM's snapshot, and the job of each guard is aborted with VM_STOPPED. */
struct _VmdGuestGuard
{
  VmdVm *vm; /* (nullable) it was gone already */
  VmdJob *job;
  guint64 launch;
};

static gboolean
is_live (const VmdVmSnapshot *now, guint64 launch)
{
  return !vmd_vm_snapshot_is_gone (now) && vmd_vm_snapshot_has_launch (now, launch) &&
         !vmd_vm_snapshot_is_ending (now, launch);
}

static void
abort_job (VmdJob *job, const char *name)
{
  g_autofree char *message = g_strdup_printf (
      "VM “%s” was stopped, restarted, killed or deleted, or its hypervisor ended", name);

  vmd_job_abort (job, VMD_ERROR_VM_STOPPED, message);
}

/* Ends the jobs whose launch has ended or is about to, by the snapshot that is in place: an older
 * one may know nothing of a launch that a guard is of. Without any mutex held. */
void
vmd_vm_check_guards (VmdVm *self)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *name = NULL;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->guards->len; i++)
    {
      VmdGuestGuard *guard = self->guards->pdata[i];

      if (!is_live (self->snapshot, guard->launch))
        g_ptr_array_add (jobs, g_object_ref (guard->job));
    }
  g_mutex_unlock (&self->mutex);
  if (jobs->len == 0)
    return;
  name = vmd_vm_dup_name (self);
  for (guint i = 0; i < jobs->len; i++)
    abort_job (jobs->pdata[i], name);
}

/**
 * vmd_guest_guard_new:
 * @job: what to end
 * @launch: the launch that the work belongs to
 *
 * From now on @job is aborted with VM_STOPPED as soon as that launch ends, or a verb that ends it
 * is claimed; at once if it is so already.
 *
 * Returns: (transfer full)
 */
VmdGuestGuard *
vmd_guest_guard_new (VmdManager *manager, VmdJob *job, const char *vm_id, guint64 launch)
{
  VmdGuestGuard *self = g_new0 (VmdGuestGuard, 1);

  self->vm = vmd_manager_lookup_vm (manager, vm_id);
  self->job = g_object_ref (job);
  self->launch = launch;
  if (self->vm == NULL)
    {
      abort_job (job, vm_id);
      return self;
    }
  g_mutex_lock (&self->vm->mutex);
  g_ptr_array_add (self->vm->guards, self);
  g_mutex_unlock (&self->vm->mutex);
  vmd_vm_check_guards (self->vm);
  return self;
}

void
vmd_guest_guard_free (VmdGuestGuard *self)
{
  if (self->vm != NULL)
    {
      g_mutex_lock (&self->vm->mutex);
      g_ptr_array_remove_fast (self->vm->guards, self);
      g_mutex_unlock (&self->vm->mutex);
    }
  g_clear_object (&self->vm);
  g_object_unref (self->job);
  g_free (self);
}

/**
 * vmd_guest_guard_check:
 *
 * Returns: TRUE while @launch of the VM lives and nobody has claimed its end; else FALSE with
 *   VM_STOPPED. From memory: who writes under this condition asks the store again, in the same
 *   transaction.
 */
gboolean
vmd_guest_guard_check (VmdManager *manager, const char *vm_id, guint64 launch, GError **error)
{
  g_autoptr (VmdVm) vm = vmd_manager_lookup_vm (manager, vm_id);
  g_autoptr (VmdVmSnapshot) now = vm != NULL ? vmd_vm_ref_snapshot (vm) : NULL;

  if (now != NULL && is_live (now, launch))
    return TRUE;
  return vmd_fail (error, VMD_ERROR_VM_STOPPED,
                   "VM “%s” was stopped, restarted or deleted meanwhile",
                   now != NULL && now->row != NULL ? now->row->name : vm_id);
}
