/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-private.h"

static VmdLockRequest *
make_request (VmdVm *self, VmdLockKind kind, const char *owner, const char *reason)
{
  VmdLockRequest *request = vmd_lock_request_new (owner, reason);

  vmd_lock_request_add (request, kind, self->id, VMD_LOCK_EXCLUSIVE);
  return request;
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

static void
lock_async (VmdVm *self, VmdLockRequest *request, gpointer tag, GCancellable *cancellable,
            GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_check_cancellable (task, FALSE);
  vmd_lock_table_lock_async (vmd_manager_get_lock_table (self->manager), request, cancellable,
                             locked_cb, task);
}

/**
 * vmd_vm_lock:
 * @owner: who asks: an owner that holds a lock already is refused
 * @reason: why, for those who wait and for lists
 * @cancellable: (nullable): ends the waiting
 *
 * Blocks until this VM is locked for its lifecycle, alone. vmd itself holds this lock for
 * milliseconds only, so the wait is short unless a program or a person holds it. Not on a main
 * loop.
 *
 * Returns: (transfer full) (nullable): the lock; %VMD_ERROR_NESTED_LOCK, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
VmdLock *
vmd_vm_lock (VmdVm *self, const char *owner, const char *reason, GCancellable *cancellable,
             GError **error)
{
  g_autoptr (VmdLockRequest) request = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), NULL);
  request = make_request (self, VMD_LOCK_VM, owner, reason);
  return vmd_lock_table_lock (vmd_manager_get_lock_table (self->manager), request, cancellable,
                              error);
}

/**
 * vmd_vm_lock_async:
 *
 * vmd_vm_lock() without blocking. A result that nobody collects releases the lock.
 *
 * Since: 0.1
 */
void
vmd_vm_lock_async (VmdVm *self, const char *owner, const char *reason, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (VmdLockRequest) request = NULL;

  g_return_if_fail (VMD_IS_VM (self));
  request = make_request (self, VMD_LOCK_VM, owner, reason);
  lock_async (self, request, vmd_vm_lock_async, cancellable, callback, user_data);
}

/**
 * vmd_vm_lock_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_vm_lock()
 *
 * Since: 0.1
 */
VmdLock *
vmd_vm_lock_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_vm_lock_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * vmd_workspace_lock:
 * @owner: who asks: an owner that holds a lock already is refused
 * @reason: why, for those who wait and for lists
 * @cancellable: (nullable): ends the waiting
 *
 * Blocks until this VM's workspaces are locked, alone: imports and exports hold this lock as long
 * as they take. It keeps nobody from stopping the VM. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the lock; %VMD_ERROR_NESTED_LOCK, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
VmdLock *
vmd_workspace_lock (VmdVm *vm, const char *owner, const char *reason, GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (VmdLockRequest) request = NULL;

  g_return_val_if_fail (VMD_IS_VM (vm), NULL);
  request = make_request (vm, VMD_LOCK_WORKSPACE, owner, reason);
  return vmd_lock_table_lock (vmd_manager_get_lock_table (vm->manager), request, cancellable,
                              error);
}

/**
 * vmd_workspace_lock_async:
 *
 * vmd_workspace_lock() without blocking. A result that nobody collects releases the lock.
 *
 * Since: 0.1
 */
void
vmd_workspace_lock_async (VmdVm *vm, const char *owner, const char *reason,
                          GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (VmdLockRequest) request = NULL;

  g_return_if_fail (VMD_IS_VM (vm));
  request = make_request (vm, VMD_LOCK_WORKSPACE, owner, reason);
  lock_async (vm, request, vmd_workspace_lock_async, cancellable, callback, user_data);
}

/**
 * vmd_workspace_lock_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_workspace_lock()
 *
 * Since: 0.1
 */
VmdLock *
vmd_workspace_lock_finish (VmdVm *vm, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, vm), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_workspace_lock_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
