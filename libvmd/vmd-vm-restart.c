/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-call-private.h"
#include "vmd-vm-launch-private.h"

/* One claim over both halves: nobody gets in between, and those who wait for the VM to run know
 * that it will. */
static gboolean
stop_and_launch (VmdVm *self, VmdClaim *claim, guint grace, VmdVerb *verb, guint64 *launch,
                 GError **error)
{
  gboolean is_down;

  if (vmd_claim_is_running (claim))
    is_down = vmd_vm_shut_down (self, claim, grace, "restarted", verb, error);
  else
    is_down = vmd_claim_clear_remains (claim, error);
  return is_down && vmd_vm_launch (self, claim, verb, launch, error);
}

static gboolean
restart (VmdVm *self, guint grace, VmdReadiness wait_for, VmdLock *lock, VmdVerb *verb,
         GError **error)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_RESTART };
  VmdClaimMeeting meeting;
  g_autoptr (VmdClaim) claim = vmd_claim_new (self, &terms, lock, verb, &meeting, error);
  gboolean launched;
  guint64 launch;

  if (claim == NULL)
    return meeting.joined && vmd_vm_wait_booted_by_another (self, wait_for, verb, error);
  launched = stop_and_launch (self, claim, grace, verb, &launch, error);
  vmd_claim_end (claim, launched ? NULL : *error);
  return launched && vmd_vm_wait_booted (self, launch, wait_for, verb, error);
}

/**
 * vmd_vm_restart:
 * @grace: milliseconds that the guest has to power off, after which it is killed
 * @wait_for: how far the guest must be when this returns
 * @lock: (nullable): this VM, exclusive; %NULL: it is taken for the moment in which the restart is
 *   claimed
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Stops the VM as vmd_vm_stop() does and starts it as vmd_vm_start() does, with nobody in between.
 * One that does not run is just started. A start or restart that is at work is joined. Not on a
 * main loop.
 *
 * Returns: %TRUE; or %FALSE with the errors of vmd_vm_stop() and vmd_vm_start()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_restart (VmdVm *self, guint grace, VmdReadiness wait_for, VmdLock *lock, VmdJob *job,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autofree char *name = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (self->manager, job, "restart", name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  restart (self, grace, wait_for, lock, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static gboolean
restart_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_restart (self, call->grace, call->readiness, call->lock, call->job, cancellable,
                         error);
}

/**
 * vmd_vm_restart_async:
 *
 * vmd_vm_restart() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_restart_async (VmdVm *self, guint grace, VmdReadiness wait_for, VmdLock *lock, VmdJob *job,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = {
    .run = restart_in_thread, .grace = grace, .readiness = wait_for, .lock = lock, .job = job
  };

  vmd_vm_call_async (self, &call, vmd_vm_restart_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_restart_finish:
 *
 * Returns: as vmd_vm_restart()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_restart_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_restart_async, error);
}
