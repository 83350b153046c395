/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-worker-private.h"

#include "vmd-failure-private.h"

/* A task that queues may be cancelled, and must then be answered at once, though every thread is
 * stalled. So two want it: the thread that comes to it, and the handler of its cancellable.
 * `item->claimed` decides, changed once and under the mutex: who claims it answers for the task,
 * and the other leaves it alone.
 *
 * GThreadPool was rejected, since nothing can be taken out of its queue: a cancelled task would
 * keep its place, its data and its caller's references until a thread got round to it.
 *
 * The threads share a VmdWorkerCore that outlives the object, so that the last reference to a
 * VmdWorker may be dropped by a task, on a thread of this very worker. */

/* How long a thread without work stays. A start of a VM has several short tasks in a row. */
#define IDLE_MICROSECONDS (10 * G_USEC_PER_SEC)

typedef struct
{
  const char *thread_name;
  guint max_threads; /* never changes */
  guint threads; /* all below: under the core's mutex */
  guint idle; /* of these, waiting for `more` */
  GQueue queue; /* of Item, each with a reference */
  GCond more; /* one was queued, or the worker closed */
} Pool;

typedef struct
{
  gatomicrefcount references; /* the worker, each thread, each item */
  GMutex mutex; /* a leaf */
  Pool pools[2]; /* by VmdWorkerKind */
  guint unfinished; /* queued or running; under the mutex */
  GCond drained; /* unfinished became 0 */
  gboolean closed; /* the worker is gone: idle threads end; under the mutex */
} VmdWorkerCore;

typedef struct
{
  gatomicrefcount references; /* the queue or the thread, and the cancellable's handler */
  VmdWorkerCore *core; /* a reference */
  Pool *pool;
  GTask *task; /* whoever claims the item takes it */
  GTaskThreadFunc func;
  gulong cancelled_id; /* 0: no cancellable, or it was cancelled already; set before it queues */
  gboolean claimed; /* under the core's mutex */
} Item;

struct _VmdWorker
{
  GObject parent;

  VmdWorkerCore *core;
};

G_DEFINE_FINAL_TYPE (VmdWorker, vmd_worker, G_TYPE_OBJECT)

static VmdWorkerCore *
core_ref (VmdWorkerCore *core)
{
  g_atomic_ref_count_inc (&core->references);
  return core;
}

static void
core_unref (VmdWorkerCore *core)
{
  if (!g_atomic_ref_count_dec (&core->references))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (core->pools); i++)
    g_cond_clear (&core->pools[i].more);
  g_cond_clear (&core->drained);
  g_mutex_clear (&core->mutex);
  g_free (core);
}

static Item *
item_ref (Item *item)
{
  g_atomic_ref_count_inc (&item->references);
  return item;
}

static void
item_unref (gpointer data)
{
  Item *item = data;

  if (!g_atomic_ref_count_dec (&item->references))
    return;
  g_clear_object (&item->task);
  core_unref (item->core);
  g_free (item);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Item, item_unref)

/* With the mutex held. */
static void
finish_one_locked (VmdWorkerCore *core)
{
  if (--core->unfinished == 0)
    g_cond_broadcast (&core->drained);
}

static gboolean
return_cancelled_cb (gpointer data)
{
  g_task_return_new_error (data, VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled before it could begin");
  return G_SOURCE_REMOVE;
}

/* Answers from the task's own context: we are inside g_cancellable_cancel(), where no caller
 * expects callbacks. */
static void
return_cancelled_later (GTask *task)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, g_task_get_priority (task));
  g_task_attach_source (task, source, return_cancelled_cb);
}

/* The task's cancellable was cancelled: on whatever thread, and maybe from inside
 * g_cancellable_connect(). */
static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  Item *item = data;
  VmdWorkerCore *core = item->core;
  g_autoptr (GTask) task = NULL;
  gboolean was_queued = FALSE;

  g_mutex_lock (&core->mutex);
  if (!item->claimed)
    {
      item->claimed = TRUE;
      task = g_steal_pointer (&item->task);
      was_queued = g_queue_remove (&item->pool->queue, item);
      finish_one_locked (core);
    }
  g_mutex_unlock (&core->mutex);

  if (task != NULL)
    return_cancelled_later (task);
  if (was_queued)
    item_unref (item);
}

/* Waits for an item and claims it. NULL: none came for a while, or the worker is gone. With the
 * mutex held. */
static Item *
next_locked (VmdWorkerCore *core, Pool *pool)
{
  gint64 until = g_get_monotonic_time () + IDLE_MICROSECONDS;
  Item *item;

  while ((item = g_queue_pop_head (&pool->queue)) == NULL)
    {
      gboolean woken;

      if (core->closed)
        return NULL;
      pool->idle++;
      woken = g_cond_wait_until (&pool->more, &core->mutex, until);
      pool->idle--;
      if (!woken && g_queue_is_empty (&pool->queue))
        return NULL;
    }
  item->claimed = TRUE;

  return item;
}

static void
run_item (Item *item)
{
  g_autoptr (GTask) task = g_steal_pointer (&item->task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  /* Not g_cancellable_disconnect(), which would wait for whatever handlers a cancel is running now.
   * Ours does nothing any more, and has its own reference to the item. */
  if (item->cancelled_id != 0)
    g_signal_handler_disconnect (cancellable, item->cancelled_id);
  item->func (task, g_task_get_source_object (task), g_task_get_task_data (task), cancellable);
}

typedef struct
{
  VmdWorkerCore *core; /* a reference */
  Pool *pool;
} Start;

static gpointer
thread_main (gpointer data)
{
  g_autofree Start *start = data;
  VmdWorkerCore *core = start->core;
  Item *item;

  g_mutex_lock (&core->mutex);
  while ((item = next_locked (core, start->pool)) != NULL)
    {
      g_mutex_unlock (&core->mutex);
      run_item (item);
      item_unref (item);
      g_mutex_lock (&core->mutex);
      finish_one_locked (core);
    }
  start->pool->threads--;
  g_mutex_unlock (&core->mutex);
  core_unref (core);

  return NULL;
}

/* Whether one more thread is wanted for what queues; if so, it is counted already. With the mutex
 * held. */
static gboolean
claim_thread_locked (Pool *pool)
{
  if (g_queue_get_length (&pool->queue) <= pool->idle || pool->threads >= pool->max_threads)
    return FALSE;
  pool->threads++;

  return TRUE;
}

/* The pool has no thread, and gets none: nobody would ever come to what queues. Without the mutex.
 */
static void
fail_queue (VmdWorkerCore *core, Pool *pool, const char *why)
{
  for (;;)
    {
      g_autoptr (Item) item = NULL;
      g_autoptr (GTask) task = NULL;

      g_mutex_lock (&core->mutex);
      item = pool->threads == 0 ? g_queue_pop_head (&pool->queue) : NULL;
      if (item != NULL)
        {
          item->claimed = TRUE;
          task = g_steal_pointer (&item->task);
          finish_one_locked (core);
        }
      g_mutex_unlock (&core->mutex);
      if (item == NULL)
        return;
      g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_FAILED, "cannot make a thread: %s", why);
    }
}

/* Without the mutex. When the system has no more threads, the item waits for one of those that run.
 */
static void
start_thread (VmdWorkerCore *core, Pool *pool)
{
  Start *start = g_new (Start, 1);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  *start = (Start){ .core = core_ref (core), .pool = pool };
  thread = g_thread_try_new (pool->thread_name, thread_main, start, &error);
  if (thread != NULL)
    {
      g_thread_unref (thread);
      return;
    }
  g_free (start);
  g_mutex_lock (&core->mutex);
  pool->threads--;
  g_mutex_unlock (&core->mutex);
  fail_queue (core, pool, error->message);
  core_unref (core);
}

static void
vmd_worker_finalize (GObject *object)
{
  VmdWorker *self = VMD_WORKER (object);
  VmdWorkerCore *core = self->core;

  g_mutex_lock (&core->mutex);
  core->closed = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (core->pools); i++)
    g_cond_broadcast (&core->pools[i].more);
  g_mutex_unlock (&core->mutex);
  core_unref (core);

  G_OBJECT_CLASS (vmd_worker_parent_class)->finalize (object);
}

static void
vmd_worker_class_init (VmdWorkerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_worker_finalize;
}

static void
vmd_worker_init (VmdWorker *self)
{
  VmdWorkerCore *core = g_new0 (VmdWorkerCore, 1);

  g_atomic_ref_count_init (&core->references);
  g_mutex_init (&core->mutex);
  g_cond_init (&core->drained);
  for (guint i = 0; i < G_N_ELEMENTS (core->pools); i++)
    {
      g_queue_init (&core->pools[i].queue);
      g_cond_init (&core->pools[i].more);
    }
  core->pools[VMD_WORKER_LIFECYCLE].thread_name = "vmd-lifecycle";
  core->pools[VMD_WORKER_LIFECYCLE].max_threads = G_MAXUINT;
  core->pools[VMD_WORKER_GUEST].thread_name = "vmd-guest";
  self->core = core;
}

/* A worker that runs at most @max_guest_threads (at least 1) tasks of kind GUEST at once. (transfer
 * full) */
VmdWorker *
vmd_worker_new (guint max_guest_threads)
{
  VmdWorker *self = g_object_new (VMD_TYPE_WORKER, NULL);

  self->core->pools[VMD_WORKER_GUEST].max_threads = MAX (max_guest_threads, 1);

  return self;
}

/* Runs @func (task, source object, task data, cancellable) on a thread of @kind; @func must return
 * the task. First come, first served within a kind. The task's callback runs in the context that
 * was thread-default when the task was made. A task that is cancelled while it queues is returned
 * with VMD_ERROR_CANCELLED and never runs; once it runs, @func alone decides what a cancel means
 * (the task's own check is turned off: it would throw a result away that was granted in the same
 * moment). Takes a reference to @task. Any thread. */
void
vmd_worker_run (VmdWorker *self, VmdWorkerKind kind, GTask *task, GTaskThreadFunc func)
{
  VmdWorkerCore *core = self->core;
  Pool *pool = &core->pools[kind];
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr (Item) item = g_new0 (Item, 1);
  gboolean wants_thread = FALSE;

  g_return_if_fail (VMD_IS_WORKER (self));
  g_return_if_fail (G_IS_TASK (task) && func != NULL);

  g_task_set_check_cancellable (task, FALSE);
  g_atomic_ref_count_init (&item->references);
  item->core = core_ref (core);
  item->pool = pool;
  item->task = g_object_ref (task);
  item->func = func;
  g_mutex_lock (&core->mutex);
  core->unfinished++;
  g_mutex_unlock (&core->mutex);

  /* Connected before it queues, so that the thread that takes it finds the handler's id. */
  if (cancellable != NULL)
    item->cancelled_id =
        g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), item_ref (item), item_unref);
  g_mutex_lock (&core->mutex);
  if (!item->claimed)
    {
      g_queue_push_tail (&pool->queue, item_ref (item));
      g_cond_signal (&pool->more);
      wants_thread = claim_thread_locked (pool);
    }
  g_mutex_unlock (&core->mutex);
  if (wants_thread)
    start_thread (core, pool);
}

/* Waits until nothing queues and nothing runs. Not from a task. */
void
vmd_worker_drain (VmdWorker *self)
{
  VmdWorkerCore *core = self->core;

  g_return_if_fail (VMD_IS_WORKER (self));

  g_mutex_lock (&core->mutex);
  while (core->unfinished > 0)
    g_cond_wait (&core->drained, &core->mutex);
  g_mutex_unlock (&core->mutex);
}
