/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "lock/vmd-lock-request-private.h"
#include "vmd-manager-state-private.h"

/* A lock is on a name, whether there is an image of it or not; but one that none can have is
 * mistyped. */
static gboolean
check_names (VmdLockRequest *request, GError **error)
{
  const VmdLockSet *set = vmd_lock_request_get_set (request);

  for (guint i = 0; i < set->resources->len; i++)
    {
      const VmdLockResource *resource = &g_array_index (set->resources, VmdLockResource, i);

      if (resource->kind == VMD_LOCK_IMAGE && !vmd_name_validate (resource->name, "image", error))
        return FALSE;
    }
  return TRUE;
}

/**
 * vmd_manager_lock:
 * @request: what is wanted, all at once
 * @cancellable: (nullable): ends the waiting
 *
 * Blocks until the whole request is granted. Not on a main loop. The lock is held until
 * vmd_lock_release(), or until its last reference is gone.
 *
 * Returns: (transfer full) (nullable): the lock; %VMD_ERROR_BUSY when the request's timeout has
 *   passed (names the holder), %VMD_ERROR_NESTED_LOCK when its owner holds a lock already,
 *   %VMD_ERROR_INVALID_ARGUMENT, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
VmdLock *
vmd_manager_lock (VmdManager *self, VmdLockRequest *request, GCancellable *cancellable,
                  GError **error)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (VMD_IS_LOCK_REQUEST (request), NULL);
  return check_names (request, error)
             ? vmd_lock_table_lock (self->lock_table, request, cancellable, error)
             : NULL;
}

static void
locked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  VmdLock *lock = vmd_lock_table_lock_finish (VMD_LOCK_TABLE (source), result, &error);

  if (lock != NULL)
    g_task_return_pointer (task, lock, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * vmd_manager_lock_async:
 *
 * vmd_manager_lock() without blocking. A result that nobody collects releases the lock.
 *
 * Since: 0.1
 */
void
vmd_manager_lock_async (VmdManager *self, VmdLockRequest *request, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task;
  GError *error = NULL;

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (VMD_IS_LOCK_REQUEST (request));
  if (!check_names (request, &error))
    {
      g_task_report_error (self, callback, user_data, vmd_manager_lock_async, error);
      return;
    }
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, vmd_manager_lock_async);
  g_task_set_check_cancellable (task, FALSE);
  vmd_lock_table_lock_async (self->lock_table, request, cancellable, locked_cb, task);
}

/**
 * vmd_manager_lock_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_manager_lock()
 *
 * Since: 0.1
 */
VmdLock *
vmd_manager_lock_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_manager_lock_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * vmd_manager_try_lock:
 *
 * Never waits, whatever the request's timeout is.
 *
 * Returns: (transfer full) (nullable): as vmd_manager_lock()
 *
 * Since: 0.1
 */
VmdLock *
vmd_manager_try_lock (VmdManager *self, VmdLockRequest *request, GError **error)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (VMD_IS_LOCK_REQUEST (request), NULL);
  return check_names (request, error) ? vmd_lock_table_try_lock (self->lock_table, request, error)
                                      : NULL;
}

/**
 * vmd_manager_list_locks:
 *
 * Returns: (transfer full): a #VmdLockInfo for each lock that is held or waited for, in all
 *   processes that have the state directory open
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_locks (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return vmd_lock_table_list (self->lock_table);
}
