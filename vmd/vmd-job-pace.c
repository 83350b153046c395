/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-job-pace.h"

/* A job changes on the thread that works on it, up to thousands of times a second, and four signals
 * a second may be sent. So a change only raises a flag, and the first one to raise it arranges one
 * look. The job's end is not held back. */
#define INTERVAL_MS 250

struct _VmdJobPace
{
  gatomicrefcount references; /* the owner's, the signal handler's, one for each look arranged */
  VmdJob *job;
  gulong handler;
  GMainContext *context;
  gint pending; /* atomic: a look is arranged */
  VmdJobPaceFunc func; /* these three are the main loop's; NULL once stopped */
  gpointer data;
  gint64 last_look;
};

static void
pace_unref (gpointer data)
{
  VmdJobPace *self = data;

  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_object_unref (self->job);
  g_main_context_unref (self->context);
  g_free (self);
}

static void
closure_unref (gpointer data, GClosure *closure)
{
  pace_unref (data);
}

static VmdJobPace *
pace_ref (VmdJobPace *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

static gboolean look_cb (gpointer data);

static void
arrange_look (VmdJobPace *self, guint milliseconds)
{
  g_autoptr (GSource) source = g_timeout_source_new (milliseconds);

  g_source_set_callback (source, look_cb, pace_ref (self), pace_unref);
  g_source_attach (source, self->context);
}

static gboolean
look_cb (gpointer data)
{
  VmdJobPace *self = data;
  gint64 now = g_get_monotonic_time ();
  gint64 elapsed = (now - self->last_look) / G_TIME_SPAN_MILLISECOND;

  if (self->func == NULL)
    return G_SOURCE_REMOVE;
  if (elapsed < INTERVAL_MS && vmd_job_get_state (self->job) <= VMD_JOB_RUNNING)
    {
      arrange_look (self, INTERVAL_MS - elapsed);
      return G_SOURCE_REMOVE;
    }
  /* Before the look: what changes during it arranges another. */
  g_atomic_int_set (&self->pending, 0);
  self->last_look = now;
  self->func (self->job, self->data);
  return G_SOURCE_REMOVE;
}

static void
changed_cb (VmdJob *job, VmdJobPace *self)
{
  gboolean ended = vmd_job_get_state (job) > VMD_JOB_RUNNING;

  if (g_atomic_int_compare_and_exchange (&self->pending, 0, 1) || ended)
    arrange_look (self, 0);
}

VmdJobPace *
vmd_job_pace_start (VmdJob *job, VmdJobPaceFunc func, gpointer data)
{
  VmdJobPace *self = g_new0 (VmdJobPace, 1);

  g_atomic_ref_count_init (&self->references);
  self->job = g_object_ref (job);
  self->context = g_main_context_ref_thread_default ();
  self->func = func;
  self->data = data;
  self->handler = g_signal_connect_data (job, "changed", G_CALLBACK (changed_cb), pace_ref (self),
                                         closure_unref, 0);
  /* What changed before, and will not again, is told too. */
  g_atomic_int_set (&self->pending, 1);
  arrange_look (self, 0);
  return self;
}

void
vmd_job_pace_stop (VmdJobPace *self)
{
  self->func = NULL;
  g_signal_handler_disconnect (self->job, self->handler);
  pace_unref (self);
}
