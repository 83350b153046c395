/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-report.h"

#include "vmd-device-message.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <vmd-error.h>

/* One request at a time, and the last report is the one that counts: so what came before is never
 * told after it. */

#define ANSWER_DEADLINE (25 * 1000) /* milliseconds */
#define MAX_MESSAGE 1024 /* bytes, as the protocol has it */

struct _VmdDeviceReport
{
  VmdDeviceHttp *http; /* not owned */
  const VmdDeviceOptions *options; /* not owned */
  VmdDeviceReportedFunc func;
  gpointer data;

  GBytes *newest; /* (nullable) to be told */
  guint n_failures; /* in a row */
  gboolean held;
  guint retry; /* source */

  /* Of the request under way. */
  GBytes *sent; /* (nullable) */
  SoupMessage *message; /* (nullable) */
  GCancellable *cancellable; /* (nullable) */
  guint deadline; /* source */
};

static void start (VmdDeviceReport *self);

VmdDeviceReport *
vmd_device_report_new (VmdDeviceHttp *http, const VmdDeviceOptions *options,
                       VmdDeviceReportedFunc func, gpointer data)
{
  VmdDeviceReport *self = g_new0 (VmdDeviceReport, 1);

  self->http = http;
  self->options = options;
  self->func = func;
  self->data = data;
  return self;
}

/* Not while it is busy. */
void
vmd_device_report_free (VmdDeviceReport *self)
{
  g_return_if_fail (self->sent == NULL);

  g_clear_handle_id (&self->retry, g_source_remove);
  g_clear_pointer (&self->newest, g_bytes_unref);
  g_free (self);
}

/* Cut between characters. (transfer full) */
static char *
dup_message (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  const char *end;

  if (strlen (valid) <= MAX_MESSAGE)
    return g_steal_pointer (&valid);
  end = g_utf8_find_prev_char (valid, valid + MAX_MESSAGE + 1);
  return g_strndup (valid, (gsize) (end - valid));
}

static GBytes *
make_body (guint64 version, const GError *failure)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *message = dup_message (failure != NULL ? failure->message : "");
  g_autofree char *text = NULL;
  JsonObject *object = json_object_new ();
  char *json;

  json_object_set_string_member (object, "status", failure == NULL ? "ok" : "failed");
  json_object_set_string_member (object, "message", message);
  json_node_take_object (root, object);
  /* Versions have 64 bits, json-glib's integers 63. */
  text = json_to_string (root, FALSE);
  json = g_strdup_printf ("{\"version\":%" G_GUINT64_FORMAT ",%s", version, text + 1);
  return g_bytes_new_take (json, strlen (json));
}

static gboolean
retry_cb (gpointer data)
{
  VmdDeviceReport *self = data;

  self->retry = 0;
  start (self);
  return G_SOURCE_REMOVE;
}

static gboolean
deadline_cb (gpointer data)
{
  VmdDeviceReport *self = data;

  self->deadline = 0;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

/* Would asking again be of use? The token may be replaced, and the server may have time. */
static gboolean
is_final (VmdDeviceReport *self)
{
  guint status = self->message != NULL ? soup_message_get_status (self->message) : SOUP_STATUS_NONE;

  return self->options->once ||
         (SOUP_STATUS_IS_CLIENT_ERROR (status) && status != SOUP_STATUS_UNAUTHORIZED &&
          status != SOUP_STATUS_REQUEST_TIMEOUT && status != VMD_DEVICE_HTTP_TOO_MANY_REQUESTS);
}

static void
take_failure (VmdDeviceReport *self, const GError *error)
{
  if (is_final (self))
    {
      vmd_device_say ("The report was not taken: %s", error->message);
      if (self->newest == self->sent)
        g_clear_pointer (&self->newest, g_bytes_unref);
      return;
    }
  vmd_device_say_detail ("The report did not arrive: %s", error->message);
  if (!self->held)
    self->retry = g_timeout_add (
        vmd_device_options_scale (self->options,
                                  vmd_device_http_get_wait (self->message, self->n_failures)),
        retry_cb, self);
  self->n_failures++;
}

/* The one way out of a request. */
static void
finish (VmdDeviceReport *self, const GError *error)
{
  if (error != NULL)
    take_failure (self, error);
  else
    {
      self->n_failures = 0;
      if (self->newest == self->sent)
        g_clear_pointer (&self->newest, g_bytes_unref);
    }
  g_clear_handle_id (&self->deadline, g_source_remove);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->message);
  g_clear_pointer (&self->sent, g_bytes_unref);
  if (self->retry == 0)
    start (self);
  if (self->newest == NULL)
    self->func (error, self->data);
}

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdDeviceReport *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) body = vmd_device_http_send_finish (SOUP_SESSION (source), self->message,
                                                               self->options, result, &error);

  if (body != NULL)
    vmd_device_http_check (self->message, SOUP_STATUS_NO_CONTENT, &error);
  finish (self, error);
}

static void
start (VmdDeviceReport *self)
{
  g_autoptr (GError) error = NULL;

  if (self->newest == NULL || self->sent != NULL || self->held)
    return;
  self->sent = g_bytes_ref (self->newest);
  self->message = vmd_device_http_new_message (self->http, "PUT", "applied", &error);
  if (self->message == NULL)
    {
      finish (self, error);
      return;
    }
  soup_message_set_request_body_from_bytes (self->message, "application/json", self->sent);
  self->cancellable = g_cancellable_new ();
  self->deadline =
      g_timeout_add (vmd_device_options_scale (self->options, ANSWER_DEADLINE), deadline_cb, self);
  soup_session_send_async (vmd_device_http_get_session (self->http), self->message,
                           G_PRIORITY_DEFAULT, self->cancellable, sent_cb, self);
}

/* While another client has the device, what we did is of no interest. */
void
vmd_device_report_set_held (VmdDeviceReport *self, gboolean held)
{
  self->held = held;
  g_clear_handle_id (&self->retry, g_source_remove);
  if (held && self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  if (!held)
    start (self);
}

/* @failure: (nullable) why @version could not be applied. */
void
vmd_device_report_send (VmdDeviceReport *self, guint64 version, const GError *failure)
{
  g_clear_pointer (&self->newest, g_bytes_unref);
  self->newest = make_body (version, failure);
  g_clear_handle_id (&self->retry, g_source_remove);
  start (self);
}

/* Gives up what was not told. */
void
vmd_device_report_stop (VmdDeviceReport *self)
{
  g_clear_pointer (&self->newest, g_bytes_unref);
  vmd_device_report_set_held (self, TRUE);
}

gboolean
vmd_device_report_is_busy (VmdDeviceReport *self)
{
  return self->sent != NULL;
}
