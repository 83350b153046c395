/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-stream-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One live stream: a descriptor, what is being written to it, and its place in the loop's lists.
 *
 * The subscription owns it (it is the sink's data), and the loop owns a reference to the
 * subscription. Whoever tells the sink something holds one too, so `fd` is open whenever it is
 * touched, and its number is given to nobody else before the last of them is through.
 *
 * Ending comes from any thread and breaks the socket at once: a word of farewell if the socket
 * takes it whole, then shutdown(). Writes never wait, so its mutex is held for no longer than the
 * kernel copies. Under it `ended` is set, and whoever writes looks at it there: once
 * vmd_subscription_end() has returned, not one byte of a snapshot goes out that had not before. */

static void
stream_free (gpointer data)
{
  VmdStream *self = data;

  if (self->place != NULL)
    {
      g_clear_pointer (&self->tls, vmd_tls_session_free);
      close (self->fd);
      vmd_channel_place_leave (self->place);
    }
  vmd_stream_output_clear (&self->output);
  g_mutex_clear (&self->mutex);
  vmd_stream_loop_unref (self->loop);
  g_free (self);
}

static void
ready_cb (gpointer data)
{
  VmdStream *self = data;

  vmd_stream_loop_wake (self->loop, self);
}

/* Before the start nothing is under way that would have to be broken, and it is not known yet which
 * end it was: vmd_stream_start() finds out, and says so. */
static void
ended_cb (gpointer data)
{
  VmdStream *self = data;
  VmdSubscription *subscription;

  g_mutex_lock (&self->mutex);
  subscription = self->subscription;
  g_mutex_unlock (&self->mutex);
  if (subscription != NULL)
    vmd_stream_shut_down (self, vmd_subscription_get_end (subscription));
}

VmdStream *
vmd_stream_new (VmdStreamLoop *loop, int fd, VmdTlsSession *tls, VmdSubscriptionSink *sink)
{
  VmdStream *self = g_new0 (VmdStream, 1);

  self->loop = vmd_stream_loop_ref (loop);
  self->fd = fd;
  self->tls = tls;
  g_mutex_init (&self->mutex);
  self->output.text = vmd_stream_get_header ();
  *sink = (VmdSubscriptionSink){ ready_cb, ended_cb, self, stream_free };
  return self;
}

void
vmd_stream_start (VmdStream *self, VmdSubscription *subscription, VmdChannelPlace *place)
{
  self->place = place;
  g_mutex_lock (&self->mutex);
  self->subscription = subscription;
  g_mutex_unlock (&self->mutex);
  /* Either this is seen here, or ended_cb() sees the subscription: there is no gap. */
  if (vmd_subscription_get_end (subscription) != VMD_SUBSCRIPTION_LIVE)
    vmd_stream_shut_down (self, vmd_subscription_get_end (subscription));
  vmd_channel_metrics_count (vmd_stream_loop_get_metrics (self->loop), VMD_CHANNEL_COUNT_STREAMS);
  vmd_stream_pump (self);
  vmd_stream_loop_attach (self->loop, self);
}

/* @flags: MSG_MORE, when the end follows at once and is to go out with it; or 0. Mutex held. */
static gssize
send_pieces_locked (VmdStream *self, struct iovec *pieces, guint n_pieces, int flags)
{
  struct msghdr message = { .msg_iov = pieces, .msg_iovlen = n_pieces };

  if (self->tls != NULL)
    return vmd_tls_session_write (self->tls, pieces, n_pieces);
  return sendmsg (self->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
}

/* Writes what there is of the current message, as far as the socket takes it. Mutex held. */
static VmdStreamState
write_output_locked (VmdStream *self)
{
  VmdStreamState state = VMD_STREAM_BLOCKED;
  char head[VMD_STREAM_HEAD_SIZE];
  struct iovec pieces[VMD_STREAM_PIECES];

  while (!vmd_stream_output_is_empty (&self->output))
    {
      guint n_pieces = vmd_stream_output_get_pieces (&self->output, head, pieces);
      gsize left = 0;
      gssize sent;

      for (guint i = 0; i < n_pieces; i++)
        left += pieces[i].iov_len;
      sent = send_pieces_locked (self, pieces, n_pieces, 0);
      if (sent < 0 && errno == EINTR)
        continue;
      /* A socket that is broken tells epoll so too. */
      if (sent < 0)
        return state;
      state = VMD_STREAM_PROGRESS;
      self->output.offset += sent;
      if ((gsize) sent == left)
        vmd_stream_output_clear (&self->output);
    }
  return VMD_STREAM_DRAINED;
}

/* @snapshot (nullable): what comes next, when nothing is under way. */
static VmdStreamState
write_some (VmdStream *self, VmdConfigSnapshot *snapshot)
{
  VmdStreamState state;

  g_mutex_lock (&self->mutex);
  if (self->ended)
    {
      g_mutex_unlock (&self->mutex);
      return VMD_STREAM_BLOCKED;
    }
  if (snapshot != NULL)
    self->output.snapshot = vmd_config_snapshot_ref (snapshot);
  state = write_output_locked (self);
  g_mutex_unlock (&self->mutex);
  return state;
}

static gboolean
can_take_snapshot (VmdStream *self)
{
  gboolean can;

  g_mutex_lock (&self->mutex);
  /* The header waits for the first one, to go out with it. */
  can = !self->ended && self->output.snapshot == NULL && self->output.offset == 0 &&
        self->output.text != vmd_stream_heartbeat;
  g_mutex_unlock (&self->mutex);
  return can;
}

/* Finishes what is under way, then writes what there is to send, as far as the socket takes it. One
 * snapshot a turn: what is offered meanwhile has the loop come back, after the others, while a pump
 * that took it too would not end for as long as somebody publishes. The starting thread's, then the
 * loop's. */
VmdStreamState
vmd_stream_pump (VmdStream *self)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  gboolean has_written = FALSE;
  VmdStreamState state;

  if (!can_take_snapshot (self))
    {
      state = write_some (self, NULL);
      if (state != VMD_STREAM_DRAINED)
        return state;
      has_written = TRUE;
    }
  snapshot = vmd_subscription_take (self->subscription);
  if (snapshot != NULL)
    vmd_channel_metrics_count (vmd_stream_loop_get_metrics (self->loop),
                               VMD_CHANNEL_COUNT_SNAPSHOTS);
  state = write_some (self, snapshot);
  return state == VMD_STREAM_BLOCKED && has_written ? VMD_STREAM_PROGRESS : state;
}

/* FALSE: something else is under way. */
gboolean
vmd_stream_send_heartbeat (VmdStream *self)
{
  gboolean is_idle;

  g_mutex_lock (&self->mutex);
  is_idle = !self->ended && vmd_stream_output_is_empty (&self->output);
  if (is_idle)
    self->output.text = vmd_stream_heartbeat;
  g_mutex_unlock (&self->mutex);
  return is_idle;
}

/* Mutex held. */
static gboolean
is_half_said_locked (VmdStream *self)
{
  return self->output.snapshot != NULL || self->output.offset > 0 ||
         (self->tls != NULL && vmd_tls_session_is_half_said (self->tls));
}

/* Says why, if nothing is half said and the socket takes it, and breaks the socket. Any thread;
 * once more does nothing. */
void
vmd_stream_shut_down (VmdStream *self, VmdSubscriptionEnd end)
{
  const char *farewell = vmd_stream_get_farewell (end);

  g_mutex_lock (&self->mutex);
  if (!self->ended)
    {
      const char *before = self->output.text != NULL ? self->output.text : "";
      struct iovec pieces[] = { { (char *) before, strlen (before) },
                                { (char *) farewell, strlen (farewell) } };

      self->ended = TRUE;
      if (*farewell != '\0' && !is_half_said_locked (self))
        send_pieces_locked (self, pieces, G_N_ELEMENTS (pieces), MSG_MORE);
      if (self->tls != NULL)
        vmd_tls_session_say_goodbye (self->tls);
      shutdown (self->fd, SHUT_RDWR);
    }
  g_mutex_unlock (&self->mutex);
}
