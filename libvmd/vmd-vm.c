/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-private.h"

/**
 * VmdVm:
 *
 * A virtual machine: a view on its rows in memory, and the verbs that change it. Handles come from
 * a #VmdManager, one for each VM. All that is read comes from an immutable snapshot, on any thread,
 * without a lock and without waiting, also while the guest or the hypervisor hangs.
 *
 * Signal `changed` tells, in the manager's main context, that something read earlier may differ.
 *
 * Since: 0.1
 */

/**
 * VmdVmState:
 * @VMD_VM_CREATED: it never ran
 * @VMD_VM_RUNNING: its hypervisor runs
 * @VMD_VM_PAUSED: its hypervisor runs, and its processors stand still
 * @VMD_VM_STOPPED: it ran, and does not run now; or it is deleted
 * @VMD_VM_ERROR: its record cannot be used: vmd_vm_dup_reason() says why. A hypervisor may run
 *
 * What a VM is at. There is no “starting”: what is at work is told by vmd_vm_dup_transition(), and
 * how far the guest is by vmd_vm_get_readiness().
 *
 * Since: 0.1
 */

/**
 * VmdReadiness:
 * @VMD_READINESS_NONE: no hypervisor runs
 * @VMD_READINESS_LAUNCHED: the hypervisor runs
 * @VMD_READINESS_REACHABLE: one can log in over SSH
 * @VMD_READINESS_PROVISIONED: the guest says that seed and first-boot work are done
 *
 * How far a guest is; each includes those before it.
 *
 * Since: 0.1
 */

static guint changed_signal;

G_DEFINE_FINAL_TYPE (VmdVm, vmd_vm, G_TYPE_OBJECT)

static void
vmd_vm_finalize (GObject *object)
{
  VmdVm *self = VMD_VM (object);

  g_clear_pointer (&self->snapshot, vmd_vm_snapshot_unref);
  g_ptr_array_unref (self->waiters);
  g_ptr_array_unref (self->guards);
  g_hash_table_unref (self->claims);
  g_free (self->outcome_token);
  g_clear_error (&self->outcome);
  g_free (self->watched_token);
  g_clear_object (&self->machine);
  g_clear_object (&self->probe);
  g_free (self->host_key);
  g_mutex_clear (&self->mutex);
  g_free (self->id);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (vmd_vm_parent_class)->finalize (object);
}

static void
vmd_vm_class_init (VmdVmClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = vmd_vm_finalize;

  /**
   * VmdVm::changed:
   *
   * Emitted in the manager's main context after any of the things that can be read has changed.
   *
   * Since: 0.1
   */
  changed_signal =
      g_signal_new ("changed", VMD_TYPE_VM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vmd_vm_init (VmdVm *self)
{
  g_mutex_init (&self->mutex);
  self->snapshot = vmd_vm_snapshot_new ();
  self->waiters = g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_vm_waiter_unref);
  self->guards = g_ptr_array_new ();
  self->claims = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

VmdVm *
vmd_vm_new (VmdManager *manager, const char *id)
{
  VmdVm *self = g_object_new (VMD_TYPE_VM, NULL);

  self->manager = g_object_ref (manager);
  self->id = g_strdup (id);
  return self;
}

guint
vmd_vm_get_changed_signal (void)
{
  return changed_signal;
}

/* Returns: (transfer full): what is known now */
VmdVmSnapshot *
vmd_vm_ref_snapshot (VmdVm *self)
{
  VmdVmSnapshot *snapshot;

  g_mutex_lock (&self->mutex);
  snapshot = vmd_vm_snapshot_ref (self->snapshot);
  g_mutex_unlock (&self->mutex);
  return snapshot;
}

/* Puts an edited copy of the snapshot in its place, and sees to what follows. Several threads may
 * edit at once (store, process watcher, probe, verbs): the one that finds another snapshot in place
 * than it copied edits again, so nothing is called under the mutex and no edit is lost.
 *
 * Returns: whether there was anything to change
 */
gboolean
vmd_vm_edit (VmdVm *self, VmdVmEdit edit, gconstpointer data)
{
  gboolean done = FALSE;

  while (!done)
    {
      g_autoptr (VmdVmSnapshot) old = vmd_vm_ref_snapshot (self);
      g_autoptr (VmdVmSnapshot) next = vmd_vm_snapshot_copy (old);

      if (!edit (next, data))
        return FALSE;
      vmd_vm_snapshot_derive (next);
      g_mutex_lock (&self->mutex);
      done = self->snapshot == old;
      if (done)
        {
          VmdVmSnapshot *replaced = self->snapshot;

          self->snapshot = g_steal_pointer (&next);
          next = replaced;
        }
      g_mutex_unlock (&self->mutex);
    }
  vmd_vm_follow (self);
  return TRUE;
}

/* Returns: (transfer none) */
VmdManager *
vmd_vm_get_manager (VmdVm *self)
{
  return self->manager;
}

/* Returns: (transfer full): the VM's own directory, which is there once it was launched */
char *
vmd_vm_dup_dir (VmdVm *self)
{
  return vmd_manager_dup_vm_dir (self->manager, self->id);
}

/**
 * vmd_vm_get_id:
 *
 * Returns: its id, 32 hex digits, which never changes and is never used again
 *
 * Since: 0.1
 */
const char *
vmd_vm_get_id (VmdVm *self)
{
  g_return_val_if_fail (VMD_IS_VM (self), NULL);
  return self->id;
}

/**
 * vmd_vm_dup_name:
 *
 * Returns: (transfer full): its name
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_name (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (now->row != NULL && now->row->name != NULL ? now->row->name : self->id);
}

/**
 * vmd_vm_dup_image:
 *
 * Returns: (transfer full): the name of the image it was created from, which may point at another
 *   image by now; "" when it has none
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_image (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (now->row != NULL && now->row->image_name != NULL ? now->row->image_name : "");
}

/**
 * vmd_vm_dup_kernel:
 *
 * Returns: (transfer full): the version of its kernel; "" when it has none
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_kernel (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (now->row != NULL && now->row->kernel != NULL ? now->row->kernel : "");
}

/**
 * vmd_vm_get_vcpus:
 *
 * Returns: how many virtual processors it has
 *
 * Since: 0.1
 */
guint
vmd_vm_get_vcpus (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return now->row != NULL ? now->row->vcpus : 0;
}

/**
 * vmd_vm_get_memory:
 *
 * Returns: its memory in bytes
 *
 * Since: 0.1
 */
guint64
vmd_vm_get_memory (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return now->row != NULL ? now->row->memory : 0;
}

/**
 * vmd_vm_get_disk_size:
 *
 * Returns: the size of its disk in bytes, as the guest sees it
 *
 * Since: 0.1
 */
guint64
vmd_vm_get_disk_size (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return now->row != NULL ? now->row->disk_size : 0;
}

/**
 * vmd_vm_dup_network:
 *
 * Returns: (transfer full): "user" or "none"
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_network (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (now->row != NULL && now->row->network != NULL ? now->row->network : "");
}

/**
 * vmd_vm_dup_backend:
 *
 * Returns: (transfer full): the backend that it was created with: "qemu" or "fake"
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_backend (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (now->row != NULL && now->row->backend != NULL ? now->row->backend : "");
}

/**
 * vmd_vm_get_created:
 *
 * Returns: when it was created, in microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_vm_get_created (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return now->row != NULL ? now->row->created : 0;
}

/**
 * vmd_vm_get_launch:
 *
 * Returns: the number of its last launch; 0 when it was never started
 *
 * Since: 0.1
 */
guint64
vmd_vm_get_launch (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return now->row != NULL ? now->row->launch : 0;
}

/**
 * vmd_vm_get_state:
 *
 * Returns: its state, derived from its process; %VMD_VM_STOPPED once it is deleted
 *
 * Since: 0.1
 */
VmdVmState
vmd_vm_get_state (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return now->state;
}

/**
 * vmd_vm_dup_reason:
 *
 * Returns: (transfer full) (nullable): why it is stopped or in error, or what is wrong with it
 *   while it runs
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_reason (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (now->reason);
}

/**
 * vmd_vm_dup_transition:
 *
 * Returns: (transfer full) (nullable): the verb that is at work, in whichever process: "start",
 *   "stop", "restart", "delete", "set" or "kill"
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_transition (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return g_strdup (vmd_vm_snapshot_get_verb (now));
}

/**
 * vmd_vm_get_readiness:
 *
 * Returns: how far its guest is, as this process found it
 *
 * Since: 0.1
 */
VmdReadiness
vmd_vm_get_readiness (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  if (!vmd_vm_snapshot_is_running (now))
    return VMD_READINESS_NONE;
  return MAX (now->readiness, VMD_READINESS_LAUNCHED);
}

/**
 * vmd_vm_get_pid:
 *
 * Returns: the process id of its hypervisor; 0 when it has none
 *
 * Since: 0.1
 */
gint64
vmd_vm_get_pid (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return vmd_vm_snapshot_is_running (now) ? now->launch->process.pid : 0;
}

/**
 * vmd_vm_get_started:
 *
 * Returns: when it was started, in microseconds since 1970; 0 when it does not run
 *
 * Since: 0.1
 */
gint64
vmd_vm_get_started (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return vmd_vm_snapshot_is_running (now) ? now->launch->started : 0;
}

/**
 * vmd_vm_get_ssh_port:
 *
 * Returns: the TCP port of 127.0.0.1 at which the guest's SSH server answers; 0 when there is none
 *
 * Since: 0.1
 */
guint
vmd_vm_get_ssh_port (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return vmd_vm_snapshot_is_running (now) ? now->launch->port : 0;
}

/**
 * vmd_vm_dup_guest_boot_id:
 *
 * Returns: (transfer full) (nullable): the boot id that the guest's kernel chose, once the guest
 *   said it
 *
 * Since: 0.1
 */
char *
vmd_vm_dup_guest_boot_id (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  return vmd_vm_snapshot_is_running (now) ? g_strdup (now->launch->guest_boot_id) : NULL;
}
