/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-call-private.h"
#include "vmd-vm-launch-private.h"

static gboolean
check (const VmdVmRow *row, gboolean is_running, const VmdClaimMeeting *meeting, GError **error)
{
  return !is_running || vmd_fail (error, VMD_ERROR_WRONG_STATE, "VM “%s” runs already", row->name);
}

/* Blocks until the launch that a verb made, or found made, is ready. It holds no claim any more:
 * who stops the VM now stops a VM that runs, and this wait ends with VM_STOPPED. */
gboolean
vmd_vm_wait_booted (VmdVm *self, guint64 launch, VmdReadiness wait_for, VmdVerb *verb,
                    GError **error)
{
  vmd_job_set_phase (vmd_verb_get_job (verb), "booting");
  return vmd_vm_wait_for_readiness (self, launch, wait_for, vmd_verb_get_cancellable (verb), error);
}

/* Another start or restart did the work, but perhaps for somebody who waits for less. */
gboolean
vmd_vm_wait_booted_by_another (VmdVm *self, VmdReadiness wait_for, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);
  g_autofree char *name = NULL;

  if (vmd_vm_snapshot_is_running (now))
    return vmd_vm_wait_booted (self, now->launch->launch, wait_for, verb, error);
  name = vmd_vm_dup_name (self);
  return vmd_fail (error, VMD_ERROR_VM_STOPPED, "VM “%s” was stopped while it was starting", name);
}

static gboolean
start (VmdVm *self, VmdReadiness wait_for, VmdLock *lock, VmdVerb *verb, GError **error)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_START, .check = check };
  VmdClaimMeeting meeting;
  g_autoptr (VmdClaim) claim = vmd_claim_new (self, &terms, lock, verb, &meeting, error);
  gboolean launched;
  guint64 launch;

  if (claim == NULL)
    return meeting.joined && vmd_vm_wait_booted_by_another (self, wait_for, verb, error);
  launched =
      vmd_claim_clear_remains (claim, error) && vmd_vm_launch (self, claim, verb, &launch, error);
  vmd_claim_end (claim, launched ? NULL : *error);
  return launched && vmd_vm_wait_booted (self, launch, wait_for, verb, error);
}

/**
 * vmd_vm_start:
 * @wait_for: how far the guest must be when this returns
 * @lock: (nullable): this VM, exclusive; %NULL: it is taken for the moment in which the start is
 *   claimed, and not while the hypervisor or the guest come up
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Starts the VM and blocks until its guest is that far. A start or restart that is at work, in this
 * process or another, is joined; a stop or kill is waited for. Given up, or failed, before the
 * hypervisor runs, the start is undone; after that only the waiting ends, and the VM goes on. A
 * guest that does not become ready in time is left running too, for somebody to look at. Not on a
 * main loop.
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_WRONG_STATE when it runs already or its record is bad,
 *   %VMD_ERROR_BUSY while it is being deleted, %VMD_ERROR_NOT_FOUND when it was deleted,
 *   %VMD_ERROR_VM_STOPPED when somebody stopped it meanwhile, %VMD_ERROR_BOOT_FAILED when the guest
 *   did not become ready (with the last lines of its console), %VMD_ERROR_BACKEND,
 *   %VMD_ERROR_MISSING_PROGRAM, %VMD_ERROR_NO_SPACE, %VMD_ERROR_NOT_LOCKED, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
gboolean
vmd_vm_start (VmdVm *self, VmdReadiness wait_for, VmdLock *lock, VmdJob *job,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autofree char *name = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (self->manager, job, "start", name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  start (self, wait_for, lock, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static gboolean
start_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_start (self, call->readiness, call->lock, call->job, cancellable, error);
}

/**
 * vmd_vm_start_async:
 *
 * vmd_vm_start() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_start_async (VmdVm *self, VmdReadiness wait_for, VmdLock *lock, VmdJob *job,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = { .run = start_in_thread, .readiness = wait_for, .lock = lock, .job = job };

  vmd_vm_call_async (self, &call, vmd_vm_start_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_start_finish:
 *
 * Returns: as vmd_vm_start()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_start_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_start_async, error);
}
