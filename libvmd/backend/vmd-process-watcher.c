/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-process-watcher-private.h"

G_DEFINE_INTERFACE (VmdProcessWatcher, vmd_process_watcher, G_TYPE_OBJECT)

static void
vmd_process_watcher_default_init (VmdProcessWatcherInterface *iface)
{
}

/* Watches @process until it is gone or unwatched. @exited is called at most once, with @data;
 * @destroy (nullable) frees @data after that, or at the unwatching. Never waits, and never calls
 * @exited itself. Returns a number for vmd_process_watcher_unwatch(), never 0. */
guint64
vmd_process_watcher_watch (VmdProcessWatcher *self, const VmdProcessId *process,
                           VmdProcessExited exited, gpointer data, GDestroyNotify destroy)
{
  g_return_val_if_fail (VMD_IS_PROCESS_WATCHER (self), 0);
  g_return_val_if_fail (process != NULL && exited != NULL, 0);

  return VMD_PROCESS_WATCHER_GET_IFACE (self)->watch (self, process, exited, data, destroy);
}

/* Ends a watch; one that has ended already may be ended again. After it returns, the callback has
 * run, and its data is freed, or never will. Not from the callback itself. */
void
vmd_process_watcher_unwatch (VmdProcessWatcher *self, guint64 id)
{
  g_return_if_fail (VMD_IS_PROCESS_WATCHER (self));

  VMD_PROCESS_WATCHER_GET_IFACE (self)->unwatch (self, id);
}
