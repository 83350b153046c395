/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "base/vmd-poll-private.h"
#include "vmd-manager-publish-private.h"
#include "vmd-manager-state-private.h"
#include "vmd-vm-claim-private.h"

/* Opening after a crash, of a program or of the host, at whatever moment.
 *
 * Little has to be put right, since state is derived. When the rows were read, each launch's
 * process was looked for by boot id, pid and start time (a zombie counts as gone). One that lives
 * is running, and watched, from that moment; that its control socket is its own is checked by
 * whoever first needs it (vmd_backend_adopt), which the readiness probe does at once: a socket that
 * is lost must not take a VM with it that can still be logged in to. One whose process is gone is
 * stopped. One whose record cannot be used is `error`, and nothing is done to it.
 *
 * What is left is to clear away: the remains of launches that ended, deletions that were begun,
 * claims of the dead, what was being made. Each on a thread of its own, since some wait for a lock
 * that another process may hold for as long as it likes; and one that fails keeps no other. The
 * opening waits for them, so that whoever opens finds all in order, but not for ever: what takes
 * longer goes on by itself, and nothing depends on it. */

#define PATIENCE_MS 5000

typedef struct
{
  GMutex mutex; /* a leaf; guards what follows */
  GCond changed;
  guint n_pending;
} Recovery;

/* One VM's share. */
typedef struct
{
  VmdVm *vm; /* (nullable) until it is done: the task may stay around for longer */
  Recovery *recovery; /* a reference */
} Share;

static void
recovery_clear (gpointer data)
{
  Recovery *self = data;

  g_cond_clear (&self->changed);
  g_mutex_clear (&self->mutex);
}

static Recovery *
recovery_new (void)
{
  Recovery *self = g_atomic_rc_box_new0 (Recovery);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
  return self;
}

static void
recovery_unref (Recovery *self)
{
  g_atomic_rc_box_release_full (self, recovery_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Recovery, recovery_unref)

static void
recovery_finish_one (Recovery *self)
{
  g_mutex_lock (&self->mutex);
  self->n_pending--;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->mutex);
}

static void
recovery_wait (Recovery *self, gint64 deadline)
{
  gboolean in_time = TRUE;
  guint n_left;

  g_mutex_lock (&self->mutex);
  while (in_time && self->n_pending > 0)
    in_time = g_cond_wait_until (&self->changed, &self->mutex, deadline);
  n_left = self->n_pending;
  g_mutex_unlock (&self->mutex);
  if (n_left > 0)
    g_debug ("Clearing up after %u VMs takes longer, and goes on", n_left);
}

static void
share_free (gpointer data)
{
  Share *share = data;

  g_clear_object (&share->vm);
  recovery_unref (share->recovery);
  g_free (share);
}

/* A deletion that another process is at just now is joined. */
static void
recover_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Share *share = data;
  g_autoptr (VmdVm) vm = g_steal_pointer (&share->vm);
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vm);
  g_autoptr (GError) error = NULL;

  if (vmd_vm_snapshot_is_gone (now))
    vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  else
    vmd_vm_settle (vm, &error);
  if (error != NULL)
    g_debug ("VM %s cannot be cleared up after: %s", vmd_vm_get_id (vm), error->message);
  recovery_finish_one (share->recovery);
  g_task_return_boolean (task, error == NULL);
}

/* An id is part of paths that are removed: one that cannot be one of ours is left to people. */
static gboolean
needs_work (const VmdVmSnapshot *now)
{
  return now->row != NULL && vmd_id_is_valid (now->row->id) &&
         (now->row->deleted || vmd_vm_snapshot_needs_settling (now));
}

static void
begin_share (VmdManager *self, Recovery *recovery, VmdVm *vm)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);
  Share *share = g_new0 (Share, 1);

  share->vm = g_object_ref (vm);
  share->recovery = g_atomic_rc_box_acquire (recovery);
  g_mutex_lock (&recovery->mutex);
  recovery->n_pending++;
  g_mutex_unlock (&recovery->mutex);
  g_task_set_source_tag (task, vmd_manager_recover);
  g_task_set_task_data (task, share, share_free);
  vmd_worker_run (self->worker, VMD_WORKER_LIFECYCLE, task, recover_in_thread);
}

static gboolean
release_void_claims (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) claims = vmd_transition_row_load_all (db, error);

  if (claims == NULL || !vmd_fault_point ("recover-claims", error))
    return FALSE;
  for (guint i = 0; i < claims->len; i++)
    {
      const VmdTransitionRow *claim = claims->pdata[i];

      if (!vmd_claim_is_live (claim) &&
          !vmd_transition_row_release (db, claim->vm, claim->token, error))
        return FALSE;
    }
  return TRUE;
}

/* A database without a row may have been put in the place of one that was lost: then what lies in
 * the state directory is all that is left, and not for us to remove. */
static gboolean
knows_anything (VmdManager *self)
{
  static const VmdRowKind kinds[] = { VMD_ROW_VM, VMD_ROW_IMAGE, VMD_ROW_KERNEL };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GPtrArray) objects = vmd_cache_dup_all (self->cache, kinds[i]);

      if (objects->len > 0)
        return TRUE;
    }
  return FALSE;
}

/* Who reads the records of lock requests removes those whose owner is dead. */
static void
reap_requests (VmdManager *self)
{
  g_autoptr (GListModel) locks = vmd_manager_list_locks (self);

  g_debug ("%u locks are held or waited for", g_list_model_get_n_items (locks));
}

/* Clears up what a crash left, at open, once the rows have been read. */
void
vmd_manager_recover (VmdManager *self)
{
  g_autoptr (GPtrArray) vms = vmd_cache_dup_all (self->cache, VMD_ROW_VM);
  gint64 deadline = vmd_deadline_in (PATIENCE_MS);
  g_autoptr (Recovery) recovery = recovery_new ();
  g_autoptr (GError) error = NULL;

  /* They are void while they stay, and only in the way of those who read them. */
  if (!vmd_store_transact (self->store, release_void_claims, NULL, self->cancellable, &error))
    g_debug ("Claims of the dead stay: %s", error->message);
  for (guint i = 0; i < vms->len; i++)
    {
      g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vms->pdata[i]);

      if (needs_work (now))
        begin_share (self, recovery, vms->pdata[i]);
    }
  reap_requests (self);
  vmd_manager_reap_staging (self);
  if (knows_anything (self))
    vmd_manager_reap_unpublished (self);
  recovery_wait (recovery, deadline);
}
