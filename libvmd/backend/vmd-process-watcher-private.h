/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Watching processes that need not be our children: one thread, one epoll, one pidfd each. A seam:
 * the fake one is told by the test who died. */

#include "../base/vmd-process-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Called once, on the watcher's thread, when the process is gone (or was so already); must not
 * wait. @wait_status: as waitpid() gives it when it was a child of ours that was launched and
 * left, else -1. */
typedef void (*VmdProcessExited) (const VmdProcessId *process, int wait_status, gpointer data);

#define VMD_TYPE_PROCESS_WATCHER (vmd_process_watcher_get_type ())
G_DECLARE_INTERFACE (VmdProcessWatcher, vmd_process_watcher, VMD, PROCESS_WATCHER, GObject)

struct _VmdProcessWatcherInterface
{
  GTypeInterface parent;
  guint64 (*watch) (VmdProcessWatcher *self, const VmdProcessId *process, VmdProcessExited exited,
                    gpointer data, GDestroyNotify destroy);
  void (*unwatch) (VmdProcessWatcher *self, guint64 id);
};

guint64 vmd_process_watcher_watch (VmdProcessWatcher *self, const VmdProcessId *process,
                                   VmdProcessExited exited, gpointer data, GDestroyNotify destroy);
/* After it returns, the callback has run or never will. Not from the callback itself. */
void vmd_process_watcher_unwatch (VmdProcessWatcher *self, guint64 id);

VmdProcessWatcher *vmd_pidfd_watcher_new (GError **error);
VmdProcessWatcher *vmd_fake_watcher_new (void);
void vmd_fake_watcher_exit (VmdProcessWatcher *self, pid_t pid, int wait_status);

G_END_DECLS
