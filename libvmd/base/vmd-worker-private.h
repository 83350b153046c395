/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Threads for work that waits. GTask's own pool starts at 10 threads and grows slowly, so ten
 * stalled imports would stall everything: nothing that waits for a lock, a guest or a network runs
 * there. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  /* Start, stop, kill, delete: as many threads as are asked for, so that a kill never queues. */
  VMD_WORKER_LIFECYCLE,
  /* Imports, exec, builds: bounded; beyond that they queue, and their job says "queued". */
  VMD_WORKER_GUEST
} VmdWorkerKind;

#define VMD_TYPE_WORKER (vmd_worker_get_type ())
G_DECLARE_FINAL_TYPE (VmdWorker, vmd_worker, VMD, WORKER, GObject)

VmdWorker *vmd_worker_new (guint max_guest_threads);
void vmd_worker_run (VmdWorker *self, VmdWorkerKind kind, GTask *task, GTaskThreadFunc func);
void vmd_worker_drain (VmdWorker *self);

G_END_DECLS
