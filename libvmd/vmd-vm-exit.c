/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-claim-private.h"

#include <string.h>
#include <sys/wait.h>

/* The end of a hypervisor that nobody asked for. In memory the VM is stopped at once, since its
 * state is derived from the process; on disk its launch ends when its remains are cleared away,
 * which is called settling here. Settling needs the VM lock, for milliseconds, and is done by
 * whoever comes first: this process, another one on the same state directory, the next start, or
 * the next open. */

static char *
describe_exit (int wait_status)
{
  if (wait_status != -1 && WIFEXITED (wait_status))
    return g_strdup_printf ("the hypervisor exited with status %d", WEXITSTATUS (wait_status));
  if (wait_status != -1 && WIFSIGNALED (wait_status))
    return g_strdup_printf ("the hypervisor was killed by signal %d (%s)", WTERMSIG (wait_status),
                            strsignal (WTERMSIG (wait_status)));
  return g_strdup ("the hypervisor ended");
}

typedef struct
{
  const VmdProcessId *process; /* (nullable) */
  guint64 launch;
  const char *reason;
} Ended;

static gboolean
put_exit (VmdVmSnapshot *next, gconstpointer data)
{
  const Ended *ended = data;

  if (!next->process_alive || next->launch == NULL ||
      !vmd_process_id_equal (&next->launch->process, ended->process))
    return FALSE;
  next->process_alive = FALSE;
  if (next->exit_reason == NULL)
    next->exit_reason = g_strdup (ended->reason);
  return TRUE;
}

/* On the process watcher's thread. @data: the VM. */
void
vmd_vm_process_exited_cb (const VmdProcessId *process, int wait_status, gpointer data)
{
  g_autofree char *reason = describe_exit (wait_status);
  const Ended ended = { .process = process, .reason = reason };

  vmd_vm_edit (data, put_exit, &ended);
}

static gboolean
put_reason (VmdVmSnapshot *next, gconstpointer data)
{
  const Ended *ended = data;

  if (next->launch == NULL || next->launch->launch != ended->launch || next->exit_reason != NULL)
    return FALSE;
  next->ended_on_purpose = TRUE;
  next->exit_reason = g_strdup (ended->reason);
  return TRUE;
}

/* A verb is about to end this launch: that, and not a signal's number, will be the reason. The
 * first one counts. */
void
vmd_vm_set_exit_reason (VmdVm *self, guint64 launch, const char *reason)
{
  const Ended ended = { .launch = launch, .reason = reason };

  vmd_vm_edit (self, put_reason, &ended);
}

typedef struct
{
  const VmdLaunchRow *launch;
  gboolean is_ours; /* nobody else has settled it, or claimed the VM */
} Settling;

/* Memory may be a moment behind another process, and what a launch made has the same names in the
 * next: to clear away the last one late would take the next one's sockets. */
static gboolean
look_again (sqlite3 *db, gpointer data, GError **error)
{
  Settling *settling = data;
  const char *vm = settling->launch->vm;
  g_autoptr (VmdTransitionRow) transition = NULL;
  g_autoptr (VmdLaunchRow) launch = NULL;
  g_autoptr (GError) local = NULL;

  launch = vmd_launch_row_load (db, vm, &local);
  if (local == NULL)
    transition = vmd_transition_row_load (db, vm, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  settling->is_ours = launch != NULL && launch->launch == settling->launch->launch &&
                      (transition == NULL || !vmd_claim_is_live (transition));
  return TRUE;
}

/* Under the VM lock, whoever holds it: nobody can claim meanwhile. */
gboolean
vmd_vm_settle_with (VmdVm *self, VmdHold *hold, GError **error)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);
  Settling settling = { .launch = now->launch };

  g_return_val_if_fail (hold != NULL, FALSE);
  if (!vmd_vm_snapshot_needs_settling (now))
    return TRUE;
  if (!vmd_store_transact (vmd_manager_get_store (self->manager), look_again, &settling, NULL,
                           error))
    return FALSE;
  if (!settling.is_ours)
    return TRUE;
  if (vmd_vm_tear_down (self, now->launch,
                        now->exit_reason != NULL ? now->exit_reason : "the hypervisor ended",
                        error))
    return TRUE;
  g_mutex_lock (&self->mutex);
  self->settle_failed = now->launch->launch;
  g_mutex_unlock (&self->mutex);
  return FALSE;
}

/* Ends the launch of a process that is gone. Blocks for the VM lock. */
gboolean
vmd_vm_settle (VmdVm *self, GError **error)
{
  g_autoptr (VmdHold) hold = NULL;

  hold = vmd_hold_new (self->manager, NULL, VMD_LOCK_VM, self->id, VMD_LOCK_EXCLUSIVE,
                       "clear up after its hypervisor", NULL,
                       vmd_manager_get_cancellable (self->manager), error);
  return hold != NULL && vmd_vm_settle_with (self, hold, error);
}

/* A process may have ended while we were at an earlier one's remains, and nobody else looks. Where
 * nothing has changed, nothing was done for a good reason, and is not tried again. */
static void
look_for_more (VmdVm *self, const VmdVmSnapshot *before)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  if (now != before && vmd_vm_snapshot_needs_settling (now))
    vmd_vm_settle_later (self);
}

static void
settle_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_autoptr (VmdVm) self = g_object_ref (data);
  g_autoptr (VmdVmSnapshot) before = vmd_vm_ref_snapshot (self);
  GError *error = NULL;
  gboolean settled = vmd_vm_settle (self, &error);

  g_mutex_lock (&self->mutex);
  self->settling = FALSE;
  g_mutex_unlock (&self->mutex);
  look_for_more (self, before);
  /* A task that has returned stays until its context has iterated, and a program that never does
   * would keep the VM, and with it the manager. */
  g_task_set_task_data (task, NULL, NULL);
  if (settled)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* The same on a thread of its own, once. From any thread. A failure leaves the record: the next
 * start, delete or open tries again, and the VM's reason says what happened. */
void
vmd_vm_settle_later (VmdVm *self)
{
  GCancellable *closing = vmd_manager_get_cancellable (self->manager);
  g_autoptr (GTask) task = NULL;
  gboolean wanted;

  if (g_cancellable_is_cancelled (closing))
    return;
  g_mutex_lock (&self->mutex);
  wanted = !self->settling && self->snapshot->launch != NULL &&
           self->settle_failed != self->snapshot->launch->launch;
  self->settling = self->settling || wanted;
  g_mutex_unlock (&self->mutex);
  if (!wanted)
    return;
  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_source_tag (task, vmd_vm_settle_later);
  g_task_set_task_data (task, g_object_ref (self), g_object_unref);
  vmd_worker_run (vmd_manager_get_worker (self->manager), VMD_WORKER_LIFECYCLE, task,
                  settle_in_thread);
}
