/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-port-private.h"

#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* One VM's port. All that comes out of it is from a guest, and may be anything.
 *
 * A session begins with a hello of a nonce that is drawn anew each time, and what comes before its
 * answer is skipped. It begins anew when the guest asks, which is what its agent does when it
 * starts: then all of its connections are over. When the guest breaks the rules, the socket is
 * closed, and opened again after a while.
 *
 * No guest waits for another: a turn of its descriptor reads one buffer at most, and nothing waits.
 * Of what a guest does not take there is little: each connection stops reading its server at
 * OUTPUT_ROOM, and the guest itself is not read from OUTPUT_STOP on. One that keeps to the rules
 * never comes so far, and cannot be locked up by that: between the two there is room for all that
 * is said without being asked for, a few bytes for each connection or grant.
 *
 * A guest that takes nothing of what there is for the length of a lease loses its connections, but
 * not its session. One that was stopped finds all that was said to it when it runs on, and behind
 * it that they are closed; then it opens others, as after any cut. That the hypervisor takes is
 * seen at the socket (vmd-guest-lease.c); that the agent does, by the credit that it gives: vmd's
 * own gives back at once whatever it took. One that has never given less than half a window, as an
 * earlier one in a VM that has long been running, is not asked for that. */

#define OUTPUT_ROOM (32 * 1024)
#define OUTPUT_STOP (96 * 1024)

/* How soon a socket that is not there yet is looked for again, doubled each time; and a guest that
 * was there and is no more, or that broke the rules. */
#define FIRST_RETRY (50 * G_TIME_SPAN_MILLISECOND)
#define MAX_DOUBLINGS 9
#define RECONNECT G_TIME_SPAN_SECOND

/* So often in its course a lease is looked at: as much later than it has run out is that seen. */
#define LOOKS 5

/* What a server and a guest may have under way in the kernel. */
#define SOCKET_BUFFER (32 * 1024)

void
vmd_guest_watch_set (VmdGuestWatch *watch, guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };
  int operation = EPOLL_CTL_MOD;

  if (events == watch->events)
    return;
  /* A descriptor in the set always tells that its peer has gone. */
  if (events == 0)
    operation = EPOLL_CTL_DEL;
  else if (watch->events == 0)
    operation = EPOLL_CTL_ADD;
  if (epoll_ctl (watch->link->host->epoll_fd, operation, watch->fd, &event) < 0)
    g_debug ("a guest's socket cannot be watched: %s", g_strerror (errno));
  else
    watch->events = events;
}

void
vmd_guest_watch_close (VmdGuestWatch *watch)
{
  if (watch->fd < 0)
    return;
  /* Not by the close alone: a child that is being made may have a copy for a moment. */
  vmd_guest_watch_set (watch, 0);
  vmd_clear_fd (&watch->fd);
}

/* (transfer full) */
VmdGuestLink *
vmd_guest_link_new (VmdGuestLinkHost *host, const char *vm_id, const char *path)
{
  VmdGuestLink *self = g_new0 (VmdGuestLink, 1);

  self->watch = (VmdGuestWatch){ .link = self, .fd = -1 };
  self->host = host;
  self->vm_id = g_strdup (vm_id);
  self->path = g_strdup (path);
  self->output = g_byte_array_new ();
  return self;
}

void
vmd_guest_link_free (VmdGuestLink *self)
{
  vmd_guest_watch_close (&self->watch);
  vmd_mux_decoder_clear (&self->decoder);
  g_byte_array_unref (self->output);
  g_free (self->vm_id);
  g_free (self->path);
  g_free (self);
}

gint64
vmd_guest_link_get_time (VmdGuestLink *self)
{
  return vmd_clock_get_monotonic (self->host->rules.clock);
}

static void
drop (VmdGuestLink *self, guint place)
{
  VmdGuestConnection *connection = g_steal_pointer (&self->connections[place]);

  vmd_guest_watch_close (&connection->watch);
  g_ptr_array_add (self->host->connections_over, connection);
}

static void
drop_all (VmdGuestLink *self)
{
  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    if (self->connections[i] != NULL)
      drop (self, i);
}

/* -- Being connected -- */

static void
begin_session (VmdGuestLink *self)
{
  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    if (self->connections[i] != NULL)
      vmd_guest_connection_leave (self->connections[i], FALSE);
  vmd_mux_decoder_set_session (&self->decoder, FALSE);
  /* One who asks again and reads nothing is answered by the hello that it has not read. */
  if (!self->in_session && self->nonce != 0 && self->output->len > 0)
    return;
  self->in_session = FALSE;
  self->acknowledges = FALSE;
  self->last_id = 0;
  self->nonce = ((guint64) g_random_int () << 32 | g_random_int ()) | 1;
  /* What is cut off in the middle of a frame is followed by the hello. */
  g_byte_array_set_size (self->output, 0);
  vmd_mux_put_hello (self->output, self->nonce);
}

static void
disconnect (VmdGuestLink *self)
{
  gint64 wait = FIRST_RETRY << MIN (self->n_failures, MAX_DOUBLINGS);

  if (self->is_connected)
    wait = MAX (wait, RECONNECT);
  self->is_connected = FALSE;
  drop_all (self);
  vmd_guest_watch_close (&self->watch);
  vmd_mux_decoder_clear (&self->decoder);
  g_byte_array_set_size (self->output, 0);
  self->in_session = FALSE;
  self->nonce = 0;
  self->n_failures++;
  self->retry_at = vmd_guest_link_get_time (self) + wait;
  self->lease = (VmdGuestLease){ 0 };
  self->look_at = 0;
}

static gboolean
open_socket (VmdGuestLink *self)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (g_strlcpy (address.sun_path, self->path, sizeof address.sun_path) >= sizeof address.sun_path)
    return FALSE;
  self->watch.fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return self->watch.fd >= 0 &&
         connect (self->watch.fd, (struct sockaddr *) &address, sizeof address) == 0;
}

/* A socket that is not there is no failure worth a word: VMs started by older versions have none.
 */
void
vmd_guest_link_connect (VmdGuestLink *self)
{
  if (!open_socket (self))
    {
      disconnect (self);
      return;
    }
  self->retry_at = 0;
  self->is_connected = TRUE;
  begin_session (self);
  vmd_guest_watch_set (&self->watch, EPOLLIN | EPOLLOUT);
}

void
vmd_guest_link_end (VmdGuestLink *self)
{
  disconnect (self);
  g_ptr_array_add (self->host->links_over, self);
}

/* -- Frames -- */

static gboolean
find (VmdGuestLink *self, guint32 id, guint *place)
{
  for (*place = 0; *place < VMD_MUX_MAX_CONNECTIONS; ++*place)
    {
      VmdGuestConnection *connection = self->connections[*place];

      if (connection != NULL && connection->id == id && !connection->has_left)
        return TRUE;
    }
  return FALSE;
}

static gboolean
make_connection (VmdGuestLink *self, guint32 id)
{
  const int size = SOCKET_BUFFER;
  int ends[2];
  guint place;

  for (place = 0; place < VMD_MUX_MAX_CONNECTIONS; place++)
    if (self->connections[place] == NULL)
      break;
  if (place == VMD_MUX_MAX_CONNECTIONS ||
      socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    setsockopt (ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  self->connections[place] = vmd_guest_connection_new (self, id, ends[0]);
  self->host->rules.opened (self->vm_id, ends[1], self->host->rules.data);
  return TRUE;
}

static void
say_closed (VmdGuestLink *self, guint32 id)
{
  vmd_mux_put_frame (self->output, id, VMD_MUX_CLOSE, NULL, 0);
}

static gboolean
serve_open (VmdGuestLink *self, const VmdMuxFrame *frame)
{
  if (frame->connection <= self->last_id)
    return FALSE;
  self->last_id = frame->connection;
  if (!make_connection (self, frame->connection))
    say_closed (self, frame->connection);
  return TRUE;
}

/* FALSE: the guest breaks the rules. */
static gboolean
serve_frame (VmdGuestLink *self, const VmdMuxFrame *frame)
{
  guint place;

  if (frame->kind == VMD_MUX_OPEN)
    return serve_open (self, frame);
  /* One that is over here may not be over there yet. */
  if (!find (self, frame->connection, &place))
    return TRUE;
  switch (frame->kind)
    {
    case VMD_MUX_DATA:
      return vmd_guest_connection_deliver (self->connections[place], frame);
    case VMD_MUX_CREDIT:
      return vmd_guest_connection_take_credit (self->connections[place],
                                               vmd_mux_frame_get_credit (frame));
    case VMD_MUX_OPEN:
    case VMD_MUX_CLOSE:
    default:
      vmd_guest_connection_leave (self->connections[place], TRUE);
      return TRUE;
    }
}

static void
serve_hello (VmdGuestLink *self)
{
  /* An answer to a hello of somebody before, which was under way. */
  if (!self->in_session && self->decoder.nonce != 0 && self->decoder.nonce != self->nonce)
    return;
  if (self->in_session || self->decoder.nonce == 0)
    {
      begin_session (self);
      return;
    }
  self->in_session = TRUE;
  self->n_failures = 0;
  vmd_mux_decoder_set_session (&self->decoder, TRUE);
}

/* FALSE: the guest breaks the rules. */
static gboolean
serve_bytes (VmdGuestLink *self, const guint8 *bytes, gsize length)
{
  for (;;)
    {
      switch (vmd_mux_decoder_next (&self->decoder, &bytes, &length))
        {
        case VMD_MUX_FOUND_FRAME:
          if (!serve_frame (self, &self->decoder.frame))
            return FALSE;
          break;
        case VMD_MUX_FOUND_HELLO:
          serve_hello (self);
          break;
        case VMD_MUX_FOUND_NOTHING:
          return TRUE;
        case VMD_MUX_FOUND_GARBAGE:
        default:
          return FALSE;
        }
    }
}

/* -- Events -- */

/* FALSE: the socket is gone, or not fit to be used. */
static gboolean
read_guest (VmdGuestLink *self)
{
  gssize n = recv (self->watch.fd, self->host->buffer, sizeof self->host->buffer, MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;
  return n > 0 && serve_bytes (self, self->host->buffer, n);
}

static gboolean
write_guest (VmdGuestLink *self)
{
  gssize n;

  if (self->output->len == 0)
    return TRUE;
  vmd_guest_lease_look (&self->lease, self->watch.fd, vmd_guest_link_get_time (self));
  n = send (self->watch.fd, self->output->data, self->output->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    g_byte_array_remove_range (self->output, 0, n);
  vmd_guest_lease_note_written (&self->lease, self->watch.fd);
  return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* Since when the guest has owed us a sign that it takes what there is; 0: it owes none. */
static gint64
get_owed_since (VmdGuestLink *self)
{
  gint64 since = self->lease.untaken > 0 ? self->lease.since : 0;

  for (guint i = 0; self->acknowledges && i < VMD_MUX_MAX_CONNECTIONS; i++)
    {
      VmdGuestConnection *connection = self->connections[i];

      if (connection == NULL || connection->has_left || connection->unacknowledged == 0)
        continue;
      if (since == 0 || connection->acknowledged < since)
        since = connection->acknowledged;
    }
  return since;
}

/* After whatever has happened: what was said goes out, and it is settled what is waited for. */
static gboolean
settle (VmdGuestLink *self)
{
  gboolean has_connections = FALSE;
  guint32 events = 0;

  if (!write_guest (self))
    return FALSE;
  if (self->output->len < OUTPUT_STOP)
    events |= EPOLLIN;
  if (self->output->len > 0)
    events |= EPOLLOUT;
  vmd_guest_watch_set (&self->watch, events);
  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    if (self->connections[i] != NULL)
      {
        vmd_guest_connection_wait (self->connections[i], self->output->len < OUTPUT_ROOM);
        has_connections = TRUE;
      }
  if (!has_connections || get_owed_since (self) == 0)
    self->look_at = 0;
  else if (self->look_at == 0)
    self->look_at = vmd_guest_link_get_time (self) + self->host->rules.lease / LOOKS;
  return TRUE;
}

static void
serve_connection (VmdGuestLink *self, VmdGuestConnection *connection, guint32 events)
{
  if (vmd_guest_connection_serve (connection, events))
    return;
  if (!connection->has_left)
    say_closed (self, connection->id);
  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    if (self->connections[i] == connection)
      drop (self, i);
}

/* @connection: (nullable): whose socket the events are of; NULL: the port's. */
void
vmd_guest_link_serve (VmdGuestLink *self, VmdGuestConnection *connection, guint32 events)
{
  gboolean is_fit = TRUE;

  if (connection != NULL)
    serve_connection (self, connection, events);
  else if (events & EPOLLIN)
    is_fit = read_guest (self);
  else if (events & (EPOLLHUP | EPOLLERR))
    is_fit = FALSE;
  if (!is_fit || !settle (self))
    disconnect (self);
}

/* It has not read what it would be told, so it is told behind that. */
static void
give_up_connections (VmdGuestLink *self)
{
  self->host->rules.silent (self->vm_id, self->host->rules.data);
  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    if (self->connections[i] != NULL)
      {
        if (!self->connections[i]->has_left)
          say_closed (self, self->connections[i]->id);
        drop (self, i);
      }
}

static void
look_at_lease (VmdGuestLink *self)
{
  gint64 now = vmd_guest_link_get_time (self);
  gint64 since;

  self->look_at = 0;
  vmd_guest_lease_look (&self->lease, self->watch.fd, now);
  since = get_owed_since (self);
  if (since != 0 && now - since >= self->host->rules.lease)
    give_up_connections (self);
  if (!settle (self))
    disconnect (self);
}

void
vmd_guest_link_serve_time (VmdGuestLink *self)
{
  gint64 now = vmd_guest_link_get_time (self);

  if (self->retry_at != 0 && self->retry_at <= now)
    vmd_guest_link_connect (self);
  else if (self->look_at != 0 && self->look_at <= now)
    look_at_lease (self);
}
