/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-call-private.h"
#include "vmd-vm-claim-private.h"

#include <signal.h>

/* Killing is two things. The signal goes out at once, from memory, without a lock or a claim:
 * whatever holds the VM up, it ends it. What follows is bookkeeping, and waits its turn like any
 * verb. */

static gboolean
check (const VmdVmRow *row, gboolean is_running, const VmdClaimMeeting *meeting, GError **error)
{
  return is_running || meeting->cancelled ||
         vmd_fail (error, VMD_ERROR_WRONG_STATE, "VM “%s” does not run", row->name);
}

/* @launch: (out): which one was hit; 0: none runs. */
static gboolean
send_signal (VmdVm *self, guint64 *launch, GError **error)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  *launch = 0;
  if (!vmd_vm_snapshot_is_running (now))
    return TRUE;
  *launch = now->launch->launch;
  vmd_vm_set_exit_reason (self, *launch, "killed");
  return vmd_process_id_kill (&now->launch->process, SIGKILL, error);
}

/* A launch that began after the signal was sent is somebody's who came later, and is left alone. */
static gboolean
record (VmdVm *self, VmdClaim *claim, guint64 signalled, GError **error)
{
  const VmdLaunchRow *launch = vmd_claim_get_launch (claim);

  if (!vmd_claim_is_running (claim))
    return vmd_claim_clear_remains (claim, error);
  if (signalled != 0 && launch->launch != signalled)
    return TRUE;
  return vmd_vm_tear_down (self, launch, "killed", error);
}

static gboolean
kill_vm (VmdVm *self, VmdVerb *verb, GError **error)
{
  VmdClaimTerms terms = { .verb = VMD_CLAIM_KILL };
  VmdClaimMeeting meeting;
  g_autoptr (VmdClaim) claim = NULL;
  guint64 launch;
  gboolean recorded;

  if (!send_signal (self, &launch, error))
    return FALSE;
  if (launch == 0)
    terms.check = check;
  claim = vmd_claim_new (self, &terms, NULL, verb, &meeting, error);
  if (claim == NULL)
    return meeting.joined;
  recorded = record (self, claim, launch, error);
  vmd_claim_end (claim, recorded ? NULL : *error);
  return recorded;
}

/**
 * vmd_vm_kill:
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up the recording; the hypervisor is dead by then
 *
 * Ends the hypervisor at once, as if the power were cut. The signal needs no lock and waits for
 * nobody. Then the VM's lock is taken for a moment, to record it and to clear up; that is waited
 * for. Imports, exports and a start that is at work end with %VMD_ERROR_VM_STOPPED. A stop, kill or
 * delete that is at work is joined. Not on a main loop.
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_WRONG_STATE when it does not run, %VMD_ERROR_NOT_FOUND
 *   when it was deleted, %VMD_ERROR_CANCELLED, or what could not be cleared away
 *
 * Since: 0.1
 */
gboolean
vmd_vm_kill (VmdVm *self, VmdJob *job, GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autofree char *name = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (self->manager, job, "kill", name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  kill_vm (self, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static gboolean
kill_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_kill (self, call->job, cancellable, error);
}

/**
 * vmd_vm_kill_async:
 *
 * vmd_vm_kill() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_kill_async (VmdVm *self, VmdJob *job, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = { .run = kill_in_thread, .job = job };

  vmd_vm_call_async (self, &call, vmd_vm_kill_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_kill_finish:
 *
 * Returns: as vmd_vm_kill()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_kill_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_kill_async, error);
}
