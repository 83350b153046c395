/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-table-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"
#include "vmd-lock-keeper-private.h"

/* The face of the lock machinery, whose parts are, from the top:
 *
 *   VmdLockKeeper   serves those that wait, with one thread (vmd-lock-keeper.c)
 *   VmdLockLine     first come, first served in this process, and the proof that nobody waits for
 *                   ever (vmd-lock-line-private.h)
 *   VmdLockGrip     between processes: the file `locks` (vmd-lock-file.c)
 *   VmdLockRecord   who holds and who waits: the directory `requests` (vmd-lock-record.c)
 *   VmdLockSet      what one request names (vmd-lock-set.c)
 *
 * Locks may outlive the table: they have the keeper, which ends with the last of them. */
struct _VmdLockTable
{
  GObject parent_instance;

  VmdLockKeeper *keeper; /* constant after construction */
};

G_DEFINE_FINAL_TYPE (VmdLockTable, vmd_lock_table, G_TYPE_OBJECT)

static void
vmd_lock_table_finalize (GObject *object)
{
  VmdLockTable *self = VMD_LOCK_TABLE (object);

  if (self->keeper != NULL)
    vmd_lock_keeper_close (self->keeper);
  g_clear_pointer (&self->keeper, vmd_lock_keeper_unref);
  G_OBJECT_CLASS (vmd_lock_table_parent_class)->finalize (object);
}

static void
vmd_lock_table_class_init (VmdLockTableClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmd_lock_table_finalize;
}

static void
vmd_lock_table_init (VmdLockTable *self)
{
}

/* vmd_lock_table_new:
 * @state_dir: the state directory; made if need be, as are `locks` and `requests/` in it
 *
 * Several tables on one directory, in one process or in many, keep each other out; but owners are
 * told apart by each for itself.
 *
 * Returns: (transfer full) (nullable): a table, or NULL with @error */
VmdLockTable *
vmd_lock_table_new (const char *state_dir, GError **error)
{
  g_autoptr (VmdLockKeeper) keeper = vmd_lock_keeper_new (state_dir, error);
  VmdLockTable *self;

  if (keeper == NULL)
    return NULL;
  self = g_object_new (VMD_TYPE_LOCK_TABLE, NULL);
  self->keeper = g_steal_pointer (&keeper);
  return self;
}

static gint64
get_deadline (gint64 timeout)
{
  if (timeout == 0)
    return 0;
  if (timeout < 0 || timeout > G_MAXINT64 / 2000)
    return VMD_NO_DEADLINE;
  return g_get_monotonic_time () + timeout * 1000;
}

/* A ticket that stands in the line, or NULL with @error. */
static VmdLockTicket *
ask (VmdLockTable *self, VmdLockRequest *request, gint64 timeout, GCancellable *cancellable,
     GError **error)
{
  g_autoptr (VmdLockTicket) ticket = NULL;

  if (!vmd_lock_request_seal (request, error) || vmd_is_cancelled (cancellable, error))
    return NULL;
  ticket = vmd_lock_ticket_new (self->keeper, request, cancellable, get_deadline (timeout));
  if (!vmd_lock_keeper_admit (self->keeper, ticket, error))
    return NULL;
  return g_steal_pointer (&ticket);
}

static VmdLock *
lock_within (VmdLockTable *self, VmdLockRequest *request, gint64 timeout, GCancellable *cancellable,
             GError **error)
{
  g_autoptr (VmdLockTicket) ticket = ask (self, request, timeout, cancellable, error);

  if (ticket == NULL || !vmd_lock_keeper_wait (self->keeper, ticket, error))
    return NULL;
  return vmd_lock_new (ticket);
}

/* vmd_lock_table_lock:
 * @request: what to lock; it can't be changed any more
 * @cancellable: (nullable): ends the waiting
 *
 * Blocks until all that @request names is ours: not for a main loop.
 *
 * Returns: (transfer full) (nullable): the lock; NULL with BUSY, which says who is in the way, when
 *   the request's timeout passed; CANCELLED; NESTED_LOCK, at once, when its owner has something
 *   already; INVALID_ARGUMENT */
VmdLock *
vmd_lock_table_lock (VmdLockTable *self, VmdLockRequest *request, GCancellable *cancellable,
                     GError **error)
{
  g_return_val_if_fail (VMD_IS_LOCK_TABLE (self), NULL);
  g_return_val_if_fail (VMD_IS_LOCK_REQUEST (request), NULL);

  return lock_within (self, request, vmd_lock_request_get_timeout (request), cancellable, error);
}

/* vmd_lock_table_lock_async:
 *
 * The same without blocking. The place in the line is taken before this returns; the disk is left
 * to the keeper's thread, unless a request that does not wait (timeout 0) is refused: then the
 * records may be read here, to say who is in the way. */
void
vmd_lock_table_lock_async (VmdLockTable *self, VmdLockRequest *request, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  g_autoptr (VmdLockTicket) ticket = NULL;
  GError *error = NULL;

  g_return_if_fail (VMD_IS_LOCK_TABLE (self));
  g_return_if_fail (VMD_IS_LOCK_REQUEST (request));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, vmd_lock_table_lock_async);
  ticket = ask (self, request, vmd_lock_request_get_timeout (request), cancellable, &error);
  if (ticket == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  ticket->task = g_steal_pointer (&task);
  vmd_lock_keeper_hand_over (self->keeper, ticket);
}

/* vmd_lock_table_lock_finish:
 *
 * A call that was cancelled fails with CANCELLED even when the lock had been granted by then; it is
 * released.
 *
 * Returns: (transfer full) (nullable): as vmd_lock_table_lock() */
VmdLock *
vmd_lock_table_lock_finish (VmdLockTable *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GError) local = NULL;
  VmdLock *lock;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_lock_table_lock_async), NULL);

  lock = g_task_propagate_pointer (G_TASK (result), &local);
  if (lock != NULL)
    return lock;
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    vmd_fail (error, VMD_ERROR_CANCELLED, "Cancelled while waiting for a lock");
  else
    g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

/* vmd_lock_table_try_lock:
 *
 * As vmd_lock_table_lock(), whatever the request's timeout, but never waits.
 *
 * Returns: (transfer full) (nullable): the lock; NULL with BUSY when somebody holds it, or waits
 *   for it */
VmdLock *
vmd_lock_table_try_lock (VmdLockTable *self, VmdLockRequest *request, GError **error)
{
  g_return_val_if_fail (VMD_IS_LOCK_TABLE (self), NULL);
  g_return_val_if_fail (VMD_IS_LOCK_REQUEST (request), NULL);

  return lock_within (self, request, 0, NULL, error);
}

/* vmd_lock_table_list:
 *
 * Reads who holds and who waits, in all processes. Waits for nobody.
 *
 * Returns: (transfer full): a GListStore of VmdLockInfo, the oldest first */
GListModel *
vmd_lock_table_list (VmdLockTable *self)
{
  g_autoptr (GPtrArray) infos = NULL;
  GListStore *list;

  g_return_val_if_fail (VMD_IS_LOCK_TABLE (self), NULL);

  list = g_list_store_new (VMD_TYPE_LOCK_INFO);
  infos = vmd_lock_keeper_read_records (self->keeper);
  g_list_store_splice (list, 0, 0, infos->pdata, infos->len);
  return G_LIST_MODEL (list);
}

void
vmd_lock_table_set_patience (VmdLockTable *self, gint64 microseconds)
{
  vmd_lock_keeper_set_patience (self->keeper, microseconds);
}
