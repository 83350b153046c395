/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-job-state-private.h"

#include "base/vmd-name-private.h"

/* What a job is, and what whoever watches it sees. Getters of strings return what never changes
 * (id, kind, target, owner) or is static (phase), so they need no copy. */

/**
 * VmdJobState:
 * @VMD_JOB_QUEUED: it has not begun
 * @VMD_JOB_RUNNING: it is at work
 * @VMD_JOB_DONE: it ended well
 * @VMD_JOB_FAILED: it ended with an error: vmd_job_dup_error()
 * @VMD_JOB_CANCELLED: it was asked to end, and did
 *
 * Whether a job has begun, and how it ended. The last three are final.
 *
 * Since: 0.1
 */

/**
 * VmdJob:
 *
 * One long piece of work: what it is, how far it is, and how it ended. It goes on without whoever
 * watches it.
 *
 * Since: 0.1
 */
enum
{
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmdJob, vmd_job, G_TYPE_OBJECT)

guint
vmd_job_get_changed_signal (void)
{
  return signals[CHANGED];
}

static void
vmd_job_finalize (GObject *object)
{
  VmdJob *self = VMD_JOB (object);

  g_free (self->id);
  g_free (self->kind);
  g_free (self->target);
  g_free (self->owner);
  g_object_unref (self->cancellable);
  g_clear_error (&self->abort_error);
  g_clear_error (&self->error);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (vmd_job_parent_class)->finalize (object);
}

static void
vmd_job_class_init (VmdJobClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = vmd_job_finalize;

  /**
   * VmdJob::changed:
   * @self: the job
   *
   * State, phase or bytes changed. Emitted on the thread that does the work, and as often as it
   * makes progress: whoever shows it sees to the pace.
   *
   * Since: 0.1
   */
  signals[CHANGED] = g_signal_new ("changed", VMD_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
vmd_job_init (VmdJob *self)
{
  g_mutex_init (&self->mutex);
  self->cancellable = g_cancellable_new ();
  self->phase = "";
}

/* A job that is queued. @kind: "start", "import" …; @target: what it is done to, for people;
 * @owner: who asked for it;
 * @id: NULL, and it gets a random one. The manager sees to it that ids differ. (transfer full) */
VmdJob *
vmd_job_new (const char *kind, const char *target, const char *owner, const char *id)
{
  VmdJob *self = g_object_new (VMD_TYPE_JOB, NULL);

  self->id = id != NULL ? g_strdup (id) : vmd_id_new ();
  self->kind = g_strdup (kind);
  self->target = g_strdup (target);
  self->owner = g_strdup (owner);

  return self;
}

/* What the work waits on, besides what it waits for. (transfer none) */
GCancellable *
vmd_job_get_cancellable (VmdJob *self)
{
  return self->cancellable;
}

/**
 * vmd_job_get_id:
 * @self: a job
 *
 * The id, unique in its manager: random, or what the caller chose.
 *
 * Returns: (transfer none): the id
 * Since: 0.1
 */
const char *
vmd_job_get_id (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), NULL);

  return self->id;
}

/**
 * vmd_job_get_kind:
 * @self: a job
 *
 * What is being done: "start", "stop", "import" and the like.
 *
 * Returns: (transfer none): one word
 * Since: 0.1
 */
const char *
vmd_job_get_kind (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), NULL);

  return self->kind;
}

/**
 * vmd_job_get_target:
 * @self: a job
 *
 * What it is being done to, for people to read: the name of a VM, an image or a kernel.
 *
 * Returns: (transfer none) (nullable): a name
 * Since: 0.1
 */
const char *
vmd_job_get_target (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), NULL);

  return self->target;
}

/**
 * vmd_job_get_owner:
 * @self: a job
 *
 * Who asked for it.
 *
 * Returns: (transfer none) (nullable): a bus name, or what a C caller gave
 * Since: 0.1
 */
const char *
vmd_job_get_owner (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), NULL);

  return self->owner;
}

/**
 * vmd_job_get_state:
 * @self: a job
 *
 * Whether it waits, runs, or how it ended. Once it has ended, nothing of it changes any more. Any
 * thread.
 *
 * Returns: the state
 * Since: 0.1
 */
VmdJobState
vmd_job_get_state (VmdJob *self)
{
  VmdJobState state;

  g_return_val_if_fail (VMD_IS_JOB (self), VMD_JOB_FAILED);

  g_mutex_lock (&self->mutex);
  state = self->state;
  g_mutex_unlock (&self->mutex);

  return state;
}

/**
 * vmd_job_get_phase:
 * @self: a job
 *
 * What the work is at, in a word or two ("booting"). Any thread.
 *
 * Returns: (transfer none): a static string, "" before the first phase
 * Since: 0.1
 */
const char *
vmd_job_get_phase (VmdJob *self)
{
  const char *phase;

  g_return_val_if_fail (VMD_IS_JOB (self), "");

  g_mutex_lock (&self->mutex);
  phase = self->phase;
  g_mutex_unlock (&self->mutex);

  return phase;
}

/**
 * vmd_job_get_progress:
 * @self: a job
 *
 * How much of the bytes is done. Any thread.
 *
 * Returns: 0 to 1; 0 while the total is not known, 1 when it is done
 * Since: 0.1
 */
double
vmd_job_get_progress (VmdJob *self)
{
  double progress = 0;

  g_return_val_if_fail (VMD_IS_JOB (self), 0);

  g_mutex_lock (&self->mutex);
  if (self->state == VMD_JOB_DONE)
    progress = 1;
  else if (self->bytes_total > 0)
    progress = MIN ((double) self->bytes_done / (double) self->bytes_total, 1);
  g_mutex_unlock (&self->mutex);

  return progress;
}

static guint64
get_uint64 (VmdJob *self, const guint64 *field)
{
  guint64 value;

  g_mutex_lock (&self->mutex);
  value = *field;
  g_mutex_unlock (&self->mutex);

  return value;
}

/**
 * vmd_job_get_bytes_done:
 * @self: a job
 *
 * How many bytes were carried so far. Any thread.
 *
 * Returns: bytes
 * Since: 0.1
 */
guint64
vmd_job_get_bytes_done (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), 0);

  return get_uint64 (self, &self->bytes_done);
}

/**
 * vmd_job_get_bytes_total:
 * @self: a job
 *
 * How many bytes there are to carry. Any thread.
 *
 * Returns: bytes, 0 where that is not known
 * Since: 0.1
 */
guint64
vmd_job_get_bytes_total (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), 0);

  return get_uint64 (self, &self->bytes_total);
}

static gint64
get_int64 (VmdJob *self, const gint64 *field)
{
  gint64 value;

  g_mutex_lock (&self->mutex);
  value = *field;
  g_mutex_unlock (&self->mutex);

  return value;
}

/**
 * vmd_job_get_started:
 * @self: a job
 *
 * When the work began. Any thread.
 *
 * Returns: microseconds since 1970, 0 while it is queued
 * Since: 0.1
 */
gint64
vmd_job_get_started (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), 0);

  return get_int64 (self, &self->started);
}

/**
 * vmd_job_get_ended:
 * @self: a job
 *
 * When the work ended. Any thread.
 *
 * Returns: microseconds since 1970, 0 before that
 * Since: 0.1
 */
gint64
vmd_job_get_ended (VmdJob *self)
{
  g_return_val_if_fail (VMD_IS_JOB (self), 0);

  return get_int64 (self, &self->ended);
}

/**
 * vmd_job_get_cancellable_by_user:
 * @self: a job
 *
 * Whether vmd_job_cancel() can still do something: the job has not ended. Asked to end twice, it
 * ends once. Any thread.
 *
 * Returns: %TRUE if so
 * Since: 0.1
 */
gboolean
vmd_job_get_cancellable_by_user (VmdJob *self)
{
  gboolean can_cancel;

  g_return_val_if_fail (VMD_IS_JOB (self), FALSE);

  g_mutex_lock (&self->mutex);
  can_cancel = !vmd_job_is_over_locked (self);
  g_mutex_unlock (&self->mutex);

  return can_cancel;
}

/**
 * vmd_job_dup_error:
 * @self: a job
 *
 * Why it failed, or that it was cancelled. Any thread.
 *
 * Returns: (transfer full) (nullable): an error of the #VmdError domain; %NULL if it has not ended,
 * or ended well
 * Since: 0.1
 */
GError *
vmd_job_dup_error (VmdJob *self)
{
  GError *error;

  g_return_val_if_fail (VMD_IS_JOB (self), NULL);

  g_mutex_lock (&self->mutex);
  error = self->error != NULL ? g_error_copy (self->error) : NULL;
  g_mutex_unlock (&self->mutex);

  return error;
}
