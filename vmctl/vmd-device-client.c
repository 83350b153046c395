/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-client.h"

#include "vmd-device-apply.h"
#include "vmd-device-message.h"
#include "vmd-device-report.h"
#include "vmd-device-retry.h"
#include "vmd-device-stream.h"

#include <glib-unix.h>
#include <signal.h>

/* One stream after another, with a wait between them that depends on how the last one ended; what
 * comes is applied, and what became of that reported, both beside the stream: a hook that takes
 * long makes nobody deaf. */

typedef struct
{
  const VmdDeviceOptions *options; /* not owned */
  VmdDeviceHttp *http;
  VmdDeviceApply *apply;
  VmdDeviceReport *report;
  GMainLoop *loop;
  GCancellable *cancellable; /* of the stream; cancelled when the program is to end */
  gboolean has_stream;
  guint retry; /* source; 0 when there is a stream */
  guint n_failures; /* in a row */
  guint64 last_version; /* received; 0: none */
} Client;

static void connect_stream (Client *self);

static gboolean
is_stopping (Client *self)
{
  return g_cancellable_is_cancelled (self->cancellable);
}

static void
quit_when_idle (Client *self)
{
  if (is_stopping (self) && !self->has_stream && !vmd_device_apply_is_busy (self->apply) &&
      !vmd_device_report_is_busy (self->report))
    g_main_loop_quit (self->loop);
}

static gboolean
retry_cb (gpointer data)
{
  Client *self = data;

  self->retry = 0;
  connect_stream (self);
  return G_SOURCE_REMOVE;
}

static void
opened (gpointer data)
{
  Client *self = data;

  vmd_device_say ("Connected to %s", self->options->url);
  vmd_device_report_set_held (self->report, FALSE);
}

static void
snapshot (VmdDeviceSnapshot *newest, gpointer data)
{
  Client *self = data;

  vmd_device_say_detail ("Version %" G_GUINT64_FORMAT " has come", newest->version);
  self->last_version = newest->version;
  vmd_device_apply_take (self->apply, newest);
}

/* Milliseconds, unscaled. */
static gint64
get_wait (Client *self, VmdDeviceStreamEnd end, SoupMessage *message, gint64 duration)
{
  if (end == VMD_DEVICE_STREAM_SUPERSEDED)
    {
      self->n_failures = 0;
      vmd_device_report_set_held (self->report, TRUE);
      return vmd_device_retry_when_superseded (g_random_double ());
    }
  if (duration >= vmd_device_options_scale (self->options, VMD_DEVICE_RETRY_GOOD))
    self->n_failures = 0;
  return vmd_device_http_get_wait (message, self->n_failures++);
}

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Client *self = data;
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  VmdDeviceStreamEnd end;
  gint64 duration, wait;

  self->has_stream = FALSE;
  end = vmd_device_stream_run_finish (result, &message, &duration, &error);
  if (is_stopping (self))
    {
      quit_when_idle (self);
      return;
    }
  wait = get_wait (self, end, message, duration);
  vmd_device_say ("%s; trying again in %.1f s", error->message, (double) wait / 1000);
  self->retry = g_timeout_add (vmd_device_options_scale (self->options, wait), retry_cb, self);
}

static void
connect_stream (Client *self)
{
  const VmdDeviceStreamFuncs funcs = { .opened = opened, .snapshot = snapshot };

  self->has_stream = TRUE;
  vmd_device_stream_run_async (self->http, self->options, self->last_version, &funcs, self,
                               self->cancellable, ended_cb, self);
}

static void
applied (guint64 version, const GError *error, gpointer data)
{
  Client *self = data;

  if (is_stopping (self))
    {
      quit_when_idle (self);
      return;
    }
  if (error == NULL)
    vmd_device_say ("Applied version %" G_GUINT64_FORMAT, version);
  else
    vmd_device_say ("Could not apply version %" G_GUINT64_FORMAT ": %s", version, error->message);
  vmd_device_report_send (self->report, version, error);
}

static void
reported (const GError *error, gpointer data)
{
  Client *self = data;

  quit_when_idle (self);
}

static gboolean
stop_cb (gpointer data)
{
  Client *self = data;

  if (is_stopping (self))
    return G_SOURCE_CONTINUE;
  g_clear_handle_id (&self->retry, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  vmd_device_apply_stop (self->apply);
  vmd_device_report_stop (self->report);
  quit_when_idle (self);
  return G_SOURCE_CONTINUE;
}

/* Somebody has put something right: the token, the hook, the disk. */
static gboolean
again_cb (gpointer data)
{
  Client *self = data;

  if (is_stopping (self))
    return G_SOURCE_CONTINUE;
  vmd_device_apply_again (self->apply);
  if (self->retry != 0)
    {
      g_clear_handle_id (&self->retry, g_source_remove);
      self->n_failures = 0;
      connect_stream (self);
    }
  return G_SOURCE_CONTINUE;
}

static void
client_clear (Client *self)
{
  g_clear_pointer (&self->report, vmd_device_report_free);
  g_clear_pointer (&self->apply, vmd_device_apply_free);
  g_clear_pointer (&self->http, vmd_device_http_free);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->loop, g_main_loop_unref);
}

/* FALSE: it could not begin. */
gboolean
vmd_device_client_run (const VmdDeviceOptions *options, GError **error)
{
  Client self = { .options = options };
  guint sources[3];

  self.http = vmd_device_http_new (options, error);
  if (self.http == NULL)
    return FALSE;
  self.apply = vmd_device_apply_new (options, applied, &self);
  self.report = vmd_device_report_new (self.http, options, reported, &self);
  self.cancellable = g_cancellable_new ();
  self.loop = g_main_loop_new (NULL, FALSE);
  sources[0] = g_unix_signal_add (SIGTERM, stop_cb, &self);
  sources[1] = g_unix_signal_add (SIGINT, stop_cb, &self);
  sources[2] = g_unix_signal_add (SIGHUP, again_cb, &self);
  connect_stream (&self);
  g_main_loop_run (self.loop);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  client_clear (&self);
  return TRUE;
}
