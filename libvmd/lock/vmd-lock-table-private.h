/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lock table of one state directory in one process: first the line of this process, then the
 * file `locks`. */

#include "vmd-lock.h"

G_BEGIN_DECLS

#define VMD_TYPE_LOCK_TABLE (vmd_lock_table_get_type ())
G_DECLARE_FINAL_TYPE (VmdLockTable, vmd_lock_table, VMD, LOCK_TABLE, GObject)

VmdLockTable *vmd_lock_table_new (const char *state_dir, GError **error);
VmdLock *vmd_lock_table_lock (VmdLockTable *self, VmdLockRequest *request,
                              GCancellable *cancellable, GError **error);
void
vmd_lock_table_lock_async (VmdLockTable *self, VmdLockRequest *request, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data);
VmdLock *vmd_lock_table_lock_finish (VmdLockTable *self, GAsyncResult *result, GError **error);
VmdLock *vmd_lock_table_try_lock (VmdLockTable *self, VmdLockRequest *request, GError **error);
GListModel *vmd_lock_table_list (VmdLockTable *self);
/* For tests: after how long a wait is logged, in microseconds; 10 s at first. */
void vmd_lock_table_set_patience (VmdLockTable *self, gint64 microseconds);

/* The library's side of a VmdLock, in vmd-lock.c. */
gboolean vmd_lock_begin_use (VmdLock *self);
void vmd_lock_end_use (VmdLock *self);
gboolean vmd_lock_require (VmdLock *lock, VmdLockKind kind, const char *name, VmdLockMode mode,
                           GError **error);

G_END_DECLS
