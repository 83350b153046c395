/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-private.h"
#include "vmd-vm-private.h"

/* What follows from a new snapshot, in one place, whoever changed it and in whichever process:
 * waiters look again, a claim of ours that somebody wants to end is cancelled, work in a guest
 * whose launch ends is ended, the channel begins or ends its link to the guest, the readiness probe
 * begins or stops, a launch whose process is gone is settled. All of it looks at the snapshot as it
 * is now, so it does not matter in which order two changes get here. */

/* Our claim, and its job was not told yet: aborting twice does nothing. */
static void
abort_cancelled_claim (VmdVm *self, const VmdVmSnapshot *now)
{
  g_autoptr (VmdJob) job = NULL;
  g_autofree char *message = NULL;

  if (now->transition == NULL || !now->transition->cancel)
    return;
  g_mutex_lock (&self->mutex);
  job = g_hash_table_lookup (self->claims, now->transition->token);
  if (job != NULL)
    g_object_ref (job);
  g_mutex_unlock (&self->mutex);
  if (job == NULL)
    return;
  message =
      g_strdup_printf ("The %s of VM “%s” was ended by somebody who stops, kills, restarts or "
                       "deletes it",
                       now->transition->verb, now->row != NULL ? now->row->name : self->id);
  vmd_job_abort (job, VMD_ERROR_VM_STOPPED, message);
}

/* On any thread, without any mutex held. */
void
vmd_vm_follow (VmdVm *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

  vmd_vm_wake_waiters (self);
  abort_cancelled_claim (self, now);
  vmd_vm_check_guards (self);
  vmd_manager_emit_changed (self->manager, self);
  vmd_manager_tell_vm_follower (self->manager, self);
  vmd_vm_probe_follow (self);
  if (vmd_vm_snapshot_needs_settling (now))
    vmd_vm_settle_later (self);
}
