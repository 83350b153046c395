/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-job-state-private.h"

#include "base/vmd-failure-private.h"

/* Three parties meet here: the thread that does the work, whoever watches, and whoever wants it to
 * end (the user by a cancel, the library by an abort with a reason). All that changes is under one
 * mutex, which is a leaf: the cancellable is cancelled and "changed" is emitted only after it is
 * released. */

static void
emit_changed (VmdJob *self)
{
  g_signal_emit (self, vmd_job_get_changed_signal (), 0);
}

/* Marks it as asked to end, unless it is over or somebody asked before. */
static gboolean
ask_to_end (VmdJob *self, const GError *reason)
{
  gboolean first;

  g_mutex_lock (&self->mutex);
  first = !vmd_job_is_over_locked (self) && !self->asked_to_end &&
          !g_cancellable_is_cancelled (self->cancellable);
  if (first)
    {
      self->asked_to_end = TRUE;
      self->abort_error = reason != NULL ? g_error_copy (reason) : NULL;
    }
  g_mutex_unlock (&self->mutex);

  return first;
}

/* Cancels for a reason of the library's own: the work then ends with @code and @message instead of
 * CANCELLED. Of cancels and aborts the first one counts; after the job's end nothing happens. Any
 * thread. */
void
vmd_job_abort (VmdJob *self, VmdError code, const char *message)
{
  g_autoptr (GError) reason = g_error_new_literal (VMD_ERROR, code, message);

  g_return_if_fail (VMD_IS_JOB (self));

  if (ask_to_end (self, reason))
    g_cancellable_cancel (self->cancellable);
}

/* Where the job was aborted and *@error says CANCELLED, puts the abort's error in its place. */
void
vmd_job_explain (VmdJob *self, GError **error)
{
  g_autoptr (GError) reason = NULL;

  g_return_if_fail (VMD_IS_JOB (self));

  if (error == NULL || (!g_error_matches (*error, VMD_ERROR, VMD_ERROR_CANCELLED) &&
                        !g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
    return;
  g_mutex_lock (&self->mutex);
  if (self->abort_error != NULL)
    reason = g_error_copy (self->abort_error);
  g_mutex_unlock (&self->mutex);
  if (reason == NULL)
    return;
  g_clear_error (error);
  *error = g_steal_pointer (&reason);
}

/* The work has begun. */
void
vmd_job_set_running (VmdJob *self)
{
  gboolean changed;

  g_return_if_fail (VMD_IS_JOB (self));

  g_mutex_lock (&self->mutex);
  changed = self->state == VMD_JOB_QUEUED;
  if (changed)
    {
      self->state = VMD_JOB_RUNNING;
      self->started = g_get_real_time ();
    }
  g_mutex_unlock (&self->mutex);

  if (changed)
    emit_changed (self);
}

/* What the work is at. @phase: a static string, such as "booting". */
void
vmd_job_set_phase (VmdJob *self, const char *phase)
{
  gboolean changed;

  g_return_if_fail (VMD_IS_JOB (self));
  g_return_if_fail (phase != NULL);

  g_mutex_lock (&self->mutex);
  changed = !vmd_job_is_over_locked (self) && !g_str_equal (self->phase, phase);
  if (changed)
    self->phase = phase;
  g_mutex_unlock (&self->mutex);

  if (changed)
    emit_changed (self);
}

/* How far it is: @done of @total bytes; @total 0 where that is not known. */
void
vmd_job_set_bytes (VmdJob *self, guint64 done, guint64 total)
{
  gboolean changed;

  g_return_if_fail (VMD_IS_JOB (self));

  g_mutex_lock (&self->mutex);
  changed =
      !vmd_job_is_over_locked (self) && (self->bytes_done != done || self->bytes_total != total);
  if (changed)
    {
      self->bytes_done = done;
      self->bytes_total = total;
    }
  g_mutex_unlock (&self->mutex);

  if (changed)
    emit_changed (self);
}

static VmdJobState
state_after (const GError *error)
{
  if (error == NULL)
    return VMD_JOB_DONE;
  if (g_error_matches (error, VMD_ERROR, VMD_ERROR_CANCELLED) ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return VMD_JOB_CANCELLED;

  return VMD_JOB_FAILED;
}

/* The work has ended: with @error (copied), or well where that is NULL. Only the first call counts.
 */
void
vmd_job_finish (VmdJob *self, const GError *error)
{
  gboolean first;

  g_return_if_fail (VMD_IS_JOB (self));

  g_mutex_lock (&self->mutex);
  first = !vmd_job_is_over_locked (self);
  if (first)
    {
      self->state = state_after (error);
      self->error = error != NULL ? g_error_copy (error) : NULL;
      self->ended = g_get_real_time ();
      if (self->started == 0)
        self->started = self->ended;
    }
  g_mutex_unlock (&self->mutex);

  if (first)
    emit_changed (self);
}

/**
 * vmd_job_cancel:
 * @self: a job
 *
 * Asks the work to end. It returns at once; the job ends, with %VMD_ERROR_CANCELLED, when its work
 * has cleaned up behind itself. A job that has ended stays as it is. Needs no lock; any thread.
 *
 * Since: 0.1
 */
void
vmd_job_cancel (VmdJob *self)
{
  g_return_if_fail (VMD_IS_JOB (self));

  if (ask_to_end (self, NULL))
    g_cancellable_cancel (self->cancellable);
}
