/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-process-watcher-private.h"

#include "vmd-left-child-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One thread waits in epoll for the pidfds of all that is watched.
 *
 * Invariant: a watch is in the table until it is taken out, once, by whoever ends it: the thread,
 * that then calls back, or an unwatch. So the callback comes at most once, and never after an
 * unwatch that found the watch. One that does not find it waits until the thread is through with
 * it, unless it is on that thread itself. An event whose number is not in the table any more is of
 * an ended watch.
 *
 * What the thread uses is in a part of its own, counted, since the watcher's last reference may be
 * dropped by a callback's data, hence on the thread, which cannot wait for itself. The mutex is a
 * leaf: callbacks, destroys and descriptors are dealt with outside it.
 *
 * A process whose pidfd cannot be had (no more descriptors) is not forgotten: the thread tries
 * again each second. */

#define EVENTS 64
#define RETRY_MILLISECONDS 1000

/* The event of the descriptor that wakes the thread; watches are numbered from 1. */
#define WAKE 0

typedef struct
{
  guint64 id;
  VmdProcessId process;
  int fd; /* pidfd; -1: none (yet) */
  VmdProcessExited exited;
  gpointer data;
  GDestroyNotify destroy; /* (nullable) */
} Watch;

typedef struct
{
  gatomicrefcount references;
  int epoll_fd;
  int wake_fd;

  GMutex mutex;
  GCond cond; /* running has changed */
  GHashTable *watches; /* guint64 in the Watch → Watch; under mutex */
  guint64 last_id; /* under mutex */
  guint64 running; /* the watch that is being called back, or 0; under mutex */
  guint n_without_fd; /* watches to be looked at by the thread; under mutex */
  gboolean is_stopping; /* under mutex */
} Loop;

#define VMD_TYPE_PIDFD_WATCHER (vmd_pidfd_watcher_get_type ())
G_DECLARE_FINAL_TYPE (VmdPidfdWatcher, vmd_pidfd_watcher, VMD, PIDFD_WATCHER, GObject)

/**
 * VmdPidfdWatcher:
 *
 * The process watcher of Linux. Any thread may use it.
 *
 * Since: 0.1
 */
struct _VmdPidfdWatcher
{
  GObject parent_instance;

  Loop *loop;
  GThread *thread;
};

static void vmd_pidfd_watcher_watcher_init (VmdProcessWatcherInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdPidfdWatcher, vmd_pidfd_watcher, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_PROCESS_WATCHER,
                                                      vmd_pidfd_watcher_watcher_init))

static void
watch_free (gpointer data)
{
  Watch *watch = data;

  vmd_clear_fd (&watch->fd);
  if (watch->destroy != NULL)
    watch->destroy (watch->data);
  g_free (watch);
}

static void
loop_unref (Loop *loop)
{
  if (!g_atomic_ref_count_dec (&loop->references))
    return;
  /* Watches that nobody ended are dropped without a call. */
  g_hash_table_unref (loop->watches);
  vmd_clear_fd (&loop->epoll_fd);
  vmd_clear_fd (&loop->wake_fd);
  g_mutex_clear (&loop->mutex);
  g_cond_clear (&loop->cond);
  g_free (loop);
}

static void
wake (Loop *loop)
{
  const guint64 one = 1;

  if (write (loop->wake_fd, &one, sizeof one) < 0)
    g_debug ("the watcher's thread is awake already");
}

/* Opens the pidfd and has epoll look at it. FALSE: it is to be tried again, or the process is gone,
 * then @gone is set. */
static gboolean
attach (Loop *loop, const VmdProcessId *process, guint64 id, int *fd, gboolean *gone)
{
  struct epoll_event wanted = { .events = EPOLLIN, .data.u64 = id };
  vmd_autofd int opened = vmd_process_id_open (process);

  *gone = opened < 0 && errno == ESRCH;
  if (opened < 0 || epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, opened, &wanted) < 0)
    return FALSE;
  *fd = vmd_steal_fd (&opened);

  return TRUE;
}

/* With the mutex held. (transfer full) (nullable) */
static Watch *
take_locked (Loop *loop, guint64 id)
{
  Watch *watch = NULL;

  if (!g_hash_table_steal_extended (loop->watches, &id, NULL, (gpointer *) &watch))
    return NULL;
  if (watch->fd < 0)
    loop->n_without_fd--;

  return watch;
}

/* The process of this watch is gone. On the thread. */
static void
call_back (Loop *loop, guint64 id)
{
  int wait_status = -1;
  Watch *watch;

  g_mutex_lock (&loop->mutex);
  watch = take_locked (loop, id);
  if (watch != NULL)
    loop->running = id;
  g_mutex_unlock (&loop->mutex);
  if (watch == NULL)
    return;

  vmd_left_child_reap (&watch->process, &wait_status);
  watch->exited (&watch->process, wait_status, watch->data);
  watch_free (watch);

  g_mutex_lock (&loop->mutex);
  loop->running = 0;
  g_cond_broadcast (&loop->cond);
  g_mutex_unlock (&loop->mutex);
}

/* The numbers of the watches without a descriptor. (transfer full) */
static GArray *
list_without_fd (Loop *loop)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  GHashTableIter iter;
  gpointer value;

  g_mutex_lock (&loop->mutex);
  g_hash_table_iter_init (&iter, loop->watches);
  while (loop->n_without_fd > 0 && g_hash_table_iter_next (&iter, NULL, &value))
    if (((Watch *) value)->fd < 0)
      g_array_append_val (ids, ((Watch *) value)->id);
  g_mutex_unlock (&loop->mutex);

  return ids;
}

/* Tries once more. A watch that was ended meanwhile gives its descriptor back. */
static void
retry (Loop *loop, guint64 id)
{
  VmdProcessId process;
  gboolean gone = FALSE;
  vmd_autofd int fd = -1;
  Watch *watch;

  g_mutex_lock (&loop->mutex);
  watch = g_hash_table_lookup (loop->watches, &id);
  if (watch != NULL)
    process = watch->process;
  g_mutex_unlock (&loop->mutex);
  if (watch == NULL)
    return;
  if (attach (loop, &process, id, &fd, &gone))
    {
      g_mutex_lock (&loop->mutex);
      watch = g_hash_table_lookup (loop->watches, &id);
      if (watch != NULL)
        {
          watch->fd = vmd_steal_fd (&fd);
          loop->n_without_fd--;
        }
      g_mutex_unlock (&loop->mutex);
    }
  if (gone)
    call_back (loop, id);
}

static void
retry_all (Loop *loop)
{
  g_autoptr (GArray) ids = list_without_fd (loop);

  for (guint i = 0; i < ids->len; i++)
    retry (loop, g_array_index (ids, guint64, i));
}

/* What to do before the next wait: -1 to wait for ever, else milliseconds; FALSE to end. */
static gboolean
prepare (Loop *loop, int *timeout)
{
  gboolean goes_on;

  g_mutex_lock (&loop->mutex);
  goes_on = !loop->is_stopping;
  *timeout = loop->n_without_fd > 0 ? RETRY_MILLISECONDS : -1;
  g_mutex_unlock (&loop->mutex);

  return goes_on;
}

static gpointer
run (gpointer data)
{
  Loop *loop = data;
  struct epoll_event events[EVENTS];
  int timeout;

  while (prepare (loop, &timeout))
    {
      int n = epoll_wait (loop->epoll_fd, events, EVENTS, timeout);
      guint64 count;

      if (n < 0 && errno != EINTR)
        g_error ("the process watcher cannot wait: %s", g_strerror (errno));
      for (int i = 0; i < n; i++)
        if (events[i].data.u64 != WAKE)
          call_back (loop, events[i].data.u64);
        else if (read (loop->wake_fd, &count, sizeof count) < 0)
          g_debug ("the watcher's thread was woken for nothing");
      retry_all (loop);
    }
  loop_unref (loop);

  return NULL;
}

static guint64
vmd_pidfd_watcher_watch (VmdProcessWatcher *watcher, const VmdProcessId *process,
                         VmdProcessExited exited, gpointer data, GDestroyNotify destroy)
{
  Loop *loop = VMD_PIDFD_WATCHER (watcher)->loop;
  Watch *watch = g_new0 (Watch, 1);
  guint64 id;

  watch->process = *process;
  watch->fd = -1;
  watch->exited = exited;
  watch->data = data;
  watch->destroy = destroy;
  g_mutex_lock (&loop->mutex);
  id = watch->id = ++loop->last_id;
  loop->n_without_fd++;
  g_hash_table_insert (loop->watches, &watch->id, watch);
  g_mutex_unlock (&loop->mutex);
  /* The thread opens it: what is found gone there is called back there. */
  wake (loop);

  return id;
}

static void
vmd_pidfd_watcher_unwatch (VmdProcessWatcher *watcher, guint64 id)
{
  VmdPidfdWatcher *self = VMD_PIDFD_WATCHER (watcher);
  Loop *loop = self->loop;
  gboolean is_thread = g_thread_self () == self->thread;
  Watch *watch;

  g_mutex_lock (&loop->mutex);
  watch = take_locked (loop, id);
  while (watch == NULL && !is_thread && loop->running == id)
    g_cond_wait (&loop->cond, &loop->mutex);
  g_mutex_unlock (&loop->mutex);
  if (watch == NULL)
    return;
  /* Explicitly: closing is not enough while a forked child has the descriptor too. */
  if (watch->fd >= 0)
    epoll_ctl (loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch_free (watch);
}

static void
vmd_pidfd_watcher_watcher_init (VmdProcessWatcherInterface *iface)
{
  iface->watch = vmd_pidfd_watcher_watch;
  iface->unwatch = vmd_pidfd_watcher_unwatch;
}

static void
vmd_pidfd_watcher_finalize (GObject *object)
{
  VmdPidfdWatcher *self = VMD_PIDFD_WATCHER (object);

  if (self->thread != NULL)
    {
      g_mutex_lock (&self->loop->mutex);
      self->loop->is_stopping = TRUE;
      g_mutex_unlock (&self->loop->mutex);
      wake (self->loop);
      if (g_thread_self () == self->thread)
        g_thread_unref (self->thread);
      else
        g_thread_join (self->thread);
    }
  loop_unref (self->loop);

  G_OBJECT_CLASS (vmd_pidfd_watcher_parent_class)->finalize (object);
}

static void
vmd_pidfd_watcher_class_init (VmdPidfdWatcherClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_pidfd_watcher_finalize;
}

static void
vmd_pidfd_watcher_init (VmdPidfdWatcher *self)
{
  Loop *loop = g_new0 (Loop, 1);

  g_atomic_ref_count_init (&loop->references);
  g_mutex_init (&loop->mutex);
  g_cond_init (&loop->cond);
  loop->watches = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, watch_free);
  loop->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  loop->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->loop = loop;
}

/* A watcher, its thread begun. (transfer full), NULL on error. */
VmdProcessWatcher *
vmd_pidfd_watcher_new (GError **error)
{
  g_autoptr (VmdPidfdWatcher) self = g_object_new (VMD_TYPE_PIDFD_WATCHER, NULL);
  Loop *loop = self->loop;
  struct epoll_event wanted = { .events = EPOLLIN, .data.u64 = WAKE };

  if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
      epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wanted) < 0)
    {
      vmd_fail_errno (error, errno, "cannot watch processes");
      return NULL;
    }
  g_atomic_ref_count_inc (&loop->references);
  self->thread = g_thread_try_new ("vmd-watcher", run, loop, error);
  if (self->thread == NULL)
    {
      loop_unref (loop);
      return NULL;
    }

  return VMD_PROCESS_WATCHER (g_steal_pointer (&self));
}
