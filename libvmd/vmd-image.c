/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-call-private.h"
#include "vmd-manager-publish-private.h"

/**
 * VmdImage:
 *
 * A disk that VMs are made from, under the name that it had when it was looked up. It does not
 * change: when the name is made to point at another disk, that is another #VmdImage.
 *
 * All functions may be called on any thread.
 *
 * Since: 0.1
 */
struct _VmdImage
{
  GObject parent;

  VmdManager *manager; /* owned: a circle, which vmd_manager_close() breaks */
  VmdImageRow *row; /* constant after construction */
};

G_DEFINE_FINAL_TYPE (VmdImage, vmd_image, G_TYPE_OBJECT)

static void
vmd_image_finalize (GObject *object)
{
  VmdImage *self = VMD_IMAGE (object);

  g_clear_object (&self->manager);
  g_clear_pointer (&self->row, vmd_image_row_free);
  G_OBJECT_CLASS (vmd_image_parent_class)->finalize (object);
}

static void
vmd_image_class_init (VmdImageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_image_finalize;
}

static void
vmd_image_init (VmdImage *self)
{
}

/* Copies @row. */
VmdImage *
vmd_image_new (VmdManager *manager, const VmdImageRow *row)
{
  VmdImage *self = g_object_new (VMD_TYPE_IMAGE, NULL);

  self->manager = g_object_ref (manager);
  self->row = vmd_image_row_copy (row);
  return self;
}

/**
 * vmd_image_get_name:
 *
 * Returns: its name
 *
 * Since: 0.1
 */
const char *
vmd_image_get_name (VmdImage *self)
{
  g_return_val_if_fail (VMD_IS_IMAGE (self), NULL);
  return self->row->name;
}

/**
 * vmd_image_get_digest:
 *
 * What the disk is named by, wherever it is: a sha256, as 64 lower-case hexadecimal digits, of what
 * is on it, where that is, and the disk's size. Two images that have the same digest have the same
 * content. It is not the sha256 of the file's bytes one after the other, since those are gigabytes
 * of nothing as a rule.
 *
 * Returns: the digest
 *
 * Since: 0.1
 */
const char *
vmd_image_get_digest (VmdImage *self)
{
  g_return_val_if_fail (VMD_IS_IMAGE (self), NULL);
  return self->row->digest;
}

/**
 * vmd_image_get_size:
 *
 * Returns: how many bytes it takes on the host's disk
 *
 * Since: 0.1
 */
guint64
vmd_image_get_size (VmdImage *self)
{
  g_return_val_if_fail (VMD_IS_IMAGE (self), 0);
  return self->row->size;
}

/**
 * vmd_image_get_virtual_size:
 *
 * Returns: how many bytes the disk has, as a guest sees it: what a VM's disk has at least
 *
 * Since: 0.1
 */
guint64
vmd_image_get_virtual_size (VmdImage *self)
{
  g_return_val_if_fail (VMD_IS_IMAGE (self), 0);
  return self->row->virtual_size;
}

/**
 * vmd_image_get_source:
 *
 * Returns: where it came from, for people: "tiny", or what the importer called it
 *
 * Since: 0.1
 */
const char *
vmd_image_get_source (VmdImage *self)
{
  g_return_val_if_fail (VMD_IS_IMAGE (self), NULL);
  return self->row->source;
}

/**
 * vmd_image_get_created:
 *
 * Returns: when the name was made to point at it: microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_image_get_created (VmdImage *self)
{
  g_return_val_if_fail (VMD_IS_IMAGE (self), 0);
  return self->row->created;
}

static VmdLockRequest *
make_request (VmdImage *self, VmdLockMode mode, const char *owner, const char *reason)
{
  VmdLockRequest *request = vmd_lock_request_new (owner, reason);

  vmd_lock_request_add (request, VMD_LOCK_IMAGE, self->row->name, mode);
  return request;
}

/**
 * vmd_image_lock:
 * @mode: shared: it is not replaced or deleted; exclusive: and no VM is made from it
 * @owner: who asks: an owner that holds a lock already is refused
 * @reason: why, for those who wait and for lists
 * @cancellable: (nullable): ends the waiting
 *
 * Blocks until the image's name is locked. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the lock; %VMD_ERROR_NESTED_LOCK, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
VmdLock *
vmd_image_lock (VmdImage *self, VmdLockMode mode, const char *owner, const char *reason,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdLockRequest) request = NULL;

  g_return_val_if_fail (VMD_IS_IMAGE (self), NULL);
  request = make_request (self, mode, owner, reason);
  return vmd_manager_lock (self->manager, request, cancellable, error);
}

static void
locked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  VmdLock *lock = vmd_manager_lock_finish (VMD_MANAGER (source), result, &error);

  if (lock != NULL)
    g_task_return_pointer (task, lock, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * vmd_image_lock_async:
 *
 * vmd_image_lock() without blocking. A result that nobody collects releases the lock.
 *
 * Since: 0.1
 */
void
vmd_image_lock_async (VmdImage *self, VmdLockMode mode, const char *owner, const char *reason,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (VmdLockRequest) request = NULL;
  GTask *task;

  g_return_if_fail (VMD_IS_IMAGE (self));
  request = make_request (self, mode, owner, reason);
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, vmd_image_lock_async);
  g_task_set_check_cancellable (task, FALSE);
  vmd_manager_lock_async (self->manager, request, cancellable, locked_cb, task);
}

/**
 * vmd_image_lock_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_image_lock()
 *
 * Since: 0.1
 */
VmdLock *
vmd_image_lock_finish (VmdImage *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_image_lock_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * vmd_image_delete:
 * @lock: (nullable): this image, exclusive; %NULL: it is taken, which waits for whoever makes or
 *   uses it
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Deletes the name, and the file when no other name and no VM needs it. Not on a main loop.
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_IN_USE, naming the VMs, %VMD_ERROR_NOT_FOUND,
 *   %VMD_ERROR_NOT_LOCKED, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
gboolean
vmd_image_delete (VmdImage *self, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdHold) hold = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_IMAGE (self), FALSE);
  verb = vmd_verb_begin (self->manager, job, "delete-image", self->row->name, cancellable, error);
  if (verb == NULL)
    return FALSE;
  hold = vmd_hold_new (self->manager, lock, VMD_LOCK_IMAGE, self->row->name, VMD_LOCK_EXCLUSIVE,
                       "delete the image", vmd_verb_get_job (verb), vmd_verb_get_cancellable (verb),
                       &failed);
  if (hold != NULL)
    vmd_manager_withdraw_image (self->manager, self->row->name, verb, &failed);
  return vmd_verb_end (verb, &failed, error);
}

static GObject *
delete_in_thread (GObject *object, VmdManagerCall *call, GCancellable *cancellable, GError **error)
{
  return vmd_image_delete (VMD_IMAGE (object), call->lock, call->job, cancellable, error)
             ? g_object_ref (object)
             : NULL;
}

/**
 * vmd_image_delete_async:
 *
 * vmd_image_delete() without blocking.
 *
 * Since: 0.1
 */
void
vmd_image_delete_async (VmdImage *self, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  const VmdManagerCall call = {
    .run = delete_in_thread, .fd = -1, .modules_fd = -1, .lock = lock, .job = job
  };

  g_return_if_fail (VMD_IS_IMAGE (self));
  vmd_manager_call_async (self->manager, self, &call, vmd_image_delete_async, cancellable, callback,
                          user_data);
}

/**
 * vmd_image_delete_finish:
 *
 * Returns: as vmd_image_delete()
 *
 * Since: 0.1
 */
gboolean
vmd_image_delete_finish (VmdImage *self, GAsyncResult *result, GError **error)
{
  g_autoptr (VmdImage) image =
      vmd_manager_call_finish (self, result, vmd_image_delete_async, error);

  return image != NULL;
}
