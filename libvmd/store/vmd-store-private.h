/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One SQLite database, one thread that owns its one connection, and a queue before it.
 *
 * Why a thread: a mutex around a connection would be held across disk writes, and everybody who
 * only wants to look would queue behind an fsync. Here a caller queues a function, which runs
 * between BEGIN IMMEDIATE and COMMIT on the store's thread. Functions that queue up while a commit
 * is under way share the next commit (each in its own SAVEPOINT, so that one's failure rolls back
 * only itself): a thousand small writers pay a handful of fsyncs.
 *
 * How memory follows disk: triggers write (kind, id) of each row changed to the table `changes`,
 * whose rowid rises. After each commit, and when another process touched `changed`, the thread
 * reads what is new there, tells the observer, and only then answers the callers. So there is one
 * path for one's own and for foreign changes, always disk before memory, always in order, and its
 * cost grows with the change. A process that fell behind the pruned table reloads everything. */

#include "vmd-error.h"

#include <gio/gio.h>
#include <sqlite3.h>

G_BEGIN_DECLS

#define VMD_TYPE_STORE (vmd_store_get_type ())
G_DECLARE_FINAL_TYPE (VmdStore, vmd_store, VMD, STORE, GObject)

typedef enum
{
  VMD_ROW_VM, /* id */
  VMD_ROW_LAUNCH, /* VM id: launches, launch_resources */
  VMD_ROW_TRANSITION, /* VM id */
  VMD_ROW_IMAGE, /* name */
  VMD_ROW_KERNEL, /* version */
  VMD_ROW_WORKSPACE, /* "<vm-id> <path>" */
  VMD_ROW_DEVICE, /* id: what is set on it, its schema */
  VMD_ROW_GROUP, /* name */
  VMD_ROW_MEMBER, /* device id: which groups it is in */
  VMD_ROW_TOKEN, /* device id */
  VMD_ROW_APPLIED, /* device id: what it reported */
  VMD_ROW_PRESENCE, /* device id: whether it is connected */
  VMD_N_ROW_KINDS
} VmdRowKind;

/* Runs on the store's thread, in a transaction. Must not wait for anything. FALSE rolls back. */
typedef gboolean (*VmdStoreFunc) (sqlite3 *db, gpointer data, GError **error);

/* Called on the store's thread after a commit, once for each row that changed (deleted ones too:
 * look it up to see); @id NULL: everything may have changed, reload. All that is told at once is in
 * one read transaction: what is looked up belongs together. */
typedef void (*VmdStoreObserver) (VmdStore *self, sqlite3 *db, VmdRowKind kind, const char *id,
                                  gpointer data);
/* Called once after the last row of a batch. */
typedef void (*VmdStoreBatchDone) (VmdStore *self, gpointer data);

/* Opens or makes @state_dir/vmd.db: WAL, synchronous=FULL, foreign_keys, busy_timeout; migrates.
 * STORE or STORE_CORRUPT name the file and what to do. */
VmdStore *vmd_store_open (const char *state_dir, GError **error);
/* Before the first transaction; calls it at once, on the store's thread, with a reload of every
 * kind, and returns after that. */
void vmd_store_observe (VmdStore *self, VmdStoreObserver observer, VmdStoreBatchDone done,
                        gpointer data);
/* Blocks the caller until @func's effects are durable and the observer has seen them, or until it
 * failed. Not on the main loop. A cancelled call that has not begun is dropped; one that has begun
 * is finished. */
gboolean vmd_store_transact (VmdStore *self, VmdStoreFunc func, gpointer data,
                             GCancellable *cancellable, GError **error);
/* The same without blocking, for the main loop. */
void vmd_store_transact_async (VmdStore *self, VmdStoreFunc func, gpointer data,
                               GDestroyNotify destroy, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
gboolean vmd_store_transact_finish (VmdStore *self, GAsyncResult *result, GError **error);
/* Stops the thread after what is queued, and closes. */
void vmd_store_close (VmdStore *self);

G_END_DECLS
