/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-store-batch-private.h"
#include "vmd-store-database-private.h"
#include "vmd-store-feed-private.h"
#include "vmd-store-log-private.h"
#include "vmd-statement-cache-private.h"

/* The thread and its parts, from the top:
 *
 *   VmdStoreQueue   who wants what run, and who has stopped wanting it (vmd-store-queue.c)
 *   VmdStoreBatch   many calls, one commit (vmd-store-batch.c)
 *   VmdStoreFeed    tells the observer what changed (vmd-store-feed.c)
 *   VmdStoreLog     when the write-ahead log is written back (vmd-store-log.c)
 *   VmdStoreWatch   what the thread sleeps on; signs to and from others (vmd-store-watch.c)
 *   vmd.db          the connection (vmd-store-database.c) and its tables (vmd-store-migrate.c)
 *
 * The thread has a reference on the store, so a store must be closed to be freed: when its last
 * user lets go of it on this very thread (a handle that the observer drops), nobody has to join
 * itself. */
struct _VmdStore
{
  GObject parent;

  VmdStoreQueue *queue; /* has a mutex of its own */
  VmdStoreWatch *watch; /* the thread's, but for kicks, which come from the queue */
  VmdStoreFeed feed; /* the thread's */
  VmdStoreLog log; /* the thread's */
  VmdDatabase *db; /* the thread's */

  gpointer thread_self; /* constant: to find out that one is on it */

  GMutex close_mutex; /* a leaf; guards what follows */
  GCond closed; /* `is_closed` changed */
  GThread *thread; /* (nullable) whoever takes it closes the store */
  gboolean is_closed;
};

G_DEFINE_FINAL_TYPE (VmdStore, vmd_store, G_TYPE_OBJECT)

static void
vmd_store_finalize (GObject *object)
{
  VmdStore *self = VMD_STORE (object);

  g_clear_pointer (&self->queue, vmd_store_queue_unref);
  g_clear_pointer (&self->watch, vmd_store_watch_free);
  g_clear_pointer (&self->db, sqlite3_close);
  g_cond_clear (&self->closed);
  g_mutex_clear (&self->close_mutex);
  G_OBJECT_CLASS (vmd_store_parent_class)->finalize (object);
}

static void
vmd_store_class_init (VmdStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_store_finalize;
}

static void
vmd_store_init (VmdStore *self)
{
  g_mutex_init (&self->close_mutex);
  g_cond_init (&self->closed);
  self->feed.store = self;
  self->feed.last = -1;
}

/* Disk, then memory, then the answers. */
static void
run_batch (VmdStore *self, GPtrArray *batch)
{
  if (vmd_store_batch_run (self->db, batch))
    vmd_store_watch_touch (self->watch);
  vmd_store_feed_tell (&self->feed, self->db);
  for (guint i = 0; i < batch->len; i++)
    {
      VmdStoreCall *call = batch->pdata[i];

      if (call->begun)
        vmd_store_call_answer (call);
    }
  vmd_store_log_keep_room (&self->log);
}

static gpointer
run_thread (gpointer data)
{
  g_autoptr (VmdStore) self = data;
  g_autoptr (GPtrArray) batch =
      g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_store_call_unref);

  vmd_statement_cache_begin (self->db);
  vmd_store_log_begin (&self->log, self->db);
  while (vmd_store_queue_take_all (self->queue, batch))
    {
      if (batch->len > 0)
        run_batch (self, batch);
      else
        {
          vmd_store_watch_wait (self->watch, vmd_store_log_get_patience (&self->log));
          vmd_store_feed_look (&self->feed, self->db);
          vmd_store_log_tidy (&self->log);
        }
      g_ptr_array_set_size (batch, 0);
    }
  vmd_statement_cache_end ();
  g_clear_pointer (&self->db, sqlite3_close);
  return NULL;
}

/**
 * vmd_store_open:
 * @state_dir: the state directory, made if need be
 *
 * Opens or makes @state_dir/vmd.db, brings it to the newest version, and starts its thread. Several
 * stores, in this process and in others, may be open on one directory. Blocks, for as long as the
 * disk takes, and at most ten seconds for other processes.
 *
 * Returns: (transfer full) (nullable): the store, to be ended with vmd_store_close(); STORE_CORRUPT
 *   when the database is damaged, is not vmd's, or is of a later version; STORE, PERMISSION_DENIED
 *   or NO_SPACE when it cannot be used: all name the file
 */
VmdStore *
vmd_store_open (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, "vmd.db", NULL);
  g_autoptr (VmdStore) self = g_object_new (VMD_TYPE_STORE, NULL);

  if (!vmd_private_dir_ensure (state_dir, error))
    return NULL;
  self->watch = vmd_store_watch_new (state_dir, error);
  if (self->watch == NULL)
    return NULL;
  self->queue = vmd_store_queue_new (self->watch);
  self->db = vmd_store_database_open (path, error);
  if (self->db == NULL)
    return NULL;
  self->thread = g_thread_try_new ("vmd-store", run_thread, g_object_ref (self), NULL);
  if (self->thread == NULL)
    {
      g_object_unref (self);
      vmd_fail (error, VMD_ERROR_STORE, "No thread can be started for the database %s", path);
      return NULL;
    }
  self->thread_self = self->thread;
  return g_steal_pointer (&self);
}

typedef struct
{
  VmdStore *store;
  VmdStoreObserver observer;
  VmdStoreBatchDone done;
  gpointer data;
} Observation;

static gboolean
begin_observing (sqlite3 *db, gpointer data, GError **error)
{
  const Observation *observation = data;
  VmdStoreFeed *feed = &observation->store->feed;

  feed->observer = observation->observer;
  feed->done = observation->done;
  feed->data = observation->data;
  feed->last = -1;
  return TRUE;
}

/**
 * vmd_store_observe:
 * @observer: is called on the store's thread for each row that changed, in one read transaction for
 *   all that changed at once; must not wait
 * @done: (nullable): is called after each of these
 *
 * Calls @observer at once, on the store's thread, with a reload of every kind, and blocks until
 * that has been done. Once for each store, before its first transaction.
 */
void
vmd_store_observe (VmdStore *self, VmdStoreObserver observer, VmdStoreBatchDone done, gpointer data)
{
  Observation observation = { self, observer, done, data };
  g_autoptr (VmdStoreCall) call = NULL;

  g_return_if_fail (VMD_IS_STORE (self));
  g_return_if_fail (observer != NULL);
  call = vmd_store_call_new (self->queue, begin_observing, &observation, NULL, NULL);
  call->is_outside = TRUE;
  vmd_store_queue_push (self->queue, call);
  vmd_store_call_wait (call, NULL);
}

/**
 * vmd_store_transact:
 * @func: what to do in a transaction, on the store's thread
 * @cancellable: (nullable): drops the call as long as @func has not begun
 *
 * Runs @func, and blocks until its effects are durable and the observer has seen them, or until it
 * failed. Not on a main loop; not from the store's own thread.
 *
 * Returns: FALSE with @func's error, and then it changed nothing; CANCELLED when it did not begin;
 *   NO_SPACE, STORE or STORE_CORRUPT when it could not be committed
 */
gboolean
vmd_store_transact (VmdStore *self, VmdStoreFunc func, gpointer data, GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (VmdStoreCall) call = NULL;

  g_return_val_if_fail (VMD_IS_STORE (self), FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (g_thread_self () != self->thread_self, FALSE);
  call = vmd_store_call_new (self->queue, func, data, NULL, cancellable);
  vmd_store_queue_push (self->queue, call);
  return vmd_store_call_wait (call, error);
}

/**
 * vmd_store_transact_async:
 * @destroy: (nullable): for @data, once @func has run or was dropped; on any thread
 *
 * vmd_store_transact() without blocking.
 */
void
vmd_store_transact_async (VmdStore *self, VmdStoreFunc func, gpointer data, GDestroyNotify destroy,
                          GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (VmdStoreCall) call = NULL;

  g_return_if_fail (VMD_IS_STORE (self));
  g_return_if_fail (func != NULL);
  call = vmd_store_call_new (self->queue, func, data, destroy, cancellable);
  call->task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (call->task, vmd_store_transact_async);
  /* What was committed is reported so, though it was cancelled meanwhile. */
  g_task_set_check_cancellable (call->task, FALSE);
  vmd_store_queue_push (self->queue, call);
}

gboolean
vmd_store_transact_finish (VmdStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_store_transact_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Ends the thread, which runs what is queued first. */
static void
end_thread (VmdStore *self, GThread *thread)
{
  g_thread_join (thread);
  /* Not left to the last reference, which a program may keep for long: a user has 128 watches. */
  g_clear_pointer (&self->watch, vmd_store_watch_free);

  g_mutex_lock (&self->close_mutex);
  self->is_closed = TRUE;
  g_cond_broadcast (&self->closed);
  g_mutex_unlock (&self->close_mutex);
}

/**
 * vmd_store_close:
 *
 * Runs what is queued, ends the thread and closes the database. What is asked for afterwards fails
 * with STORE. Twice is as good as once. Not from the store's own thread.
 */
void
vmd_store_close (VmdStore *self)
{
  GThread *thread;

  g_return_if_fail (VMD_IS_STORE (self));
  g_return_if_fail (g_thread_self () != self->thread_self);
  vmd_store_queue_close (self->queue);
  g_mutex_lock (&self->close_mutex);
  thread = g_steal_pointer (&self->thread);
  while (thread == NULL && !self->is_closed)
    g_cond_wait (&self->closed, &self->close_mutex);
  g_mutex_unlock (&self->close_mutex);
  if (thread != NULL)
    end_thread (self, thread);
}
