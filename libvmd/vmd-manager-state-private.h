/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager from inside: what the files vmd-manager-*.c share, one for each verb. */

#include "vmd-cache-private.h"
#include "vmd-manager-devices-private.h"
#include "vmd-manager-private.h"
#include "vmd-signal-queue-private.h"
#include "vmd-vm-private.h"

G_BEGIN_DECLS

typedef struct _VmdManagerJobs VmdManagerJobs;
typedef struct _VmdManagerFollowing VmdManagerFollowing;
typedef struct _VmdManagerConsoles VmdManagerConsoles;

/* Made at open and not changed until close; what changes has a mutex of its own where it lives. */
struct _VmdManager
{
  GObject parent;

  char *state_dir;
  char *runtime_dir;
  VmdStore *store;
  VmdLockTable *lock_table;
  VmdWorker *worker;
  VmdBackend *backend;
  VmdTransport *transport;
  VmdConnectionPool *connection_pool;
  VmdProcessWatcher *process_watcher;
  VmdClock *clock;
  GCancellable *cancellable; /* the whole service's; cancelled at close */
  VmdSignalQueue *signals;
  VmdCache *cache;
  VmdManagerDevices *devices;
  VmdManagerJobs *jobs;
  VmdManagerFollowing *following;
  VmdManagerConsoles *consoles; /* NULL when closed */
  guint boot_timeout; /* milliseconds */

  GMutex verbs_mutex; /* a leaf; guards what follows */
  GCond verbs_changed;
  guint n_verbs; /* under way, on whichever threads */
};

typedef enum
{
  VMD_MANAGER_VM_ADDED,
  VMD_MANAGER_VM_REMOVED,
  VMD_MANAGER_IMAGE_ADDED,
  VMD_MANAGER_IMAGE_REMOVED,
  VMD_MANAGER_KERNEL_ADDED,
  VMD_MANAGER_KERNEL_REMOVED,
  VMD_MANAGER_WORKSPACE_ADDED,
  VMD_MANAGER_WORKSPACE_REMOVED,
  VMD_MANAGER_JOB_ADDED,
  VMD_MANAGER_JOB_REMOVED,
  VMD_MANAGER_DEVICE_ADDED,
  VMD_MANAGER_DEVICE_REMOVED,
  VMD_MANAGER_DEVICE_CHANGED,
  VMD_MANAGER_GROUP_ADDED,
  VMD_MANAGER_GROUP_REMOVED,
  VMD_MANAGER_GROUP_CHANGED,
  VMD_MANAGER_N_SIGNALS
} VmdManagerSignal;

void vmd_manager_emit (VmdManager *self, VmdManagerSignal signal, gpointer object);
/* Not again while that waits to be emitted. */
void vmd_manager_emit_once (VmdManager *self, VmdManagerSignal signal, gpointer object);

/* vmd-manager-reload.c */
void vmd_manager_observe_cb (VmdStore *store, sqlite3 *db, VmdRowKind kind, const char *id,
                             gpointer data);
void vmd_manager_observed_cb (VmdStore *store, gpointer data);

/* vmd-manager-jobs.c */
VmdManagerJobs *vmd_manager_jobs_new (void);
void vmd_manager_jobs_free (VmdManagerJobs *jobs);

/* vmd-manager-following.c */
VmdManagerFollowing *vmd_manager_following_new (void);
void vmd_manager_following_free (VmdManagerFollowing *self);

/* vmd-manager-console.c */
VmdManagerConsoles *vmd_manager_consoles_new (VmdManager *manager, guint interval, GError **error);
void vmd_manager_consoles_free (VmdManagerConsoles *consoles);

/* vmd-manager-staging.c */
void vmd_manager_reap_staging (VmdManager *self);

/* vmd-manager-recover.c */
void vmd_manager_recover (VmdManager *self);

G_END_DECLS
