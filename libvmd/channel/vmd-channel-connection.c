/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-connection-private.h"

#include <sys/socket.h>

/* A request has so many seconds to come in, whole, from when the connection was made or the last
 * answer was out; an answer has so many to be made and taken. Bytes do not lengthen that: who sends
 * one a second is cut off like one who sends none, and the handshake of TLS is a part of the first
 * request. What is cut off is the socket, and libsoup finds out by itself, as it does when a peer
 * goes.
 *
 * libsoup answers a header that is too large once it has it, and hangs up without a word on one
 * that it will not even read to its end; so it is given no more than it does read.
 *
 * Each of the two has one length for all, so two lists are in order without being sorted, and one
 * source looks at their heads. */

struct _VmdConnectionWatch
{
  VmdChannelMetrics *metrics;
  GSource *source; /* owned */
  gsize max_header; /* bytes */
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

/* Of a header over the limit so much is read beyond it: a proper answer is better. What is read is
 * less than what libsoup takes for a header. */
#define HEADER_SLACK (16 * 1024)
#define HEADER_LIBSOUP (60 * 1024)

static const char too_large[] = "HTTP/1.1 431 Request Header Fields Too Large\r\n"
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
  if (!self->is_answering && !self->has_answered)
    vmd_socket_stream_say_last (self->socket, too_late);
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
vmd_connection_watch_new (GMainContext *context, VmdChannelMetrics *metrics,
                          const VmdChannelOptions *options)
{
  VmdConnectionWatch *self = g_new0 (VmdConnectionWatch, 1);

  self->metrics = metrics;
  self->max_header = MIN ((gsize) options->max_header + HEADER_SLACK, HEADER_LIBSOUP);
  self->intervals[FALSE] = (gint64) MAX (options->header_deadline, 1) * G_USEC_PER_SEC;
  self->intervals[TRUE] = (gint64) MAX (options->lease, 1) * G_USEC_PER_SEC;
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

/* Waits for its first request from now on. (transfer full) */
VmdChannelConnection *
vmd_channel_connection_new (VmdConnectionWatch *watch, const VmdConnectionPlan *plan)
{
  VmdChannelConnection *self = g_new0 (VmdChannelConnection, 1);

  self->watch = watch;
  watch->n_connections++;
  self->peer = plan->peer;
  self->place = plan->place;
  self->is_guest = plan->is_guest;
  self->socket = vmd_socket_stream_new (plan->fd, plan->credentials);
  vmd_socket_stream_allow (self->socket, watch->max_header, too_large);
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
  vmd_socket_stream_allow (self->socket, self->watch->max_header, too_large);
  vmd_socket_stream_await_request (self->socket);
  put_in (self, FALSE);
}

/* The header is there: how much of a body may come is for whoever has read it. */
void
vmd_channel_connection_take_header (VmdChannelConnection *self)
{
  vmd_socket_stream_allow (self->socket, G_MAXSIZE, NULL);
}

/* The request is there: the time for the answer begins. */
void
vmd_channel_connection_answer (VmdChannelConnection *self)
{
  put_in (self, TRUE);
}

/* The peer has gone. Its descriptor and its place are free from now on; what is left goes with the
 * last of what hangs on it. */
void
vmd_channel_connection_let_go (VmdChannelConnection *self)
{
  take_out (self);
  g_io_stream_close (G_IO_STREAM (self->socket), NULL, NULL);
  g_clear_pointer (&self->place, vmd_channel_place_leave);
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
