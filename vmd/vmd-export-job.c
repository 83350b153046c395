/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"
#include "vmd-dbus.h"

/* A job changes on the thread that works on it, up to thousands of times a second. The skeleton
 * belongs to the main loop and may send four signals a second: so a change only raises a flag, and
 * the first one to raise it arranges one update. A change of state is not held back. */
#define UPDATE_INTERVAL_MS 250

typedef struct
{
  gatomicrefcount references;
  VmdJob *job;
  GWeakRef skeleton;
  GMainContext *context;
  gint pending; /* atomic: an update is arranged */
  gint64 last_update; /* of the main loop */
} JobView;

static const char *const state_names[] = { "queued", "running", "done", "failed", "cancelled" };

static void
job_view_unref (gpointer data)
{
  JobView *view = data;

  if (!g_atomic_ref_count_dec (&view->references))
    return;
  g_weak_ref_clear (&view->skeleton);
  g_clear_object (&view->job);
  g_main_context_unref (view->context);
  g_free (view);
}

static JobView *
job_view_ref (JobView *view)
{
  g_atomic_ref_count_inc (&view->references);
  return view;
}

static void
fill (VmdDbusJob *skeleton, VmdJob *job)
{
  g_autoptr (GError) error = vmd_job_dup_error (job);
  const char *name = "";

  if (error != NULL)
    name = vmd_error_get_bus_name (error->domain == VMD_ERROR ? (VmdError) error->code
                                                              : VMD_ERROR_FAILED);
  vmd_dbus_job_set_state (skeleton, state_names[vmd_job_get_state (job)]);
  vmd_dbus_job_set_phase (skeleton, vmd_job_get_phase (job) ?: "");
  vmd_dbus_job_set_progress (skeleton, vmd_job_get_progress (job));
  vmd_dbus_job_set_bytes_done (skeleton, vmd_job_get_bytes_done (job));
  vmd_dbus_job_set_bytes_total (skeleton, vmd_job_get_bytes_total (job));
  vmd_dbus_job_set_started (skeleton, vmd_job_get_started (job));
  vmd_dbus_job_set_ended (skeleton, vmd_job_get_ended (job));
  vmd_dbus_job_set_error_name (skeleton, name);
  vmd_dbus_job_set_error_message (skeleton, error != NULL ? error->message : "");
}

static gboolean update_cb (gpointer data);

static void
arrange_update (JobView *view, guint milliseconds)
{
  g_autoptr (GSource) source = g_timeout_source_new (milliseconds);

  g_source_set_callback (source, update_cb, job_view_ref (view), job_view_unref);
  g_source_attach (source, view->context);
}

static gboolean
update_cb (gpointer data)
{
  JobView *view = data;
  g_autoptr (VmdDbusJob) skeleton = g_weak_ref_get (&view->skeleton);
  gint64 elapsed = (g_get_monotonic_time () - view->last_update) / 1000;

  if (elapsed < UPDATE_INTERVAL_MS && vmd_job_get_state (view->job) <= VMD_JOB_RUNNING)
    {
      arrange_update (view, UPDATE_INTERVAL_MS - elapsed);
      return G_SOURCE_REMOVE;
    }
  g_atomic_int_set (&view->pending, 0);
  view->last_update = g_get_monotonic_time ();
  if (skeleton != NULL)
    fill (skeleton, view->job);
  return G_SOURCE_REMOVE;
}

static void
changed_cb (VmdJob *job, JobView *view)
{
  gboolean ended = vmd_job_get_state (job) > VMD_JOB_RUNNING;

  if (g_atomic_int_compare_and_exchange (&view->pending, 0, 1) || ended)
    arrange_update (view, 0);
}

static void
changed_closure_free (gpointer data, GClosure *closure)
{
  job_view_unref (data);
}

static void
run_cancel (VmdCall *call)
{
  VmdJob *job = vmd_call_get_object (call);

  if (vmd_job_get_state (job) > VMD_JOB_RUNNING)
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_WRONG_STATE,
                                        "Job %s has ended already", vmd_job_get_id (job)));
      return;
    }
  if (!vmd_job_get_cancellable_by_user (job))
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_UNSUPPORTED,
                                        "Job %s cannot be cancelled", vmd_job_get_id (job)));
      return;
    }
  vmd_job_cancel (job);
  vmd_call_return (call, NULL, NULL);
}

static const VmdMethod methods[] = {
  { "handle-cancel", NULL, run_cancel, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

/* A job outlives the skeletons of the connections that come and go: each takes its handler along.
 */
typedef struct
{
  VmdJob *job;
  gulong handler;
} JobHandler;

static JobHandler *
job_handler_new (VmdJob *job, gulong handler)
{
  JobHandler *self = g_new (JobHandler, 1);

  self->job = g_object_ref (job);
  self->handler = handler;
  return self;
}

static void
job_handler_free (gpointer data)
{
  JobHandler *self = data;

  g_signal_handler_disconnect (self->job, self->handler);
  g_object_unref (self->job);
  g_free (self);
}

GDBusInterfaceSkeleton *
vmd_export_job_new (VmdExport *self, VmdJob *job)
{
  VmdDbusJob *skeleton = vmd_dbus_job_skeleton_new ();
  JobView *view = g_new0 (JobView, 1);
  gulong handler;

  g_atomic_ref_count_init (&view->references);
  view->job = g_object_ref (job);
  view->context = g_main_context_ref_thread_default ();
  g_weak_ref_init (&view->skeleton, skeleton);

  vmd_dbus_job_set_id (skeleton, vmd_job_get_id (job));
  vmd_dbus_job_set_operation (skeleton, vmd_job_get_kind (job));
  vmd_dbus_job_set_target (skeleton, vmd_job_get_target (job));
  vmd_dbus_job_set_started_by (skeleton, vmd_job_get_owner (job) ?: "");
  handler = g_signal_connect_data (job, "changed", G_CALLBACK (changed_cb), view,
                                   changed_closure_free, 0);
  g_object_set_data_full (G_OBJECT (skeleton), "vmd-job-handler", job_handler_new (job, handler),
                          job_handler_free);
  fill (skeleton, job);
  vmd_call_connect (self, G_DBUS_INTERFACE_SKELETON (skeleton), methods, G_OBJECT (job));
  return G_DBUS_INTERFACE_SKELETON (skeleton);
}
