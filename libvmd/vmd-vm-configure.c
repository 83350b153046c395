/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "vmd-vm-call-private.h"
#include "vmd-vm-claim-private.h"
#include "vmd-vm-limits-private.h"

typedef struct
{
  const char *id;
  const VmdVmSpec *spec;
} Change;

static gboolean
check_spec (const VmdVmSpec *spec, GError **error)
{
  if (vmd_vm_spec_get_name (spec) == NULL && vmd_vm_spec_get_image (spec) == NULL &&
      vmd_vm_spec_get_kernel (spec) == NULL)
    return TRUE;
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "Name, image and kernel of a VM cannot be changed");
}

static gboolean
check_stopped (const VmdVmRow *row, gboolean is_running, const VmdClaimMeeting *meeting,
               GError **error)
{
  return !is_running ||
         vmd_fail (error, VMD_ERROR_WRONG_STATE,
                   "VM “%s” runs, and can be changed when it is stopped: vmctl stop %s", row->name,
                   row->name);
}

static gboolean
change_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Change *change = data;
  GError *failed = NULL;
  g_autoptr (VmdVmRow) row = vmd_vm_row_load (db, change->id, &failed);

  if (row == NULL && failed == NULL)
    return vmd_fail (error, VMD_ERROR_NOT_FOUND, "VM %s was deleted", change->id);
  if (row == NULL)
    {
      g_propagate_error (error, failed);
      return FALSE;
    }
  return vmd_fault_point ("configure", error) && vmd_vm_spec_apply (change->spec, row, error) &&
         vmd_vm_row_update (db, row, error);
}

/* A verb that began before the lock was taken may be at work still. */
static gboolean
check_idle (sqlite3 *db, const char *id, GError **error)
{
  GError *failed = NULL;
  g_autoptr (VmdTransitionRow) transition = vmd_transition_row_load (db, id, &failed);
  g_autoptr (VmdLaunchRow) launch = NULL;
  g_autoptr (VmdVmRow) row = NULL;

  if (failed == NULL)
    launch = vmd_launch_row_load (db, id, &failed);
  if (failed == NULL)
    row = vmd_vm_row_load (db, id, &failed);
  if (failed != NULL)
    {
      g_propagate_error (error, failed);
      return FALSE;
    }
  if (transition != NULL && vmd_claim_is_live (transition))
    return vmd_fail (error, VMD_ERROR_BUSY, "VM %s has a %s at work, by %s", id, transition->verb,
                     transition->who);
  return row == NULL || launch == NULL || launch->process.pid == 0 ||
         check_stopped (row, vmd_process_id_is_alive (&launch->process), NULL, error);
}

static gboolean
configure_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Change *change = data;

  return check_idle (db, change->id, error) && change_in_store (db, data, error);
}

/**
 * vmd_vm_configure:
 * @lock: this VM, exclusive: the proof that is needed
 * @spec: vcpus, memory, disk size and network; what is absent stays as it is
 *
 * Changes a VM that does not run, in one step. A disk can grow, never shrink. Waits for the disk
 * only, and for no other verb. Not on a main loop.
 *
 * Returns: %TRUE; or %FALSE, with nothing changed, with %VMD_ERROR_NOT_LOCKED without that lock,
 *   %VMD_ERROR_INVALID_ARGUMENT, %VMD_ERROR_WRONG_STATE when it runs or its record cannot be used,
 *   %VMD_ERROR_BUSY when a verb that began before is at work on it, %VMD_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
gboolean
vmd_vm_configure (VmdVm *self, VmdLock *lock, const VmdVmSpec *spec, GError **error)
{
  g_autoptr (VmdHold) hold = NULL;
  Change change = { .spec = spec };

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  g_return_val_if_fail (spec != NULL, FALSE);
  change.id = self->id;
  /* Before the hold: without a lock to show, that one would ask for one. */
  if (!vmd_lock_require (lock, VMD_LOCK_VM, self->id, VMD_LOCK_EXCLUSIVE, error))
    return FALSE;
  hold = vmd_hold_new (self->manager, lock, VMD_LOCK_VM, self->id, VMD_LOCK_EXCLUSIVE, "configure",
                       NULL, NULL, error);
  return hold != NULL && check_spec (spec, error) &&
         vmd_claim_check_record (self, VMD_CLAIM_SET, error) &&
         vmd_store_transact (vmd_manager_get_store (self->manager), configure_in_store, &change,
                             NULL, error);
}

static gboolean
set (VmdVm *self, const VmdVmSpec *spec, VmdLock *lock, VmdVerb *verb, GError **error)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_SET, .check = check_stopped };
  Change change = { .id = self->id, .spec = spec };
  VmdClaimMeeting meeting;
  g_autoptr (VmdClaim) claim = NULL;
  gboolean changed;

  if (!check_spec (spec, error))
    return FALSE;
  claim = vmd_claim_new (self, &terms, lock, verb, &meeting, error);
  if (claim == NULL)
    return FALSE;
  changed = vmd_store_transact (vmd_manager_get_store (self->manager), change_in_store, &change,
                                vmd_verb_get_cancellable (verb), error);
  vmd_claim_end (claim, changed ? NULL : *error);
  return changed;
}

/**
 * vmd_vm_set:
 * @spec: vcpus, memory, disk size and network; what is absent stays as it is
 * @lock: (nullable): this VM, exclusive; %NULL: it is taken for a moment
 * @cancellable: (nullable): gives up
 *
 * Changes a VM that does not run, once the verbs that are at work on it have ended. A disk can
 * grow, never shrink. Not on a main loop.
 *
 * Returns: %TRUE; or %FALSE, with nothing changed, with %VMD_ERROR_INVALID_ARGUMENT,
 *   %VMD_ERROR_WRONG_STATE when it runs, %VMD_ERROR_BUSY while it is being deleted,
 *   %VMD_ERROR_NOT_FOUND when it was, %VMD_ERROR_NOT_LOCKED, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
gboolean
vmd_vm_set (VmdVm *self, const VmdVmSpec *spec, VmdLock *lock, GCancellable *cancellable,
            GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autofree char *name = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  g_return_val_if_fail (spec != NULL, FALSE);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (self->manager, NULL, "set", name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  set (self, spec, lock, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static gboolean
set_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_set (self, call->spec, call->lock, cancellable, error);
}

/**
 * vmd_vm_set_async:
 *
 * vmd_vm_set() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_set_async (VmdVm *self, const VmdVmSpec *spec, VmdLock *lock, GCancellable *cancellable,
                  GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = { .run = set_in_thread, .spec = spec, .lock = lock };

  vmd_vm_call_async (self, &call, vmd_vm_set_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_set_finish:
 *
 * Returns: as vmd_vm_set()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_set_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_set_async, error);
}
