/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Threads for work that waits. GTask's own pool starts at 10 threads and grows slowly, so ten stalled imports would
 * stall everything: nothing that waits for a lock, a guest or a network runs there. Two pools:
 *   LIFECYCLE: start, stop, kill, delete…: as many threads as are asked for, so that a kill never queues;
 *   GUEST: imports, exec, builds: bounded by configuration; beyond that they queue, and their job says "queued". */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum { VMD_WORKER_LIFECYCLE, VMD_WORKER_GUEST } VmdWorkerKind;

#define VMD_TYPE_WORKER (vmd_worker_get_type ())
G_DECLARE_FINAL_TYPE (VmdWorker, vmd_worker, VMD, WORKER, GObject)

VmdWorker *vmd_worker_new (guint max_guest_threads);
/* Runs @func (task, source object, task data, cancellable) on a thread of @kind; it must return the task. The task's
 * callback runs in the context that was thread-default when the task was made. A task cancelled while it queues is
 * returned with VMD_ERROR_CANCELLED without running. */
void vmd_worker_run (VmdWorker *self, VmdWorkerKind kind, GTask *task, GTaskThreadFunc func);
/* Waits until nothing runs any more. */
void vmd_worker_drain (VmdWorker *self);

G_END_DECLS
