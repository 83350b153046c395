/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock.h"

#include "base/vmd-failure-private.h"
#include "lock/vmd-lock-keeper-private.h"
#include "lock/vmd-lock-table-private.h"

/**
 * VmdLockKind:
 * @VMD_LOCK_VM: a VM's lifecycle: start, stop, restart, delete, set. Named by the VM's id
 * @VMD_LOCK_WORKSPACE: work in a VM's guest: prepare, export, apply, discard. Named by the VM's id
 * @VMD_LOCK_IMAGE: an image, by name
 * @VMD_LOCK_KERNEL: a kernel, by version
 * @VMD_LOCK_CREATE: reserving names and addresses. A leaf, without a name
 * @VMD_LOCK_PUBLISH: putting rows into the registry. A leaf, without a name
 *
 * What can be locked. A leaf may be asked for while other locks are held, and under a leaf nothing
 * may be asked for.
 *
 * Since: 0.1
 */

/**
 * VmdLockMode:
 * @VMD_LOCK_SHARED: others may hold it too, if shared
 * @VMD_LOCK_EXCLUSIVE: nobody else may hold it. Does for whatever needs it shared
 *
 * Since: 0.1
 */

/**
 * VmdLock:
 *
 * Something that is held: the proof that steps and verbs ask for. All that a request named was
 * granted at once, and is released at once: by vmd_lock_release(), or with the last reference, so
 * that a lock which nobody collected is not kept.
 *
 * All functions may be called on any thread.
 *
 * Since: 0.1
 */
struct _VmdLock
{
  GObject parent_instance;

  VmdLockTicket *ticket; /* a reference; constant after construction */

  GMutex mutex; /* protects what follows; a leaf */
  guint n_uses; /* verbs at work under it; each has a reference on the lock */
  gboolean release_is_asked; /* it takes effect when n_uses is 0 */
  gboolean is_held;
};

G_DEFINE_FINAL_TYPE (VmdLock, vmd_lock, G_TYPE_OBJECT)

/* Ends the holding if nothing stands against it. Once only. */
static void
release_if_unused (VmdLock *self)
{
  gboolean last;

  g_mutex_lock (&self->mutex);
  last = self->is_held && self->release_is_asked && self->n_uses == 0;
  if (last)
    self->is_held = FALSE;
  g_mutex_unlock (&self->mutex);
  if (last)
    vmd_lock_keeper_dismiss (self->ticket->keeper, self->ticket);
}

static void
vmd_lock_dispose (GObject *object)
{
  vmd_lock_release (VMD_LOCK (object));
  G_OBJECT_CLASS (vmd_lock_parent_class)->dispose (object);
}

static void
vmd_lock_finalize (GObject *object)
{
  VmdLock *self = VMD_LOCK (object);

  vmd_lock_ticket_unref (self->ticket);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (vmd_lock_parent_class)->finalize (object);
}

static void
vmd_lock_class_init (VmdLockClass *class)
{
  G_OBJECT_CLASS (class)->dispose = vmd_lock_dispose;
  G_OBJECT_CLASS (class)->finalize = vmd_lock_finalize;
}

static void
vmd_lock_init (VmdLock *self)
{
  g_mutex_init (&self->mutex);
}

VmdLock *
vmd_lock_new (VmdLockTicket *ticket)
{
  VmdLock *self = g_object_new (VMD_TYPE_LOCK, NULL);

  self->ticket = vmd_lock_ticket_ref (ticket);
  self->is_held = TRUE;
  return self;
}

/**
 * vmd_lock_release:
 * @self: a lock
 *
 * Gives back all of it. While a verb is at work under @self, that verb goes on under the lock's
 * protection, and the release takes effect when it ends. Releasing again does nothing.
 *
 * Never waits for anybody.
 *
 * Since: 0.1
 */
void
vmd_lock_release (VmdLock *self)
{
  g_return_if_fail (VMD_IS_LOCK (self));

  g_mutex_lock (&self->mutex);
  self->release_is_asked = TRUE;
  g_mutex_unlock (&self->mutex);
  release_if_unused (self);
}

/**
 * vmd_lock_is_held:
 * @self: a lock
 *
 * Returns: whether it still keeps others out: not released, or released under a verb that has not
 *   ended
 * Since: 0.1
 */
gboolean
vmd_lock_is_held (VmdLock *self)
{
  gboolean is_held;

  g_return_val_if_fail (VMD_IS_LOCK (self), FALSE);

  g_mutex_lock (&self->mutex);
  is_held = self->is_held;
  g_mutex_unlock (&self->mutex);
  return is_held;
}

/**
 * vmd_lock_covers:
 * @self: a lock
 * @kind: a kind
 * @name: (nullable): which one of that kind; %NULL for the leaves
 * @mode: how it is needed; exclusive does for shared
 *
 * Returns: whether @self is held and is what is needed for that
 * Since: 0.1
 */
gboolean
vmd_lock_covers (VmdLock *self, VmdLockKind kind, const char *name, VmdLockMode mode)
{
  g_return_val_if_fail (VMD_IS_LOCK (self), FALSE);

  return vmd_lock_set_covers (self->ticket->set, kind, name, mode) && vmd_lock_is_held (self);
}

/**
 * vmd_lock_get_owner:
 * @self: a lock
 *
 * Returns: (transfer none): for whom it was requested, see vmd_lock_request_new()
 * Since: 0.1
 */
const char *
vmd_lock_get_owner (VmdLock *self)
{
  g_return_val_if_fail (VMD_IS_LOCK (self), NULL);

  return vmd_lock_request_get_owner (self->ticket->request);
}

/* vmd_lock_begin_use:
 *
 * Says that a verb is at work under @self: until vmd_lock_end_use(), a release is put off, and
 * @self has one more reference.
 *
 * Returns: FALSE if @self is not held any more; then there is nothing to end. Under a use that has
 *   begun it is TRUE even if a release is pending: parts of a verb may begin uses of their own */
gboolean
vmd_lock_begin_use (VmdLock *self)
{
  gboolean is_held;

  g_mutex_lock (&self->mutex);
  is_held = self->is_held;
  if (is_held)
    self->n_uses++;
  g_mutex_unlock (&self->mutex);
  if (is_held)
    g_object_ref (self);
  return is_held;
}

/* vmd_lock_end_use:
 *
 * Ends a use. */
void
vmd_lock_end_use (VmdLock *self)
{
  g_mutex_lock (&self->mutex);
  g_assert (self->n_uses > 0);
  self->n_uses--;
  g_mutex_unlock (&self->mutex);
  release_if_unused (self);
  g_object_unref (self);
}

/* vmd_lock_require:
 * @lock: (nullable): what the caller shows
 *
 * For steps: looks whether @lock is the proof that is needed.
 *
 * Returns: FALSE with NOT_LOCKED, which names what is needed and what is wrong with @lock */
gboolean
vmd_lock_require (VmdLock *lock, VmdLockKind kind, const char *name, VmdLockMode mode,
                  GError **error)
{
  g_autofree char *needed = NULL;
  g_autofree char *shown = NULL;

  if (lock != NULL && vmd_lock_covers (lock, kind, name, mode))
    return TRUE;
  needed = vmd_lock_resource_to_string (kind, name);
  if (lock == NULL)
    return vmd_fail (error, VMD_ERROR_NOT_LOCKED, "This needs the lock %s, %s", needed,
                     vmd_lock_mode_to_string (mode));
  shown = vmd_lock_set_to_string (lock->ticket->set);
  return vmd_fail (
      error, VMD_ERROR_NOT_LOCKED, "This needs the lock %s, %s; what was shown is %s%s", needed,
      vmd_lock_mode_to_string (mode), shown, vmd_lock_is_held (lock) ? "" : ", and is released");
}
