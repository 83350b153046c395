/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "vmd-cancel-chain-private.h"
#include "vmd-vm-call-private.h"
#include "vmd-vm-private.h"

#include <sys/eventfd.h>
#include <unistd.h>

/* All waiting for a VM is waiting for its snapshot to change: for a claim to end, in this process
 * or in another, for a hypervisor to exit, for a guest to become ready. Each waiter has an eventfd,
 * so that it polls that together with its cancellable and its deadline. */
struct _VmdVmWaiter
{
  int fd;
};

static VmdVmWaiter *
waiter_new (VmdVm *vm)
{
  VmdVmWaiter *self = g_atomic_rc_box_new0 (VmdVmWaiter);

  self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_mutex_lock (&vm->mutex);
  g_ptr_array_add (vm->waiters, g_atomic_rc_box_acquire (self));
  g_mutex_unlock (&vm->mutex);
  return self;
}

static void
waiter_clear (gpointer data)
{
  VmdVmWaiter *self = data;

  vmd_clear_fd (&self->fd);
}

void
vmd_vm_waiter_unref (VmdVmWaiter *waiter)
{
  g_atomic_rc_box_release_full (waiter, waiter_clear);
}

static void
waiter_leave (VmdVmWaiter *self, VmdVm *vm)
{
  guint index;

  g_mutex_lock (&vm->mutex);
  if (g_ptr_array_find (vm->waiters, self, &index))
    g_ptr_array_steal_index_fast (vm->waiters, index);
  g_mutex_unlock (&vm->mutex);
  vmd_vm_waiter_unref (self);
  vmd_vm_waiter_unref (self);
}

/* Lets everybody look again. */
void
vmd_vm_wake_waiters (VmdVm *self)
{
  g_autoptr (GPtrArray) waiters =
      g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_vm_waiter_unref);

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->waiters->len; i++)
    g_ptr_array_add (waiters, g_atomic_rc_box_acquire (self->waiters->pdata[i]));
  g_mutex_unlock (&self->mutex);
  for (guint i = 0; i < waiters->len; i++)
    {
      VmdVmWaiter *waiter = waiters->pdata[i];

      eventfd_write (waiter->fd, 1);
    }
}

static gboolean
wait_for_wake (VmdVmWaiter *waiter, GCancellable *cancellable, gint64 deadline, const char *what,
               GError **error)
{
  struct pollfd fd = { .fd = waiter->fd, .events = POLLIN };
  eventfd_t count;

  if (waiter->fd < 0)
    return vmd_fail_errno (error, EMFILE, "Cannot wait for the VM");
  if (!vmd_poll (&fd, 1, cancellable, deadline, what, error))
    return FALSE;
  eventfd_read (waiter->fd, &count);
  return TRUE;
}

/**
 * vmd_vm_wait_until:
 * @condition: looks at a snapshot, and at nothing else
 * @deadline: in the time of g_get_monotonic_time()
 * @what: completes "timed out while …"
 *
 * Blocks until @condition holds. Not on a main loop.
 *
 * Returns: TRUE; or FALSE with CANCELLED or TIMED_OUT
 */
gboolean
vmd_vm_wait_until (VmdVm *self, VmdVmCondition condition, gconstpointer data,
                   GCancellable *cancellable, gint64 deadline, const char *what, GError **error)
{
  VmdVmWaiter *waiter = waiter_new (self);
  gboolean holds, waiting = TRUE;

  do
    {
      g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

      holds = condition (now, data);
      if (!holds)
        waiting = wait_for_wake (waiter, cancellable, deadline, what, error);
    }
  while (!holds && waiting);
  waiter_leave (waiter, self);
  return holds;
}

typedef struct
{
  guint64 launch;
  VmdReadiness readiness;
} Wanted;

static gboolean
is_ready (const VmdVmSnapshot *now, const Wanted *wanted)
{
  return vmd_vm_snapshot_has_launch (now, wanted->launch) &&
         MAX (now->readiness, VMD_READINESS_LAUNCHED) >= wanted->readiness;
}

static gboolean
is_ready_or_never_will (const VmdVmSnapshot *now, gconstpointer data)
{
  const Wanted *wanted = data;

  return is_ready (now, wanted) || now->boot_error != NULL ||
         !vmd_vm_snapshot_has_launch (now, wanted->launch) ||
         vmd_vm_snapshot_is_ending (now, wanted->launch);
}

/* Why the launch that was waited for will not become ready. */
static gboolean
fail_ended (VmdVm *self, const VmdVmSnapshot *now, guint64 launch, GError **error)
{
  g_autofree char *name = vmd_vm_dup_name (self);
  g_autofree char *console = NULL;

  if (vmd_vm_snapshot_has_launch (now, launch) && now->boot_error != NULL)
    {
      g_propagate_error (error, g_error_copy (now->boot_error));
      return FALSE;
    }
  if (vmd_vm_snapshot_is_gone (now))
    return vmd_fail (error, VMD_ERROR_VM_STOPPED, "VM “%s” was deleted while it was starting",
                     name);
  if (now->ended_on_purpose || vmd_vm_snapshot_is_ending (now, launch) ||
      now->row->launch != launch)
    return vmd_fail (error, VMD_ERROR_VM_STOPPED, "VM “%s” was stopped while it was starting",
                     name);
  console = vmd_vm_dup_console_tail (self);
  return vmd_fail (error, VMD_ERROR_BACKEND, "VM “%s” ended while it was starting: %s%s", name,
                   now->reason != NULL ? now->reason : "its hypervisor is gone", console);
}

/* Blocks until that launch is ready. Its end, and its boot's failure, are errors. */
gboolean
vmd_vm_wait_for_readiness (VmdVm *self, guint64 launch, VmdReadiness readiness,
                           GCancellable *cancellable, GError **error)
{
  const Wanted wanted = { launch, readiness };
  g_autoptr (VmdVmSnapshot) now = NULL;

  if (!vmd_vm_wait_until (self, is_ready_or_never_will, &wanted, cancellable, VMD_NO_DEADLINE,
                          "waiting for the guest", error))
    return FALSE;
  now = vmd_vm_ref_snapshot (self);
  return is_ready (now, &wanted) || fail_ended (self, now, launch, error);
}

/* It runs, or nobody is about to make it run. What a restart is about to end is not what is waited
 * for. */
static gboolean
has_decided_to_run (const VmdVmSnapshot *now, gconstpointer data)
{
  const char *verb = vmd_vm_snapshot_get_verb (now);
  gboolean starting = g_strcmp0 (verb, "start") == 0 || g_strcmp0 (verb, "restart") == 0;

  if (vmd_vm_snapshot_is_gone (now) || !starting)
    return TRUE;
  return vmd_vm_snapshot_is_running (now) && !vmd_vm_snapshot_is_ending (now, now->launch->launch);
}

/**
 * vmd_vm_wait_ready:
 * @readiness: how far the guest must be
 * @cancellable: (nullable): ends the waiting; the VM is left as it is
 *
 * Blocks until the running VM's guest is that far. A VM that is being started is waited for. Needs
 * no lock. Not on a main loop.
 *
 * Returns: TRUE; or FALSE with %VMD_ERROR_WRONG_STATE when it does not run, %VMD_ERROR_VM_STOPPED
 *   or %VMD_ERROR_BACKEND when it ended meanwhile, %VMD_ERROR_BOOT_FAILED when it did not become
 *   ready in time, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
gboolean
vmd_vm_wait_ready (VmdVm *self, VmdReadiness readiness, GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdCancelChain) chain = NULL;
  g_autoptr (VmdVmSnapshot) now = NULL;
  g_autofree char *name = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  chain = vmd_cancel_chain_new (cancellable, vmd_manager_get_cancellable (self->manager));
  cancellable = vmd_cancel_chain_get (chain);
  if (!vmd_vm_wait_until (self, has_decided_to_run, NULL, cancellable, VMD_NO_DEADLINE,
                          "waiting for the VM to start", error))
    return FALSE;
  now = vmd_vm_ref_snapshot (self);
  if (vmd_vm_snapshot_is_running (now))
    return vmd_vm_wait_for_readiness (self, now->launch->launch, readiness, cancellable, error);
  name = vmd_vm_dup_name (self);
  return vmd_fail (error, VMD_ERROR_WRONG_STATE, "VM “%s” does not run: vmctl start %s", name,
                   name);
}

static gboolean
does_not_run (const VmdVmSnapshot *now, gconstpointer data)
{
  return !vmd_vm_snapshot_is_running (now);
}

/**
 * vmd_vm_wait_stopped:
 * @cancellable: (nullable): ends the waiting; the VM is left as it is
 *
 * Blocks until the VM does not run, which may be so at once. Needs no lock. Not on a main loop.
 *
 * Returns: TRUE; or FALSE with %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
gboolean
vmd_vm_wait_stopped (VmdVm *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdCancelChain) chain = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  chain = vmd_cancel_chain_new (cancellable, vmd_manager_get_cancellable (self->manager));
  return vmd_vm_wait_until (self, does_not_run, NULL, vmd_cancel_chain_get (chain), VMD_NO_DEADLINE,
                            "waiting for the VM to stop", error);
}

static gboolean
wait_ready_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_wait_ready (self, call->readiness, cancellable, error);
}

/**
 * vmd_vm_wait_ready_async:
 *
 * vmd_vm_wait_ready() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_wait_ready_async (VmdVm *self, VmdReadiness readiness, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = { .run = wait_ready_in_thread, .readiness = readiness };

  vmd_vm_call_async (self, &call, vmd_vm_wait_ready_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_wait_ready_finish:
 *
 * Returns: as vmd_vm_wait_ready()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_wait_ready_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_wait_ready_async, error);
}

static gboolean
wait_stopped_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable,
                        GError **error)
{
  return vmd_vm_wait_stopped (self, cancellable, error);
}

/**
 * vmd_vm_wait_stopped_async:
 *
 * vmd_vm_wait_stopped() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_wait_stopped_async (VmdVm *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data)
{
  VmdVmCall call = { .run = wait_stopped_in_thread };

  vmd_vm_call_async (self, &call, vmd_vm_wait_stopped_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_wait_stopped_finish:
 *
 * Returns: as vmd_vm_wait_stopped()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_wait_stopped_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_wait_stopped_async, error);
}
