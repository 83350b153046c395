/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-once.h"

#include "vmd-device-apply.h"
#include "vmd-device-events.h"
#include "vmd-device-message.h"
#include "vmd-device-report.h"

#include <glib-unix.h>
#include <signal.h>
#include <vmd-error.h>

#define DEADLINE (25 * 1000) /* milliseconds, of fetching */
/* As much as a stream's event may have. */
#define MAX_BODY VMD_DEVICE_EVENTS_MAX

typedef struct
{
  const VmdDeviceOptions *options; /* not owned */
  GCancellable *cancellable; /* of fetching */
  VmdDeviceApply *apply;
  VmdDeviceReport *report;
  gboolean interrupted;
  gboolean late;
  gboolean done;
  GAsyncResult *result; /* (nullable) of what is waited for */
  GError *error; /* (nullable) */
} Once;

static gboolean
signal_cb (gpointer data)
{
  Once *self = data;

  self->interrupted = TRUE;
  g_cancellable_cancel (self->cancellable);
  vmd_device_apply_stop (self->apply);
  vmd_device_report_stop (self->report);
  return G_SOURCE_CONTINUE;
}

static gboolean
deadline_cb (gpointer data)
{
  Once *self = data;

  self->late = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_CONTINUE;
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Once *self = data;

  self->result = g_object_ref (result);
}

static GAsyncResult *
await (Once *self)
{
  while (self->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return g_steal_pointer (&self->result);
}

/* One byte more than there may be shows that there is too much. */
static VmdDeviceSnapshot *
read_body (Once *self, GInputStream *body, GError **error)
{
  g_autofree char *text = g_malloc (MAX_BODY + 1);
  g_autoptr (GAsyncResult) result = NULL;
  gsize length;

  g_input_stream_read_all_async (body, text, MAX_BODY + 1, G_PRIORITY_DEFAULT, self->cancellable,
                                 result_cb, self);
  result = await (self);
  if (!g_input_stream_read_all_finish (body, result, &length, error))
    return NULL;
  if (length <= MAX_BODY)
    return vmd_device_snapshot_parse (text, length, error);
  g_set_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL, "The server sent more than values may have");
  return NULL;
}

static VmdDeviceSnapshot *
fetch (Once *self, VmdDeviceHttp *http, GError **error)
{
  g_autoptr (SoupMessage) message = vmd_device_http_new_message (http, "GET", "config", error);
  SoupSession *session = vmd_device_http_get_session (http);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GInputStream) body = NULL;

  if (message == NULL)
    return NULL;
  soup_session_send_async (session, message, G_PRIORITY_DEFAULT, self->cancellable, result_cb,
                           self);
  result = await (self);
  body = vmd_device_http_send_finish (session, message, self->options, result, error);
  if (body == NULL || !vmd_device_http_check (message, SOUP_STATUS_OK, error))
    return NULL;
  return read_body (self, body, error);
}

static VmdDeviceSnapshot *
fetch_in_time (Once *self, VmdDeviceHttp *http, GError **error)
{
  guint deadline =
      g_timeout_add (vmd_device_options_scale (self->options, DEADLINE), deadline_cb, self);
  VmdDeviceSnapshot *snapshot = fetch (self, http, error);

  g_source_remove (deadline);
  if (self->late && snapshot == NULL)
    {
      g_clear_error (error);
      g_set_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT, "The server did not answer in time");
    }
  return snapshot;
}

static void
applied (guint64 version, const GError *error, gpointer data)
{
  Once *self = data;

  if (error != NULL)
    g_set_error (&self->error, error->domain, error->code,
                 "Could not apply version %" G_GUINT64_FORMAT ": %s", version, error->message);
  if (self->interrupted)
    self->done = TRUE;
  else
    vmd_device_report_send (self->report, version, error);
}

static void
reported (const GError *error, gpointer data)
{
  Once *self = data;

  if (error != NULL && self->error == NULL)
    self->error = g_error_copy (error);
  self->done = TRUE;
}

static gboolean
run (Once *self, VmdDeviceHttp *http, GError **error)
{
  VmdDeviceSnapshot *snapshot = fetch_in_time (self, http, error);

  if (snapshot == NULL)
    return FALSE;
  vmd_device_apply_take (self->apply, snapshot);
  while (!self->done && !(self->interrupted && !vmd_device_apply_is_busy (self->apply) &&
                          !vmd_device_report_is_busy (self->report)))
    g_main_context_iteration (NULL, TRUE);
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}

/* Tries nothing twice. */
gboolean
vmd_device_once_run (const VmdDeviceOptions *options, GError **error)
{
  g_autoptr (VmdDeviceHttp) http = vmd_device_http_new (options, error);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Once self = { .options = options, .cancellable = cancellable };
  const int signals[] = { SIGTERM, SIGINT, SIGHUP };
  guint sources[G_N_ELEMENTS (signals)];
  gboolean good;

  if (http == NULL)
    return FALSE;
  self.apply = vmd_device_apply_new (options, applied, &self);
  self.report = vmd_device_report_new (http, options, reported, &self);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    sources[i] = g_unix_signal_add (signals[i], signal_cb, &self);
  good = run (&self, http, error);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_source_remove (sources[i]);
  if (self.interrupted)
    {
      g_clear_error (error);
      g_set_error (error, VMD_ERROR, VMD_ERROR_CANCELLED, "Interrupted");
      good = FALSE;
    }
  vmd_device_report_free (self.report);
  vmd_device_apply_free (self.apply);
  g_clear_error (&self.error);
  return good;
}
