/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-connection-private.h"

#include <string.h>

/* A request has so many seconds to come in, whole, from when the connection was made or the last
 * answer was out; an answer has so many to be made and taken. Bytes do not lengthen that: who sends
 * one a second is cut off like one who sends none. What is cut off is the socket, and libsoup finds
 * out by itself, as it does when a peer goes.
 *
 * Each of the two has one length for all, so two lists are in order without being sorted, and one
 * source looks at their heads. */

struct _VmdConnectionWatch
{
  VmdChannelMetrics *metrics;
  GSource *source; /* owned */
  gint64 intervals[2]; /* microseconds: for a request, for an answer */
  GQueue lists[2]; /* of VmdChannelConnection, by `due` */
  guint n_connections; /* in a list, or cut off */
};

typedef struct
{
  GSource parent;
  VmdConnectionWatch *watch;
} WatchSource;

static const char too_late[] = "HTTP/1.1 408 Request Timeout\r\n"
                               "Connection: close\r\n"
                               "Content-Length: 0\r\n"
                               "\r\n";

static void
set_ready_time (VmdConnectionWatch *self)
{
  gint64 due = -1;

  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++)
    {
      VmdChannelConnection *head = g_queue_peek_head (&self->lists[i]);

      if (head != NULL && (due < 0 || head->due < due))
        due = head->due;
    }
  if (g_source_get_ready_time (self->source) != due)
    g_source_set_ready_time (self->source, due);
}

static void
take_out (VmdChannelConnection *self)
{
  if (self->link.data != NULL)
    g_queue_unlink (&self->watch->lists[self->is_answering], &self->link);
  self->link.data = NULL;
}

static void
put_in (VmdChannelConnection *self, gboolean is_answering)
{
  VmdConnectionWatch *watch = self->watch;

  take_out (self);
  self->is_answering = is_answering;
  self->due = g_get_monotonic_time () + watch->intervals[is_answering];
  self->link.data = self;
  g_queue_push_tail_link (&watch->lists[is_answering], &self->link);
  /* Only a new head can change when to look; a late look is no harm. */
  if (watch->lists[is_answering].length == 1)
    set_ready_time (watch);
}

/* Whoever has had an answer would take what is said now for the next one. */
static void
cut_off (VmdChannelConnection *self)
{
  vmd_channel_metrics_count (self->watch->metrics, VMD_CHANNEL_COUNT_LATE);
  take_out (self);
  if (!self->is_answering && !self->has_answered && !G_IS_TLS_CONNECTION (self->stream) &&
      vmd_channel_connection_is_open (self))
    send (vmd_socket_stream_get_fd (self->socket), too_late, strlen (too_late),
          MSG_DONTWAIT | MSG_NOSIGNAL);
  vmd_channel_connection_shut_down (self);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  VmdConnectionWatch *self = ((WatchSource *) source)->watch;
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++)
    {
      VmdChannelConnection *head;

      while ((head = g_queue_peek_head (&self->lists[i])) != NULL && head->due <= now)
        cut_off (head);
    }
  set_ready_time (self);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = { .dispatch = dispatch };

/* (transfer full) */
VmdConnectionWatch *
vmd_connection_watch_new (GMainContext *context, VmdChannelMetrics *metrics, guint request_seconds,
                          guint answer_seconds)
{
  VmdConnectionWatch *self = g_new0 (VmdConnectionWatch, 1);

  self->metrics = metrics;
  self->intervals[FALSE] = (gint64) MAX (request_seconds, 1) * G_USEC_PER_SEC;
  self->intervals[TRUE] = (gint64) MAX (answer_seconds, 1) * G_USEC_PER_SEC;
  self->source = g_source_new (&source_functions, sizeof (WatchSource));
  ((WatchSource *) self->source)->watch = self;
  g_source_attach (self->source, context);
  return self;
}

/* Breaks every one of them, so that whoever works on one finds out. */
void
vmd_connection_watch_shut_down_all (VmdConnectionWatch *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->lists); i++)
    for (GList *link = self->lists[i].head; link != NULL; link = link->next)
      vmd_channel_connection_shut_down (link->data);
}

guint
vmd_connection_watch_get_n_connections (VmdConnectionWatch *self)
{
  return self->n_connections;
}

/* There is no connection any more. */
void
vmd_connection_watch_free (VmdConnectionWatch *self)
{
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_free (self);
}

static GIOStream *
wrap_tls (GIOStream *base, GTlsCertificate *certificate, GError **error)
{
  const char *const protocols[] = { "http/1.1", NULL };
  GIOStream *tls = g_tls_server_connection_new (base, certificate, error);

  if (tls == NULL)
    return NULL;
  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (tls), FALSE);
  g_tls_connection_set_advertised_protocols (G_TLS_CONNECTION (tls), protocols);
  return tls;
}

/* Waits for its first request from now on. NULL with @error: TLS cannot be had. (transfer full) */
VmdChannelConnection *
vmd_channel_connection_new (VmdConnectionWatch *watch, const VmdConnectionPlan *plan,
                            GError **error)
{
  VmdChannelConnection *self = g_new0 (VmdChannelConnection, 1);

  self->watch = watch;
  watch->n_connections++;
  self->peer = plan->peer;
  self->place = plan->place;
  self->is_guest = plan->is_guest;
  self->socket = vmd_socket_stream_new (plan->fd, g_thread_self ());
  if (plan->certificate != NULL)
    self->stream = wrap_tls (G_IO_STREAM (self->socket), plan->certificate, error);
  else
    self->stream = g_object_ref (G_IO_STREAM (self->socket));
  if (self->stream == NULL)
    {
      vmd_channel_connection_free (self);
      return NULL;
    }
  put_in (self, FALSE);
  return self;
}

void
vmd_channel_connection_free (VmdChannelConnection *self)
{
  gboolean was_head = self->link.data != NULL && self->link.prev == NULL;

  take_out (self);
  /* Else an empty list would be looked at once a second or so, for nothing. */
  if (was_head && self->watch->lists[self->is_answering].length == 0)
    set_ready_time (self->watch);
  self->watch->n_connections--;
  g_clear_object (&self->stream);
  g_clear_object (&self->socket);
  if (self->place != NULL)
    vmd_channel_place_leave (self->place);
  g_free (self->peer);
  g_free (self);
}

void
vmd_channel_connection_await_request (VmdChannelConnection *self)
{
  self->has_answered = TRUE;
  put_in (self, FALSE);
}

/* The request is there: the time for the answer begins. */
void
vmd_channel_connection_answer (VmdChannelConnection *self)
{
  put_in (self, TRUE);
}

void
vmd_channel_connection_shut_down (VmdChannelConnection *self)
{
  if (vmd_channel_connection_is_open (self))
    shutdown (vmd_socket_stream_get_fd (self->socket), SHUT_RDWR);
}

gboolean
vmd_channel_connection_is_open (VmdChannelConnection *self)
{
  return vmd_socket_stream_get_fd (self->socket) >= 0;
}
