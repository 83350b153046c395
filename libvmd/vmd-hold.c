/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-private.h"

/* A verb's lock: the caller's, used as it is, or one of its own. Its own is asked for in the job's
 * name and not in the caller's, since one caller may have several verbs under way, which must not
 * count as one holder who asks again; a verb that asks for a second lock under its first is
 * refused. */
struct _VmdHold
{
  VmdLock *lock;
  gboolean borrowed;
};

static VmdLockRequest *
make_request (VmdLockKind kind, const char *name, VmdLockMode mode, const char *reason, VmdJob *job)
{
  static gint serial;
  g_autofree char *owner = NULL;
  VmdLockRequest *request;

  owner = job != NULL ? g_strdup_printf ("job %s", vmd_job_get_id (job))
                      : g_strdup_printf ("vmd %d", g_atomic_int_add (&serial, 1));
  request = vmd_lock_request_new (owner, reason);
  vmd_lock_request_add (request, kind, name, mode);
  if (job == NULL)
    return request;
  vmd_lock_request_set_job (request, vmd_job_get_id (job));
  if (vmd_job_get_owner (job) != NULL)
    vmd_lock_request_set_sender (request, vmd_job_get_owner (job));
  return request;
}

/**
 * vmd_hold_new:
 * @lock: (nullable): the lock that the caller shows; NULL: one is asked for, and waited for
 * @name: (nullable): the resource's name; NULL for the leaves
 * @reason: why, for those who wait
 * @job: (nullable): on whose behalf
 *
 * Returns: (transfer full) (nullable): the hold; NOT_LOCKED when @lock is released or does not
 *   cover what is needed, CANCELLED
 */
VmdHold *
vmd_hold_new (VmdManager *manager, VmdLock *lock, VmdLockKind kind, const char *name,
              VmdLockMode mode, const char *reason, VmdJob *job, GCancellable *cancellable,
              GError **error)
{
  g_autoptr (VmdHold) self = NULL;
  g_autoptr (VmdLockRequest) request = NULL;

  if (lock != NULL && !vmd_lock_require (lock, kind, name, mode, error))
    return NULL;
  if (lock != NULL && !vmd_lock_begin_use (lock))
    {
      vmd_fail (error, VMD_ERROR_NOT_LOCKED, "The lock was released");
      return NULL;
    }
  self = g_new0 (VmdHold, 1);
  self->borrowed = lock != NULL;
  if (lock != NULL)
    {
      self->lock = g_object_ref (lock);
      return g_steal_pointer (&self);
    }
  request = make_request (kind, name, mode, reason, job);
  self->lock =
      vmd_lock_table_lock (vmd_manager_get_lock_table (manager), request, cancellable, error);
  return self->lock != NULL ? g_steal_pointer (&self) : NULL;
}

void
vmd_hold_free (VmdHold *self)
{
  if (self->lock != NULL && self->borrowed)
    vmd_lock_end_use (self->lock);
  else if (self->lock != NULL)
    vmd_lock_release (self->lock);
  g_clear_object (&self->lock);
  g_free (self);
}
