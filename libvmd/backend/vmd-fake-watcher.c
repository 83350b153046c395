/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-process-watcher-private.h"

/* A watcher that is told by the test who died: no processes are needed, and no times are waited
 * for. */

typedef struct
{
  guint64 id;
  VmdProcessId process;
  VmdProcessExited exited;
  gpointer data;
  GDestroyNotify destroy; /* (nullable) */
} Watch;

#define VMD_TYPE_FAKE_WATCHER (vmd_fake_watcher_get_type ())
G_DECLARE_FINAL_TYPE (VmdFakeWatcher, vmd_fake_watcher, VMD, FAKE_WATCHER, GObject)

/**
 * VmdFakeWatcher:
 *
 * Calls back on the thread of vmd_fake_watcher_exit(). An unwatch on another thread waits for it.
 *
 * Since: 0.1
 */
struct _VmdFakeWatcher
{
  GObject parent_instance;

  GMutex mutex;
  GCond cond; /* running has changed */
  GList *watches; /* owned Watch; under mutex */
  guint64 last_id; /* under mutex */
  guint64 running; /* the watch that is being called back, or 0; under mutex */
  GThread *runner; /* that calls it back; under mutex */
};

static void vmd_fake_watcher_watcher_init (VmdProcessWatcherInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdFakeWatcher, vmd_fake_watcher, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_PROCESS_WATCHER,
                                                      vmd_fake_watcher_watcher_init))

static void
watch_free (gpointer data)
{
  Watch *watch = data;

  if (watch->destroy != NULL)
    watch->destroy (watch->data);
  g_free (watch);
}

/* The first watch with this number or, where that is 0, of this pid, taken out of the list. With
 * the mutex held. (transfer full) (nullable) */
static Watch *
take_locked (VmdFakeWatcher *self, guint64 id, pid_t pid)
{
  for (GList *l = self->watches; l != NULL; l = l->next)
    {
      Watch *watch = l->data;

      if (id != 0 ? watch->id != id : watch->process.pid != pid)
        continue;
      self->watches = g_list_delete_link (self->watches, l);
      return watch;
    }

  return NULL;
}

static guint64
vmd_fake_watcher_watch (VmdProcessWatcher *watcher, const VmdProcessId *process,
                        VmdProcessExited exited, gpointer data, GDestroyNotify destroy)
{
  VmdFakeWatcher *self = VMD_FAKE_WATCHER (watcher);
  Watch *watch = g_new0 (Watch, 1);
  guint64 id;

  watch->process = *process;
  watch->exited = exited;
  watch->data = data;
  watch->destroy = destroy;
  g_mutex_lock (&self->mutex);
  id = watch->id = ++self->last_id;
  self->watches = g_list_append (self->watches, watch);
  g_mutex_unlock (&self->mutex);

  return id;
}

static void
vmd_fake_watcher_unwatch (VmdProcessWatcher *watcher, guint64 id)
{
  VmdFakeWatcher *self = VMD_FAKE_WATCHER (watcher);
  Watch *watch;

  g_mutex_lock (&self->mutex);
  watch = take_locked (self, id, 0);
  while (watch == NULL && self->running == id && self->runner != g_thread_self ())
    g_cond_wait (&self->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
  if (watch != NULL)
    watch_free (watch);
}

static void
vmd_fake_watcher_watcher_init (VmdProcessWatcherInterface *iface)
{
  iface->watch = vmd_fake_watcher_watch;
  iface->unwatch = vmd_fake_watcher_unwatch;
}

static void
vmd_fake_watcher_finalize (GObject *object)
{
  VmdFakeWatcher *self = VMD_FAKE_WATCHER (object);

  g_list_free_full (self->watches, watch_free);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);

  G_OBJECT_CLASS (vmd_fake_watcher_parent_class)->finalize (object);
}

static void
vmd_fake_watcher_class_init (VmdFakeWatcherClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_fake_watcher_finalize;
}

static void
vmd_fake_watcher_init (VmdFakeWatcher *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
}

/* (transfer full) */
VmdProcessWatcher *
vmd_fake_watcher_new (void)
{
  return g_object_new (VMD_TYPE_FAKE_WATCHER, NULL);
}

/* The process @pid has ended: calls back whoever watches it, before it returns. One thread at a
 * time. */
void
vmd_fake_watcher_exit (VmdProcessWatcher *watcher, pid_t pid, int wait_status)
{
  VmdFakeWatcher *self = VMD_FAKE_WATCHER (watcher);
  Watch *watch;

  g_return_if_fail (VMD_IS_FAKE_WATCHER (watcher));

  g_mutex_lock (&self->mutex);
  while ((watch = take_locked (self, 0, pid)) != NULL)
    {
      self->running = watch->id;
      self->runner = g_thread_self ();
      g_mutex_unlock (&self->mutex);
      watch->exited (&watch->process, wait_status, watch->data);
      watch_free (watch);
      g_mutex_lock (&self->mutex);
      self->running = 0;
      g_cond_broadcast (&self->cond);
    }
  g_mutex_unlock (&self->mutex);
}
