/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-stream.h"

#include "vmd-device-events.h"
#include "vmd-device-json.h"

#include <string.h>
#include <vmd-error.h>

/* A server that is gone does not always say so: a stream on which nothing has come for the lease,
 * not even a heartbeat, is given up. That time runs from the beginning on, so it bounds connecting
 * and the answer too. */

#define LEASE (25 * 1000) /* milliseconds */
#define BUFFER_SIZE 4096

typedef struct
{
  const VmdDeviceOptions *options; /* not owned */
  VmdDeviceStreamFuncs funcs;
  gpointer funcs_data; /* not owned */
  SoupMessage *message; /* (nullable) */
  GInputStream *body; /* (nullable) */
  VmdDeviceEvents *events;
  guint64 version; /* of the last snapshot of this stream, 0: none */
  gint64 opened; /* monotonic; 0: not */
  VmdDeviceStreamEnd end;

  GCancellable *cancellable; /* our own: of the caller's, or of the lease */
  GCancellable *chained; /* (nullable) the caller's */
  gulong chain;
  GSource *lease;
  gboolean silent; /* the lease has run out */
  char buffer[BUFFER_SIZE];
} Stream;

static void
stream_free (gpointer data)
{
  Stream *self = data;

  g_cancellable_disconnect (self->chained, self->chain);
  g_source_destroy (self->lease);
  g_source_unref (self->lease);
  g_clear_object (&self->body);
  g_clear_object (&self->message);
  g_object_unref (self->cancellable);
  g_clear_object (&self->chained);
  vmd_device_events_free (self->events);
  g_free (self);
}

static gboolean
silent_cb (gpointer data)
{
  Stream *self = data;

  self->silent = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_CONTINUE;
}

static void
chain_cb (GCancellable *chained, gpointer data)
{
  g_cancellable_cancel (data);
}

/* Below the priority of reading: what has arrived counts, even where we were slow to read it. */
static void
renew_lease (Stream *self)
{
  gint64 lease = vmd_device_options_scale (self->options, LEASE);

  g_source_set_ready_time (self->lease, g_get_monotonic_time () + lease * 1000);
}

static void
start_lease (Stream *self)
{
  self->lease = g_timeout_source_new (vmd_device_options_scale (self->options, LEASE));
  g_source_set_priority (self->lease, G_PRIORITY_LOW);
  g_source_set_callback (self->lease, silent_cb, self, NULL);
  g_source_attach (self->lease, NULL);
}

/* The one way out. */
static void
end (GTask *task, GError *error)
{
  Stream *self = g_task_get_task_data (task);

  if (self->silent)
    {
      g_clear_error (&error);
      g_set_error (&error, VMD_ERROR, VMD_ERROR_TIMED_OUT,
                   "The server has been silent for too long");
    }
  g_source_destroy (self->lease);
  g_task_return_error (task, error);
  g_object_unref (task);
}

/* Out of {"reason":"…"}, for people. Empty where it is something else. (transfer full) */
static char *
read_reason (const VmdDeviceEvent *event)
{
  VmdDeviceJson json = { event->data, event->data + event->length };
  g_autoptr (GString) name = g_string_new (NULL);
  g_autoptr (GString) reason = g_string_new (NULL);

  if (!vmd_device_json_take (&json, '{') || !vmd_device_json_read_string (&json, name) ||
      !g_str_equal (name->str, "reason") || !vmd_device_json_take (&json, ':') ||
      !vmd_device_json_read_string (&json, reason))
    g_string_truncate (reason, 0);
  return g_string_free (g_steal_pointer (&reason), FALSE);
}

static gboolean
take_end (Stream *self, const VmdDeviceEvent *event, GError **error)
{
  g_autofree char *reason = read_reason (event);

  self->end = g_str_equal (event->name, "superseded") ? VMD_DEVICE_STREAM_SUPERSEDED
                                                      : VMD_DEVICE_STREAM_TOLD;
  g_set_error (error, VMD_ERROR, VMD_ERROR_UNREACHABLE, "The server ended the stream, “%s”: %s",
               event->name, reason);
  return FALSE;
}

static gboolean
take_snapshot (Stream *self, const VmdDeviceEvent *event, GError **error)
{
  g_autoptr (VmdDeviceSnapshot) snapshot =
      vmd_device_snapshot_parse (event->data, event->length, error);

  if (snapshot == NULL)
    return FALSE;
  if (snapshot->version <= self->version)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL,
                   "The server sent version %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT,
                   snapshot->version, self->version);
      return FALSE;
    }
  self->version = snapshot->version;
  self->funcs.snapshot (g_steal_pointer (&snapshot), self->funcs_data);
  return TRUE;
}

/* Events that are not known are for clients of another day. */
static gboolean
event_cb (const VmdDeviceEvent *event, gpointer data, GError **error)
{
  static const char *const ends[] = { "superseded", "revoked", "deleted", "shutdown", NULL };
  Stream *self = data;

  if (g_str_equal (event->name, "snapshot"))
    return take_snapshot (self, event, error);
  return !g_strv_contains (ends, event->name) || take_end (self, event, error);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Stream *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gssize length = g_input_stream_read_finish (self->body, result, &error);

  if (length == 0)
    g_set_error (&error, VMD_ERROR, VMD_ERROR_UNREACHABLE, "The stream was cut");
  if (length <= 0 || !vmd_device_events_feed (self->events, self->buffer, (gsize) length, &error))
    {
      end (task, g_steal_pointer (&error));
      return;
    }
  renew_lease (self);
  g_input_stream_read_async (self->body, self->buffer, sizeof self->buffer, G_PRIORITY_DEFAULT,
                             self->cancellable, read_cb, task);
}

static gboolean
check_answer (Stream *self, GError **error)
{
  const char *type;

  if (!vmd_device_http_check (self->message, SOUP_STATUS_OK, error))
    return FALSE;
  type = soup_message_headers_get_content_type (soup_message_get_response_headers (self->message),
                                                NULL);
  if (g_strcmp0 (type, "text/event-stream") == 0)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL,
               "The server answered with something that is no event stream; is --url that of a "
               "channel?");
  return FALSE;
}

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Stream *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  self->body = vmd_device_http_send_finish (SOUP_SESSION (source), self->message, self->options,
                                            result, &error);
  if (self->body == NULL || !check_answer (self, &error))
    {
      end (task, g_steal_pointer (&error));
      return;
    }
  self->opened = g_get_monotonic_time ();
  self->funcs.opened (self->funcs_data);
  renew_lease (self);
  g_input_stream_read_async (self->body, self->buffer, sizeof self->buffer, G_PRIORITY_DEFAULT,
                             self->cancellable, read_cb, task);
}

/* Always ends with an error, which says why. @last_version: received before, 0: none. */
void
vmd_device_stream_run_async (VmdDeviceHttp *http, const VmdDeviceOptions *options,
                             guint64 last_version, const VmdDeviceStreamFuncs *funcs,
                             gpointer funcs_data, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  Stream *self = g_new0 (Stream, 1);
  g_autofree char *last = g_strdup_printf ("%" G_GUINT64_FORMAT, last_version);
  SoupMessageHeaders *headers;
  GError *error = NULL;

  g_task_set_source_tag (task, vmd_device_stream_run_async);
  g_task_set_task_data (task, self, stream_free);
  self->options = options;
  self->funcs = *funcs;
  self->funcs_data = funcs_data;
  self->events = vmd_device_events_new (event_cb, self);
  self->cancellable = g_cancellable_new ();
  self->chained = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  if (cancellable != NULL)
    self->chain =
        g_cancellable_connect (cancellable, G_CALLBACK (chain_cb), self->cancellable, NULL);
  start_lease (self);
  self->message = vmd_device_http_new_message (http, "GET", "config/stream", &error);
  if (self->message == NULL)
    {
      end (task, error);
      return;
    }
  headers = soup_message_get_request_headers (self->message);
  soup_message_headers_replace (headers, "Accept", "text/event-stream");
  if (last_version != 0)
    soup_message_headers_replace (headers, "Last-Event-ID", last);
  soup_session_send_async (vmd_device_http_get_session (http), self->message, G_PRIORITY_DEFAULT,
                           self->cancellable, sent_cb, task);
}

/* How it ended; *@message: (nullable) (transfer full): with the server's answer; *@duration:
 * milliseconds that it was open; *@error: always. */
VmdDeviceStreamEnd
vmd_device_stream_run_finish (GAsyncResult *result, SoupMessage **message, gint64 *duration,
                              GError **error)
{
  Stream *self = g_task_get_task_data (G_TASK (result));

  *message = self->message != NULL ? g_object_ref (self->message) : NULL;
  *duration = self->opened != 0 ? (g_get_monotonic_time () - self->opened) / 1000 : 0;
  g_task_propagate_boolean (G_TASK (result), error);
  return self->end;
}
