/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "vmd-manager-state-private.h"

#include <string.h>

#define KEPT 100
#define MAX_ID_LENGTH 64

/* Jobs are memory only: those under way, and the last 100 that ended. */
struct _VmdManagerJobs
{
  GMutex mutex; /* a leaf; guards the queue */
  GQueue jobs; /* VmdJob, oldest first */
};

VmdManagerJobs *
vmd_manager_jobs_new (void)
{
  VmdManagerJobs *jobs = g_new0 (VmdManagerJobs, 1);

  g_mutex_init (&jobs->mutex);
  g_queue_init (&jobs->jobs);
  return jobs;
}

void
vmd_manager_jobs_free (VmdManagerJobs *jobs)
{
  g_queue_clear_full (&jobs->jobs, g_object_unref);
  g_mutex_clear (&jobs->mutex);
  g_free (jobs);
}

static gboolean
has_ended (VmdJob *job)
{
  return vmd_job_get_state (job) >= VMD_JOB_DONE;
}

static GPtrArray *
dup_all (VmdManager *self)
{
  GPtrArray *jobs = g_ptr_array_new_with_free_func (g_object_unref);

  g_mutex_lock (&self->jobs->mutex);
  for (GList *link = self->jobs->jobs.head; link != NULL; link = link->next)
    g_ptr_array_add (jobs, g_object_ref (link->data));
  g_mutex_unlock (&self->jobs->mutex);
  return jobs;
}

static VmdJob *
lookup (VmdManager *self, const char *id)
{
  g_autoptr (GPtrArray) jobs = dup_all (self);

  for (guint i = 0; i < jobs->len; i++)
    if (g_str_equal (vmd_job_get_id (jobs->pdata[i]), id))
      return g_object_ref (jobs->pdata[i]);
  return NULL;
}

static gboolean
drop (VmdManager *self, VmdJob *job)
{
  gboolean removed;

  g_mutex_lock (&self->jobs->mutex);
  removed = g_queue_remove (&self->jobs->jobs, job);
  g_mutex_unlock (&self->jobs->mutex);
  if (!removed)
    return FALSE;
  vmd_manager_emit (self, VMD_MANAGER_JOB_REMOVED, job);
  g_object_unref (job);
  return TRUE;
}

/* A job is looked at without the mutex, which is why this is no one loop under it. */
static void
drop_oldest (VmdManager *self)
{
  g_autoptr (GPtrArray) jobs = dup_all (self);
  guint n_ended = 0;

  for (guint i = jobs->len; i > 0; i--)
    if (has_ended (jobs->pdata[i - 1]) && ++n_ended > KEPT)
      drop (self, jobs->pdata[i - 1]);
}

/* Looks for the id and adds in one step, so that of two who choose one id only one gets it. */
static gboolean
add (VmdManager *self, VmdJob *job)
{
  gboolean taken = FALSE;

  g_mutex_lock (&self->jobs->mutex);
  for (GList *link = self->jobs->jobs.head; link != NULL && !taken; link = link->next)
    taken = g_str_equal (vmd_job_get_id (link->data), vmd_job_get_id (job));
  if (!taken)
    g_queue_push_tail (&self->jobs->jobs, g_object_ref (job));
  g_mutex_unlock (&self->jobs->mutex);
  return !taken;
}

/**
 * vmd_manager_list_jobs:
 *
 * Returns: (transfer full): the #VmdJob under way and the last 100 that ended, oldest first
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_jobs (VmdManager *self)
{
  GListStore *store = g_list_store_new (VMD_TYPE_JOB);
  g_autoptr (GPtrArray) jobs = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  jobs = dup_all (self);
  g_list_store_splice (store, 0, 0, jobs->pdata, jobs->len);
  return G_LIST_MODEL (store);
}

/**
 * vmd_manager_find_job:
 *
 * Returns: (transfer full) (nullable): the job with this id; %VMD_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
VmdJob *
vmd_manager_find_job (VmdManager *self, const char *id, GError **error)
{
  VmdJob *job;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);
  job = lookup (self, id);
  if (job == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND,
              "There is no job “%s”: only the last %d that ended are kept", id, KEPT);
  return job;
}

static gboolean
is_valid_id (const char *id)
{
  gsize length = strlen (id);

  return length > 0 && length <= MAX_ID_LENGTH &&
         strspn (id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_") == length;
}

/**
 * vmd_manager_begin_job:
 * @kind: what will be done: "start", "import"
 * @target: on what: a VM's or an image's name
 * @owner: (nullable): on whose behalf
 * @id: (nullable): the caller's choice, 1 to 64 of A-Z, a-z, 0-9 and _; NULL: a new random one
 *
 * Makes a job, queued, to be handed to one verb, which runs and finishes it.
 *
 * Returns: (transfer full) (nullable): the job; %VMD_ERROR_INVALID_ARGUMENT for a bad id,
 *   %VMD_ERROR_EXISTS for one that is taken, %VMD_ERROR_CANCELLED once the manager is closed
 *
 * Since: 0.1
 */
VmdJob *
vmd_manager_begin_job (VmdManager *self, const char *kind, const char *target, const char *owner,
                       const char *id, GError **error)
{
  g_autofree char *made = NULL;
  g_autoptr (VmdJob) job = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  if (vmd_is_cancelled (self->cancellable, error))
    return NULL;
  if (id != NULL && !is_valid_id (id))
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                "A job's id is 1 to %d letters, digits and underscores", MAX_ID_LENGTH);
      return NULL;
    }
  if (id == NULL)
    id = made = vmd_id_new ();
  job = vmd_job_new (kind, target, owner, id);
  if (!add (self, job))
    {
      vmd_fail (error, VMD_ERROR_EXISTS, "There is a job “%s” already", id);
      return NULL;
    }
  vmd_manager_emit (self, VMD_MANAGER_JOB_ADDED, job);
  drop_oldest (self);
  return g_steal_pointer (&job);
}
