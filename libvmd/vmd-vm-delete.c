/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-manager-publish-private.h"
#include "vmd-vm-call-private.h"
#include "vmd-vm-claim-private.h"

/* Tombstone first: the name is free and the VM is out of all lists in one transaction, and there is
 * no way back. Then all that it has is taken away; each part is idempotent, and one that fails does
 * not keep the others. The row goes last, and only if nothing is left; else the next delete, or the
 * next open of the state directory, goes on here. From the tombstone on nothing can be
 * cancelled. */

static gboolean
check_not_running (const VmdVmRow *row, gboolean is_running, const VmdClaimMeeting *meeting,
                   GError **error)
{
  return !is_running || vmd_fail (error, VMD_ERROR_WRONG_STATE,
                                  "VM “%s” runs: vmctl stop %s, or vmctl delete --force %s",
                                  row->name, row->name, row->name);
}

static gboolean
tombstone_in_store (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_fault_point ("delete-tombstone", error) && vmd_vm_row_tombstone (db, data, error);
}

static gboolean
remove_in_store (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_fault_point ("delete-row", error) && vmd_vm_row_remove (db, data, error);
}

static void
remove_directory (const char *path, const char *fault, GError **failed)
{
  GError *error = NULL;

  if (!vmd_fault_point (fault, &error) || !vmd_remove_tree (path, &error))
    vmd_error_join (failed, error);
}

/* The id comes from a record that may be damaged. One that is none of ours names no directory of
 * the VM's, but perhaps another one: “..” does. */
static void
remove_directories (VmdVm *self, GError **failed)
{
  g_autofree char *vm_dir = vmd_vm_dup_dir (self);
  g_autofree char *runtime_dir = vmd_manager_dup_vm_runtime_dir (self->manager, self->id);

  if (!vmd_id_is_valid (self->id))
    return;
  remove_directory (runtime_dir, "delete-runtime", failed);
  /* A hypervisor that could not be ended may still write there. */
  if (*failed == NULL)
    remove_directory (vm_dir, "delete-directory", failed);
}

static gboolean
remove_all (VmdVm *self, VmdClaim *claim, GError **error)
{
  VmdStore *store = vmd_manager_get_store (self->manager);
  const VmdLaunchRow *launch = vmd_claim_get_launch (claim);
  GError *failed = NULL;

  if (launch != NULL)
    {
      vmd_vm_set_exit_reason (self, launch->launch, "deleted");
      vmd_vm_tear_down (self, launch, "deleted", &failed);
    }
  remove_directories (self, &failed);
  if (failed == NULL)
    vmd_store_transact (store, remove_in_store, self->id, NULL, &failed);
  if (failed == NULL)
    return TRUE;
  g_prefix_error (&failed, "VM “%s” is deleted, but something of it is left: ",
                  vmd_claim_get_row (claim)->name);
  g_propagate_error (error, failed);
  return FALSE;
}

/* The file of an image whose name points elsewhere by now goes with the last VM that was made from
 * it. If that fails the VM is deleted all the same: the next open of the state directory sees to
 * it. */
static void
release_image (VmdVm *self, VmdClaim *claim, VmdVerb *verb)
{
  const char *digest = vmd_claim_get_row (claim)->image;
  g_autoptr (GError) error = NULL;

  /* A backend that needs no image has none to let go of. */
  if (digest == NULL || *digest == '\0')
    return;
  if (!vmd_manager_release_image (self->manager, digest, verb, &error))
    g_debug ("the file of image %s stays until the next open: %s", digest, error->message);
}

static gboolean
delete_vm (VmdVm *self, gboolean force, VmdLock *lock, VmdVerb *verb, GError **error)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_DELETE,
                                .force = force,
                                .check = force ? NULL : check_not_running };
  VmdClaimMeeting meeting;
  g_autoptr (VmdClaim) claim = vmd_claim_new (self, &terms, lock, verb, &meeting, error);
  gboolean deleted;

  if (claim == NULL)
    return meeting.joined;
  vmd_job_set_phase (vmd_verb_get_job (verb), "deleting");
  deleted = vmd_store_transact (vmd_manager_get_store (self->manager), tombstone_in_store, self->id,
                                vmd_verb_get_cancellable (verb), error) &&
            remove_all (self, claim, error);
  if (deleted)
    release_image (self, claim, verb);
  vmd_claim_end (claim, deleted ? NULL : *error);
  return deleted;
}

/**
 * vmd_vm_delete:
 * @force: a VM that runs is killed first, and a verb that is at work on it is ended
 * @lock: (nullable): this VM, exclusive; %NULL: it is taken for the moment in which the deletion is
 *   claimed
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up, before the deletion has begun; after that it does nothing
 *
 * Deletes the VM and all that it has: its disk, keys, logs, workspaces. Its name is free as soon as
 * the deletion has begun. One that failed half-way is resumed. A delete that is at work is joined.
 * Not on a main loop.
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_WRONG_STATE when it runs and @force is %FALSE,
 *   %VMD_ERROR_BUSY when it is being started and @force is %FALSE, %VMD_ERROR_NOT_FOUND when it was
 *   deleted, %VMD_ERROR_NOT_LOCKED, %VMD_ERROR_CANCELLED, or all that could not be taken away
 *
 * Since: 0.1
 */
gboolean
vmd_vm_delete (VmdVm *self, gboolean force, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
               GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autofree char *name = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), FALSE);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (self->manager, job, "delete", name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  delete_vm (self, force, lock, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static gboolean
delete_in_thread (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_vm_delete (self, call->force, call->lock, call->job, cancellable, error);
}

/**
 * vmd_vm_delete_async:
 *
 * vmd_vm_delete() without blocking.
 *
 * Since: 0.1
 */
void
vmd_vm_delete_async (VmdVm *self, gboolean force, VmdLock *lock, VmdJob *job,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  VmdVmCall call = { .run = delete_in_thread, .force = force, .lock = lock, .job = job };

  vmd_vm_call_async (self, &call, vmd_vm_delete_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_delete_finish:
 *
 * Returns: as vmd_vm_delete()
 *
 * Since: 0.1
 */
gboolean
vmd_vm_delete_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_vm_call_finish (self, result, vmd_vm_delete_async, error);
}
