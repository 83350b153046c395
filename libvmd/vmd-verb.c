/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-private.h"

/* The bracket around every verb: its job, and one cancellable that fires when the caller gives up,
 * when the job is cancelled or aborted, or when the manager closes. */
struct _VmdVerb
{
  VmdManager *owner; /* which waits at its close until the verb is freed */
  VmdJob *job;
  GCancellable *caller; /* (nullable) */
  GCancellable *manager;
  gulong caller_handler;
  gulong manager_handler;
  gboolean ended;
};

static void
cancelled_cb (GCancellable *source, gpointer data)
{
  vmd_job_cancel (data);
}

static gulong
chain (GCancellable *source, VmdJob *job)
{
  if (source == NULL)
    return 0;
  return g_cancellable_connect (source, G_CALLBACK (cancelled_cb), g_object_ref (job),
                                g_object_unref);
}

/**
 * vmd_verb_begin:
 * @job: (nullable): the verb's job; NULL: one is begun
 * @kind: what it does: "start", "import"
 * @target: on what: a name
 *
 * Returns: (transfer full) (nullable): the verb under way; CANCELLED when it was cancelled already,
 *   and its job is then finished
 */
VmdVerb *
vmd_verb_begin (VmdManager *manager, VmdJob *job, const char *kind, const char *target,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdVerb) self = g_new0 (VmdVerb, 1);
  g_autoptr (GError) cancelled = NULL;

  self->owner = g_object_ref (manager);
  vmd_manager_enter_verb (manager);
  self->job = job != NULL ? g_object_ref (job)
                          : vmd_manager_begin_job (manager, kind, target, NULL, NULL, error);
  if (self->job == NULL)
    {
      self->ended = TRUE;
      return NULL;
    }
  self->caller = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  self->manager = g_object_ref (vmd_manager_get_cancellable (manager));
  self->caller_handler = chain (self->caller, self->job);
  self->manager_handler = chain (self->manager, self->job);
  if (!vmd_is_cancelled (vmd_job_get_cancellable (self->job), &cancelled))
    {
      vmd_job_set_running (self->job);
      return g_steal_pointer (&self);
    }
  vmd_verb_end (self, &cancelled, error);
  return NULL;
}

/* Returns: (transfer none) */
VmdJob *
vmd_verb_get_job (VmdVerb *self)
{
  return self->job;
}

/* Returns: (transfer none): what every wait of the verb listens to */
GCancellable *
vmd_verb_get_cancellable (VmdVerb *self)
{
  return vmd_job_get_cancellable (self->job);
}

/**
 * vmd_verb_end:
 * @local: (inout) (nullable): what the verb failed with, moved to @error
 *
 * Finishes the job. Where it was aborted, the abort's reason takes the place of CANCELLED.
 *
 * Returns: whether there was no error
 */
gboolean
vmd_verb_end (VmdVerb *self, GError **local, GError **error)
{
  self->ended = TRUE;
  if (*local != NULL)
    vmd_job_explain (self->job, local);
  vmd_job_finish (self->job, *local);
  if (*local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (local));
  return FALSE;
}

/* Never under a mutex: waits for a handler that is at work. */
void
vmd_verb_free (VmdVerb *self)
{
  if (!self->ended)
    {
      g_autoptr (GError) lost = g_error_new (VMD_ERROR, VMD_ERROR_FAILED, "It was given up");

      vmd_job_finish (self->job, lost);
    }
  if (self->caller != NULL)
    g_cancellable_disconnect (self->caller, self->caller_handler);
  if (self->manager != NULL)
    g_cancellable_disconnect (self->manager, self->manager_handler);
  g_clear_object (&self->caller);
  g_clear_object (&self->manager);
  g_clear_object (&self->job);
  vmd_manager_leave_verb (self->owner);
  g_object_unref (self->owner);
  g_free (self);
}
