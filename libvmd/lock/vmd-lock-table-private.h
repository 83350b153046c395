/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lock table of one state directory in one process: in-process FIFO queue first, then the file `locks`. */

#include "vmd-lock.h"

G_BEGIN_DECLS

#define VMD_TYPE_LOCK_TABLE (vmd_lock_table_get_type ())
G_DECLARE_FINAL_TYPE (VmdLockTable, vmd_lock_table, VMD, LOCK_TABLE, GObject)

/* Makes @state_dir/locks and @state_dir/requests/ if need be. */
VmdLockTable *vmd_lock_table_new (const char *state_dir, GError **error);
/* Blocks this thread; never on the main loop. Errors: BUSY (timeout 0 or passed: names the holder), CANCELLED, NESTED_LOCK, INVALID_ARGUMENT. */
VmdLock *vmd_lock_table_lock (VmdLockTable *self, VmdLockRequest *request,
                              GCancellable *cancellable, GError **error);
void vmd_lock_table_lock_async (VmdLockTable *self, VmdLockRequest *request,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data);
VmdLock *vmd_lock_table_lock_finish (VmdLockTable *self, GAsyncResult *result, GError **error);
VmdLock *vmd_lock_table_try_lock (VmdLockTable *self, VmdLockRequest *request, GError **error);
/* (transfer full): a GListStore of VmdLockInfo, of all processes. Reads requests/; never waits. */
GListModel *vmd_lock_table_list (VmdLockTable *self);
/* A verb is at work under this lock: vmd_lock_release() takes effect when the last use ends. FALSE if it is released. */
gboolean vmd_lock_begin_use (VmdLock *self);
void vmd_lock_end_use (VmdLock *self);
/* For the steps: TRUE, or NOT_LOCKED that says which lock is needed. NULL @lock fails too. */
gboolean vmd_lock_require (VmdLock *lock, VmdLockKind kind, const char *name, VmdLockMode mode,
                           GError **error);

G_END_DECLS
