/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-call-private.h"
#include "vmd-vm-launch-private.h"

static gboolean
check (const VmdVmRow *row, gboolean is_running, const VmdClaimMeeting *meeting, GError **error)
{
  return is_running || meeting->cancelled ||
         vmd_fail (error, VMD_ERROR_WRONG_STATE, "VM “%s” does not run", row->name);
}

static gboolean
stop (VmdVm *self, guint grace, VmdLock *lock, VmdVerb *verb, GError **error)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_STOP, .check = check };
  VmdClaimMeeting meeting;
  g_autoptr (VmdClaim) claim = vmd_claim_new (self, &terms, lock, verb, &meeting, error);
  gboolean stopped;

  if (claim == NULL)
    return meeting.joined;
  if (vmd_claim_is_running (claim))
    stopped = vmd_vm_shut_down (self, claim, grace, "stopped", verb, error);
  else
    stopped = vmd_claim_clear_remains (claim, error);
  vmd_claim_end (claim, stopped ? NULL : *error);
  return stopped;
}

/**
 * vmd_vm_stop:
 * @grace: milliseconds that the guest has to power off, after which it is killed; 0: at once
 * @lock: (nullable): this VM, exclusive; %NULL: it is taken for the moment in which the stop is
 *   claimed, and not while the guest powers off
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up; the guest, once asked, may power off all the same
 *
 * Has the guest write its disks and power off, and blocks until nothing of the launch is left.
 * Imports and exports of this VM end with %VMD_ERROR_VM_STOPPED; so does a start or restart that is
 * at work, in this process or another. A stop or kill that is at work is joined. Not on a main
 * loop.
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_WRONG_STATE when it does not run, %VMD_ERROR_BUSY while
 *   it is being deleted, %VMD_ERROR_NOT_FOUND when it was, %VMD_ERROR_NOT_LOCKED,
 *   %VMD_ERROR_CANCELLED, or what could not be cleared away
 *
 * Since: 0.1
 */
gboolean
vmd_vm_stop (VmdVm *self, guint grace, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
             GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autofree char *name = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (self->manager, job, "stop", name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  stop (self, grace, lock, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static gboolean
stop_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_stop (self, call->grace, call->lock, call->job, cancellable, error);
}

/**
 * vmd_vm_stop_async:
 *
 * vmd_vm_stop() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_stop_async (VmdVm *self, guint grace, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = { .run = stop_in_thread, .grace = grace, .lock = lock, .job = job };

  vmd_vm_call_async (self, &call, vmd_vm_stop_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_stop_finish:
 *
 * Returns: as vmd_vm_stop()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_stop_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_stop_async, error);
}
