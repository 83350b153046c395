/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-queue-private.h"

#include "base/vmd-failure-private.h"

/* A call is wanted by two: the store's thread, which comes to it some time, and the handler of its
 * cancellable, since its caller must not wait for another process's transaction that it does not
 * need any more. `state` decides, under the mutex: the thread begins only what is QUEUED, and the
 * handler drops only what is. A dropped call stays in the line, and is passed over when its turn
 * comes: nobody has to search the line for it.
 *
 * The mutex is a leaf: tasks are completed and handlers disconnected without it. The thread is
 * kicked under it, as with a condition, so that nobody kicks what a close has freed. Handlers are
 * disconnected with g_signal_handler_disconnect(), which unlike g_cancellable_disconnect() does not
 * wait for those that run: ours has a reference on its call. */

struct _VmdStoreQueue
{
  gatomicrefcount references;

  VmdStoreWatch
      *watch; /* constant; not owned: the store's, which whoever pushes has a reference on */
  GMutex mutex; /* a leaf; guards what follows, and of each call what its struct says */
  GQueue calls; /* of VmdStoreCall, each a reference */
  gboolean is_closed;
};

VmdStoreQueue *
vmd_store_queue_new (VmdStoreWatch *watch)
{
  VmdStoreQueue *self = g_new0 (VmdStoreQueue, 1);

  g_atomic_ref_count_init (&self->references);
  self->watch = watch;
  g_mutex_init (&self->mutex);
  g_queue_init (&self->calls);
  return self;
}

VmdStoreQueue *
vmd_store_queue_ref (VmdStoreQueue *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_store_queue_unref (VmdStoreQueue *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_assert (g_queue_is_empty (&self->calls));
  g_mutex_clear (&self->mutex);
  g_free (self);
}

VmdStoreCall *
vmd_store_call_new (VmdStoreQueue *queue, VmdStoreFunc func, gpointer data, GDestroyNotify destroy,
                    GCancellable *cancellable)
{
  VmdStoreCall *self = g_new0 (VmdStoreCall, 1);

  g_atomic_ref_count_init (&self->references);
  self->queue = vmd_store_queue_ref (queue);
  self->func = func;
  self->data = data;
  self->destroy = destroy;
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  g_cond_init (&self->done);
  return self;
}

static VmdStoreCall *
call_ref (VmdStoreCall *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_store_call_unref (VmdStoreCall *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->task);
  g_clear_error (&self->error);
  g_cond_clear (&self->done);
  vmd_store_queue_unref (self->queue);
  g_free (self);
}

/* With the mutex held, by whoever answers @self. The result is to be given to deliver() without
 * it. */
static GTask *
finish_locked (VmdStoreCall *self, gulong *handler)
{
  self->state = VMD_STORE_CALL_DONE;
  *handler = self->handler;
  self->handler = 0;
  g_cond_signal (&self->done);
  return g_steal_pointer (&self->task);
}

/* @task: (nullable) (transfer full) */
static void
deliver (VmdStoreCall *self, GTask *task, gulong handler)
{
  if (handler != 0)
    g_signal_handler_disconnect (self->cancellable, handler);
  if (task == NULL)
    return;
  if (self->error != NULL)
    g_task_return_error (task, g_error_copy (self->error));
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static gboolean
return_cancelled_cb (gpointer task)
{
  g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_CANCELLED,
                           "Cancelled before the store came to it");
  return G_SOURCE_REMOVE;
}

/* From the task's own context: we are inside g_cancellable_cancel(), where no caller expects to be
 * called back. @task: (transfer full) */
static void
return_cancelled_later (GTask *task)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_static_name (source, "[vmd] store call cancelled");
  g_source_set_callback (source, return_cancelled_cb, task, g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  VmdStoreCall *self = data;
  GTask *task = NULL;
  gulong handler = 0;
  gboolean dropped;

  g_mutex_lock (&self->queue->mutex);
  dropped = self->state == VMD_STORE_CALL_QUEUED;
  if (dropped)
    {
      vmd_fail (&self->error, VMD_ERROR_CANCELLED, "Cancelled before the store came to it");
      task = finish_locked (self, &handler);
    }
  g_mutex_unlock (&self->queue->mutex);

  if (handler != 0)
    g_signal_handler_disconnect (cancellable, handler);
  if (task != NULL)
    return_cancelled_later (task);
}

/* Connects before the call is in the line; the handler may run at once, or on another thread before
 * its number is known here. */
static void
follow_cancellable (VmdStoreCall *self)
{
  gboolean is_over;
  gulong handler;

  if (self->cancellable == NULL)
    return;
  handler = g_cancellable_connect (self->cancellable, G_CALLBACK (cancelled_cb), call_ref (self),
                                   (GDestroyNotify) vmd_store_call_unref);
  g_mutex_lock (&self->queue->mutex);
  is_over = self->state == VMD_STORE_CALL_DONE;
  if (!is_over)
    self->handler = handler;
  g_mutex_unlock (&self->queue->mutex);
  if (is_over && handler != 0)
    g_signal_handler_disconnect (self->cancellable, handler);
}

/* Puts @call at the end of the line; on a queue that is closed, or when it is cancelled already, it
 * is answered at once. */
void
vmd_store_queue_push (VmdStoreQueue *self, VmdStoreCall *call)
{
  gboolean refused = FALSE;
  GTask *task = NULL;
  gulong handler = 0;

  follow_cancellable (call);
  g_mutex_lock (&self->mutex);
  if (call->state == VMD_STORE_CALL_QUEUED && self->is_closed)
    {
      refused = TRUE;
      vmd_fail (&call->error, VMD_ERROR_STORE, "The store is closed");
      task = finish_locked (call, &handler);
    }
  else if (call->state == VMD_STORE_CALL_QUEUED)
    {
      if (g_queue_is_empty (&self->calls))
        vmd_store_watch_kick (self->watch);
      g_queue_push_tail (&self->calls, call_ref (call));
    }
  g_mutex_unlock (&self->mutex);
  if (refused)
    deliver (call, task, handler);
}

/* Blocks until @self was run, dropped or refused. */
gboolean
vmd_store_call_wait (VmdStoreCall *self, GError **error)
{
  g_mutex_lock (&self->queue->mutex);
  while (self->state != VMD_STORE_CALL_DONE)
    g_cond_wait (&self->done, &self->queue->mutex);
  g_mutex_unlock (&self->queue->mutex);
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->error));
  return FALSE;
}

/* Refuses what comes from now on. What is in the line will be run. */
void
vmd_store_queue_close (VmdStoreQueue *self)
{
  g_mutex_lock (&self->mutex);
  if (!self->is_closed)
    vmd_store_watch_kick (self->watch);
  self->is_closed = TRUE;
  g_mutex_unlock (&self->mutex);
}

/* Moves the whole line to @batch, with its references. Returns: FALSE when nothing will come any
 * more. */
gboolean
vmd_store_queue_take_all (VmdStoreQueue *self, GPtrArray *batch)
{
  gboolean is_closed;
  VmdStoreCall *call;

  g_mutex_lock (&self->mutex);
  while ((call = g_queue_pop_head (&self->calls)) != NULL)
    g_ptr_array_add (batch, call);
  is_closed = self->is_closed;
  g_mutex_unlock (&self->mutex);
  return batch->len > 0 || !is_closed;
}

/* FALSE: it was cancelled, and answered; leave it alone. */
gboolean
vmd_store_call_begin (VmdStoreCall *self)
{
  g_mutex_lock (&self->queue->mutex);
  self->begun = self->state == VMD_STORE_CALL_QUEUED;
  if (self->begun)
    self->state = VMD_STORE_CALL_BEGUN;
  g_mutex_unlock (&self->queue->mutex);
  return self->begun;
}

/* Lets the caller of a call that was begun go on, with `error` as it is. */
void
vmd_store_call_answer (VmdStoreCall *self)
{
  gulong handler;
  GTask *task;

  g_mutex_lock (&self->queue->mutex);
  task = finish_locked (self, &handler);
  g_mutex_unlock (&self->queue->mutex);
  deliver (self, task, handler);
}
