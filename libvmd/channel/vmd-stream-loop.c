/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-stream-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* All live streams, on one thread and one epoll set, so that an idle one is a small struct and a
 * descriptor. What there is to wait for is little: a peer that goes (never what it sends: nobody
 * reads that, and the kernel bounds it), room in a socket that was full, and time.
 *
 * Time is two lists, each with one interval for all and therefore in order without being sorted.
 * A stream is in exactly one of them: `idle`, where the next thing is a heartbeat, or `blocked`,
 * where it is the end of its lease. What it takes puts it at the tail again.
 *
 * Other threads put streams on `ready` under a leaf mutex and write to an eventfd if it was empty.
 * A stream that is removed while it is on that list stays until the list is gone through. An end is
 * told by nothing but the socket, which its sink has shut down: epoll reports that as any other.
 *
 * A peer that vanished without a word is found by the heartbeat that it does not acknowledge
 * (TCP_USER_TIMEOUT), one that reads no more by its lease. */

/* Timers within that much of the first are served with it: fewer turns for ten thousand streams. */
#define SLACK (50 * G_TIME_SPAN_MILLISECOND)
#define EVENTS_AT_ONCE 256
/* Ten thousand that connected in one moment have their heartbeats due in one moment too: what is
 * set meanwhile goes in between. */
#define HEARTBEATS_AT_ONCE 16
/* Turns come no closer than that. */
#define TURN_INTERVAL 200 /* microseconds */

struct _VmdStreamLoop
{
  gatomicrefcount references;

  /* Constant. */
  VmdBroker *broker;
  VmdChannelMetrics *metrics;
  gint64 heartbeat; /* microseconds */
  gint64 lease; /* microseconds */
  int epoll_fd;
  int wake_fd;
  GThread *thread;

  /* The thread's own. */
  GQueue idle; /* of VmdStream, by `due` */
  GQueue blocked; /* likewise */
  gint64 turned; /* monotonic microseconds: when the last turn began */

  GMutex mutex; /* a leaf; guards what follows, and what streams say that it guards */
  VmdStream *ready; /* a list; each is attached, or was */
  gboolean stopping;
};

VmdStreamLoop *
vmd_stream_loop_ref (VmdStreamLoop *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_stream_loop_unref (VmdStreamLoop *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  vmd_clear_fd (&self->epoll_fd);
  vmd_clear_fd (&self->wake_fd);
  g_clear_object (&self->broker);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

VmdChannelMetrics *
vmd_stream_loop_get_metrics (VmdStreamLoop *self)
{
  return self->metrics;
}

static void
wake (VmdStreamLoop *self)
{
  const guint64 one = 1;

  while (write (self->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

/* TRUE: nobody has woken the thread for the list yet. */
static gboolean
queue_locked (VmdStreamLoop *self, VmdStream *stream)
{
  gboolean was_empty = self->ready == NULL;

  if (!stream->attached || stream->queued)
    return FALSE;
  stream->queued = TRUE;
  stream->next_ready = self->ready;
  self->ready = stream;
  return was_empty;
}

/* The thread has it from now on. */
void
vmd_stream_loop_attach (VmdStreamLoop *self, VmdStream *stream)
{
  gboolean is_first;

  g_mutex_lock (&self->mutex);
  stream->attached = TRUE;
  is_first = queue_locked (self, stream);
  g_mutex_unlock (&self->mutex);
  if (is_first)
    wake (self);
}

/* There is something to send on @stream. Any thread; one that is not attached is looked at when it
 * is. */
void
vmd_stream_loop_wake (VmdStreamLoop *self, VmdStream *stream)
{
  gboolean is_first;

  g_mutex_lock (&self->mutex);
  is_first = queue_locked (self, stream);
  g_mutex_unlock (&self->mutex);
  if (is_first)
    wake (self);
}

/* -- The thread -- */

static GQueue *
get_list (VmdStreamLoop *self, VmdStream *stream)
{
  return stream->blocked ? &self->blocked : &self->idle;
}

/* At the tail of the list that it belongs into. */
static void
set_timer (VmdStreamLoop *self, VmdStream *stream, gboolean blocked)
{
  if (stream->link.data != NULL)
    g_queue_unlink (get_list (self, stream), &stream->link);
  stream->link.data = stream;
  stream->blocked = blocked;
  stream->due = g_get_monotonic_time () + (blocked ? self->lease : self->heartbeat);
  g_queue_push_tail_link (get_list (self, stream), &stream->link);
}

static void
watch (VmdStreamLoop *self, VmdStream *stream, gboolean blocked)
{
  struct epoll_event event = { .events = EPOLLRDHUP | (blocked ? EPOLLOUT : 0),
                               .data.ptr = stream };

  if (stream->watched && stream->blocked == blocked)
    return;
  /* Out of memory for the watch: then its heartbeats find out. */
  if (epoll_ctl (self->epoll_fd, stream->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, stream->fd,
                 &event) < 0)
    g_debug ("a stream cannot be watched: %s", g_strerror (errno));
  stream->watched = TRUE;
}

static void
pump (VmdStreamLoop *self, VmdStream *stream)
{
  VmdStreamState state = vmd_stream_pump (stream);
  gboolean blocked = state != VMD_STREAM_DRAINED;
  gboolean is_new = stream->link.data == NULL;

  watch (self, stream, blocked);
  if (is_new || blocked != stream->blocked || state == VMD_STREAM_PROGRESS)
    set_timer (self, stream, blocked);
}

/* The one exit of a stream. It is freed here, or once `ready` has been gone through, or by whoever
 * still tells it something. */
static void
remove_stream (VmdStreamLoop *self, VmdStream *stream, VmdSubscriptionEnd end)
{
  gboolean was_queued;

  vmd_broker_leave (self->broker, stream->subscription, end);
  end = vmd_subscription_get_end (stream->subscription);
  vmd_channel_metrics_count_end (self->metrics, end);
  if (stream->watched)
    epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, stream->fd, NULL);
  if (stream->link.data != NULL)
    g_queue_unlink (get_list (self, stream), &stream->link);
  stream->link.data = NULL;
  vmd_stream_shut_down (stream, end);

  g_mutex_lock (&self->mutex);
  stream->attached = FALSE;
  was_queued = stream->queued;
  g_mutex_unlock (&self->mutex);
  if (!was_queued)
    vmd_subscription_unref (stream->subscription);
}

static VmdSubscriptionEnd
get_reason (VmdStream *stream)
{
  socklen_t length = sizeof (int);
  int fault = 0;

  getsockopt (stream->fd, SOL_SOCKET, SO_ERROR, &fault, &length);
  return fault == ETIMEDOUT ? VMD_SUBSCRIPTION_SILENT : VMD_SUBSCRIPTION_LEFT;
}

static void
serve_event (VmdStreamLoop *self, const struct epoll_event *event)
{
  VmdStream *stream = event->data.ptr;
  guint64 ignored;

  if (stream == NULL)
    {
      if (read (self->wake_fd, &ignored, sizeof ignored) < 0)
        g_debug ("nobody woke the streams");
      return;
    }
  if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    remove_stream (self, stream, get_reason (stream));
  else
    pump (self, stream);
}

static void
serve_ready (VmdStreamLoop *self)
{
  VmdStream *stream, *next;

  g_mutex_lock (&self->mutex);
  stream = g_steal_pointer (&self->ready);
  g_mutex_unlock (&self->mutex);
  for (; stream != NULL; stream = next)
    {
      gboolean attached;

      g_mutex_lock (&self->mutex);
      next = stream->next_ready;
      stream->queued = FALSE;
      attached = stream->attached;
      g_mutex_unlock (&self->mutex);
      if (attached)
        pump (self, stream);
      else
        vmd_subscription_unref (stream->subscription);
    }
}

static VmdStream *
peek_due (GQueue *list, gint64 now)
{
  VmdStream *stream = g_queue_peek_head (list);

  return stream != NULL && stream->due <= now + SLACK ? stream : NULL;
}

/* Looked at with each heartbeat, and so that late at most; the wall clock may jump. */
static gboolean
has_expired (VmdStream *stream)
{
  gint64 expires = vmd_subscription_get_expires (stream->subscription);

  return expires != 0 && g_get_real_time () >= expires;
}

static void
serve_timers (VmdStreamLoop *self)
{
  gint64 now = g_get_monotonic_time ();
  VmdStream *stream;

  while ((stream = peek_due (&self->blocked, now)) != NULL)
    remove_stream (self, stream, VMD_SUBSCRIPTION_SILENT);
  for (guint i = 0; i < HEARTBEATS_AT_ONCE && (stream = peek_due (&self->idle, now)) != NULL; i++)
    {
      if (has_expired (stream))
        {
          remove_stream (self, stream, VMD_SUBSCRIPTION_REVOKED);
          continue;
        }
      if (vmd_stream_send_heartbeat (stream))
        vmd_channel_metrics_count (self->metrics, VMD_CHANNEL_COUNT_HEARTBEATS);
      set_timer (self, stream, FALSE);
      pump (self, stream);
    }
}

/* Milliseconds, for epoll_wait(). */
static int
get_timeout (VmdStreamLoop *self)
{
  VmdStream *idle = g_queue_peek_head (&self->idle);
  VmdStream *blocked = g_queue_peek_head (&self->blocked);
  gint64 due = G_MAXINT64;

  if (idle != NULL)
    due = idle->due;
  if (blocked != NULL)
    due = MIN (due, blocked->due);
  if (due == G_MAXINT64)
    return -1;
  return CLAMP ((due - g_get_monotonic_time ()) / 1000 + 1, 0, 60 * 1000);
}

static gboolean
is_stopping (VmdStreamLoop *self)
{
  gboolean stopping;

  g_mutex_lock (&self->mutex);
  stopping = self->stopping;
  g_mutex_unlock (&self->mutex);
  return stopping;
}

/* Waits for something to do. When there is much to do, each turn sees to much of it: to be woken
 * for one stream after the other costs those who wake more than the streams do. Whoever comes alone
 * is served at once. */
static int
wait_for_events (VmdStreamLoop *self, struct epoll_event events[EVENTS_AT_ONCE])
{
  int n = epoll_wait (self->epoll_fd, events, EVENTS_AT_ONCE, get_timeout (self));
  gint64 early = self->turned + TURN_INTERVAL - g_get_monotonic_time ();

  if (n > 0 && early > 0)
    {
      g_usleep (early);
      n = epoll_wait (self->epoll_fd, events, EVENTS_AT_ONCE, 0);
    }
  self->turned = g_get_monotonic_time ();
  return n;
}

static gpointer
run (gpointer data)
{
  VmdStreamLoop *self = data;
  struct epoll_event events[EVENTS_AT_ONCE];
  VmdStream *stream;

  while (!is_stopping (self))
    {
      int n = wait_for_events (self, events);

      for (int i = 0; i < n; i++)
        serve_event (self, &events[i]);
      serve_ready (self);
      serve_timers (self);
    }
  serve_ready (self);
  while ((stream = g_queue_peek_head (&self->idle)) != NULL ||
         (stream = g_queue_peek_head (&self->blocked)) != NULL)
    remove_stream (self, stream, VMD_SUBSCRIPTION_SHUT_DOWN);
  serve_ready (self);
  return NULL;
}

VmdStreamLoop *
vmd_stream_loop_new (const VmdStreamRules *rules, GError **error)
{
  VmdStreamLoop *self = g_new0 (VmdStreamLoop, 1);
  struct epoll_event event = { .events = EPOLLIN };

  g_atomic_ref_count_init (&self->references);
  self->broker = g_object_ref (rules->broker);
  self->metrics = rules->metrics;
  self->heartbeat = (gint64) MAX (rules->heartbeat, 1) * G_USEC_PER_SEC;
  self->lease = (gint64) MAX (rules->lease, 1) * G_USEC_PER_SEC;
  g_mutex_init (&self->mutex);
  g_queue_init (&self->idle);
  g_queue_init (&self->blocked);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->epoll_fd < 0 || self->wake_fd < 0 ||
      epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event) < 0)
    {
      vmd_fail_errno (error, errno, "Cannot watch streams");
      vmd_stream_loop_unref (self);
      return NULL;
    }
  self->thread = g_thread_new ("vmd-streams", run, self);
  return self;
}

void
vmd_stream_loop_stop (VmdStreamLoop *self)
{
  g_mutex_lock (&self->mutex);
  self->stopping = TRUE;
  g_mutex_unlock (&self->mutex);
  wake (self);
  g_thread_join (g_steal_pointer (&self->thread));
  vmd_stream_loop_unref (self);
}
