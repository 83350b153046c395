/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-state-private.h"

#include "base/vmd-name-private.h"
#include "vmd-console-log-private.h"

/* What a guest writes to its console is on disk before anybody can refuse it. So one thread looks
 * at the consoles' files at times, and gives back what is too much: between two looks a guest
 * can write what its serial line carries in that time, and no more.
 *
 * One thread for all VMs, since a look is one lstat() for each: a thousand of them take a few
 * milliseconds of every interval. Not the worker, whose draining would wait for it; not the store's
 * thread, which must not wait for a file to be shortened; not a source in a main context, of which
 * a user of the library may have none. VMs that are stopped are looked at like others, since that
 * is cheaper than telling them apart.
 *
 * The thread has no reference to the manager and takes none to a VM, so it keeps neither alive and
 * never drops the last one. It needs the manager's cache and paths: vmd_manager_close() ends it
 * before those go. */
struct _VmdManagerConsoles
{
  VmdManager *manager; /* not owned */
  guint interval; /* milliseconds */
  GThread *thread;
  GMutex mutex; /* a leaf; guards what follows */
  GCond cond; /* closing was set */
  gboolean closing;
};

static gboolean
is_closing (VmdManagerConsoles *self)
{
  gboolean closing;

  g_mutex_lock (&self->mutex);
  closing = self->closing;
  g_mutex_unlock (&self->mutex);
  return closing;
}

/* FALSE when it is over. */
static gboolean
wait_for_next_look (VmdManagerConsoles *self)
{
  gint64 until = g_get_monotonic_time () + (gint64) self->interval * 1000;
  gboolean woken = TRUE;
  gboolean closing;

  g_mutex_lock (&self->mutex);
  while (!self->closing && woken)
    woken = g_cond_wait_until (&self->cond, &self->mutex, until);
  closing = self->closing;
  g_mutex_unlock (&self->mutex);
  return !closing;
}

/* A file that cannot be shortened now is looked at again the next time. */
static void
look_at (VmdManagerConsoles *self, const char *vm_id)
{
  g_autofree char *vm_dir = NULL;
  g_autoptr (GError) error = NULL;

  /* An id is a row's, hence outside input, and is about to be part of a path. */
  if (!vmd_id_is_valid (vm_id))
    return;
  vm_dir = vmd_manager_dup_vm_dir (self->manager, vm_id);
  if (!vmd_console_log_give_back (vm_dir, &error))
    g_debug ("%s", error->message);
}

static gpointer
look_at_times (gpointer data)
{
  VmdManagerConsoles *self = data;

  while (wait_for_next_look (self))
    {
      g_auto (GStrv) ids = vmd_cache_dup_keys (self->manager->cache, VMD_ROW_VM);

      for (guint i = 0; ids[i] != NULL && !is_closing (self); i++)
        look_at (self, ids[i]);
    }
  return NULL;
}

/* Begins to look at the consoles of @manager's VMs every @interval milliseconds. @manager must be
 * there until vmd_manager_consoles_free(). Returns: (transfer full), NULL on error. */
VmdManagerConsoles *
vmd_manager_consoles_new (VmdManager *manager, guint interval, GError **error)
{
  VmdManagerConsoles *self = g_new0 (VmdManagerConsoles, 1);
  g_autoptr (GError) local = NULL;

  self->manager = manager;
  self->interval = interval;
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->thread = g_thread_try_new ("vmd-consoles", look_at_times, self, &local);
  if (self->thread != NULL)
    return self;
  vmd_fail (error, VMD_ERROR_FAILED, "Cannot make a thread: %s", local->message);
  vmd_manager_consoles_free (self);
  return NULL;
}

/* Ends it: at once, or when the file that is being shortened is. */
void
vmd_manager_consoles_free (VmdManagerConsoles *self)
{
  g_mutex_lock (&self->mutex);
  self->closing = TRUE;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->mutex);
  g_clear_pointer (&self->thread, g_thread_join);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self);
}
