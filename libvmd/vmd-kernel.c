/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-call-private.h"
#include "vmd-manager-publish-private.h"

/**
 * VmdKernel:
 *
 * A Linux kernel that VMs boot, with the modules that they need for it.
 *
 * All functions may be called on any thread.
 *
 * Since: 0.1
 */
struct _VmdKernel
{
  GObject parent;

  VmdManager *manager; /* owned: a circle, which vmd_manager_close() breaks */
  VmdKernelRow *row; /* constant after construction */
};

G_DEFINE_FINAL_TYPE (VmdKernel, vmd_kernel, G_TYPE_OBJECT)

static void
vmd_kernel_finalize (GObject *object)
{
  VmdKernel *self = VMD_KERNEL (object);

  g_clear_object (&self->manager);
  g_clear_pointer (&self->row, vmd_kernel_row_free);
  G_OBJECT_CLASS (vmd_kernel_parent_class)->finalize (object);
}

static void
vmd_kernel_class_init (VmdKernelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_kernel_finalize;
}

static void
vmd_kernel_init (VmdKernel *self)
{
}

/* Copies @row. */
VmdKernel *
vmd_kernel_new (VmdManager *manager, const VmdKernelRow *row)
{
  VmdKernel *self = g_object_new (VMD_TYPE_KERNEL, NULL);

  self->manager = g_object_ref (manager);
  self->row = vmd_kernel_row_copy (row);
  return self;
}

/**
 * vmd_kernel_get_version:
 *
 * Returns: its version, as `uname -r` says it
 *
 * Since: 0.1
 */
const char *
vmd_kernel_get_version (VmdKernel *self)
{
  g_return_val_if_fail (VMD_IS_KERNEL (self), NULL);
  return self->row->version;
}

/**
 * vmd_kernel_get_source:
 *
 * Returns: where it came from, for people: a package or a file
 *
 * Since: 0.1
 */
const char *
vmd_kernel_get_source (VmdKernel *self)
{
  g_return_val_if_fail (VMD_IS_KERNEL (self), NULL);
  return self->row->source;
}

/**
 * vmd_kernel_get_size:
 *
 * Returns: how many bytes it and its modules take
 *
 * Since: 0.1
 */
guint64
vmd_kernel_get_size (VmdKernel *self)
{
  g_return_val_if_fail (VMD_IS_KERNEL (self), 0);
  return self->row->size;
}

/**
 * vmd_kernel_get_is_default:
 *
 * Returns: whether a VM gets it that asks for none
 *
 * Since: 0.1
 */
gboolean
vmd_kernel_get_is_default (VmdKernel *self)
{
  g_return_val_if_fail (VMD_IS_KERNEL (self), FALSE);
  return self->row->is_default;
}

/**
 * vmd_kernel_get_created:
 *
 * Returns: when it was imported: microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_kernel_get_created (VmdKernel *self)
{
  g_return_val_if_fail (VMD_IS_KERNEL (self), 0);
  return self->row->created;
}

/**
 * vmd_kernel_delete:
 * @lock: (nullable): this kernel, exclusive; %NULL: it is taken, which waits for whoever imports it
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Deletes it. Where it was the default, the one that was imported last takes its place. Not on a
 * main loop.
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_IN_USE, naming the VMs, %VMD_ERROR_NOT_FOUND,
 *   %VMD_ERROR_NOT_LOCKED, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
gboolean
vmd_kernel_delete (VmdKernel *self, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdHold) hold = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_KERNEL (self), FALSE);
  verb =
      vmd_verb_begin (self->manager, job, "delete-kernel", self->row->version, cancellable, error);
  if (verb == NULL)
    return FALSE;
  hold = vmd_hold_new (self->manager, lock, VMD_LOCK_KERNEL, self->row->version, VMD_LOCK_EXCLUSIVE,
                       "delete the kernel", vmd_verb_get_job (verb),
                       vmd_verb_get_cancellable (verb), &failed);
  if (hold != NULL)
    vmd_manager_withdraw_kernel (self->manager, self->row->version, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static GObject *
delete_in_thread (GObject *object, VmdManagerCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_kernel_delete (VMD_KERNEL (object), call->lock, call->job, cancellable, error)
             ? g_object_ref (object)
             : NULL;
}

/**
 * vmd_kernel_delete_async:
 *
 * vmd_kernel_delete() without blocking.
 *
 * Since: 0.1
 */
void
vmd_kernel_delete_async (VmdKernel *self, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
  const VmdManagerCall call = {
    .run = delete_in_thread, .fd = -1, .modules_fd = -1, .lock = lock, .job = job
  };

  g_return_if_fail (VMD_IS_KERNEL (self));
  vmd_manager_call_async (self->manager, self, &call, vmd_kernel_delete_async, cancellable,
                          callback, user_data);
}

/**
 * vmd_kernel_delete_finish:
 *
 * Returns: as vmd_kernel_delete()
 *
 * Since: 0.1
 */
gboolean
vmd_kernel_delete_finish (VmdKernel *self, GAsyncResult *result, GError **error)
{
  g_autoptr (VmdKernel) kernel =
      vmd_manager_call_finish (self, result, vmd_kernel_delete_async, error);

  return kernel != NULL;
}
