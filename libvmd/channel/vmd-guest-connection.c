/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-port-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* One connection of a guest: frames on the one side, a socket of the server's on the other.
 *
 * What the guest may send is what it has credit for, and it gets credit back only for what the
 * server took: so what is pending is bounded. What the server says is read only while the guest has
 * given credit and the link has room: so the rest of it stays in the socket, and in the end with
 * the server, who has its own patience. */

/* Less is not worth a frame. */
#define GRANT (VMD_MUX_WINDOW / 4)

VmdGuestConnection *
vmd_guest_connection_new (VmdGuestLink *link, guint32 id, int fd)
{
  VmdGuestConnection *self = g_new0 (VmdGuestConnection, 1);

  self->watch = (VmdGuestWatch){ .link = link, .connection = self, .fd = fd };
  self->id = id;
  self->window = self->credit = VMD_MUX_WINDOW;
  self->pending = g_byte_array_new ();
  return self;
}

void
vmd_guest_connection_free (VmdGuestConnection *self)
{
  vmd_guest_watch_close (&self->watch);
  g_byte_array_unref (self->pending);
  g_free (self);
}

static void
grant (VmdGuestConnection *self, gsize taken)
{
  self->owed += taken;
  if (self->owed < GRANT || self->has_left)
    return;
  vmd_mux_put_credit (self->watch.link->output, self->id, self->owed);
  self->window += self->owed;
  self->owed = 0;
}

/* Behind the last of what the guest has said. */
static void
tell_end (VmdGuestConnection *self)
{
  if (self->has_left && self->pending->len == 0)
    shutdown (self->watch.fd, SHUT_WR);
}

/* A server that takes nothing any more has perhaps said why: that is still to be read. */
static void
write_pending (VmdGuestConnection *self)
{
  gssize written = 0;

  if (self->pending->len > 0 && !self->is_deaf)
    written =
        send (self->watch.fd, self->pending->data, self->pending->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (written < 0 && errno != EAGAIN && errno != EINTR)
    self->is_deaf = TRUE;
  if (self->is_deaf)
    written = self->pending->len;
  if (written <= 0)
    return;
  g_byte_array_remove_range (self->pending, 0, written);
  grant (self, written);
  tell_end (self);
}

/* FALSE: it sends more than it may. */
gboolean
vmd_guest_connection_deliver (VmdGuestConnection *self, const VmdMuxFrame *frame)
{
  if (frame->length > self->window)
    return FALSE;
  self->window -= frame->length;
  g_byte_array_append (self->pending, frame->payload, frame->length);
  write_pending (self);
  return TRUE;
}

/* FALSE: it gives more than it may. */
gboolean
vmd_guest_connection_take_credit (VmdGuestConnection *self, guint32 more)
{
  VmdGuestLink *link = self->watch.link;

  if (more > VMD_MUX_MAX_CREDIT - self->credit)
    return FALSE;
  self->credit += more;
  self->unacknowledged -= MIN (self->unacknowledged, more);
  self->acknowledged = vmd_guest_link_get_time (link);
  /* Others wait until they have taken half a window. */
  link->acknowledges |= more < VMD_MUX_WINDOW / 2;
  return TRUE;
}

/* The guest says nothing more. @has_said: what it has said is delivered before the end. */
void
vmd_guest_connection_leave (VmdGuestConnection *self, gboolean has_said)
{
  self->has_left = TRUE;
  if (!has_said)
    g_byte_array_set_size (self->pending, 0);
  tell_end (self);
}

/* FALSE: there is no more to read, ever. */
static gboolean
read_server (VmdGuestConnection *self)
{
  GByteArray *output = self->watch.link->output;
  guint8 bytes[VMD_MUX_MAX_PAYLOAD];
  gsize most = self->has_left ? sizeof bytes : MIN (sizeof bytes, self->credit);
  gssize n = recv (self->watch.fd, bytes, most, MSG_DONTWAIT);

  if (n <= 0)
    return n < 0 && (errno == EAGAIN || errno == EINTR);
  if (self->has_left)
    return TRUE;
  vmd_mux_put_frame (output, self->id, VMD_MUX_DATA, bytes, n);
  self->credit -= n;
  if (self->unacknowledged == 0)
    self->acknowledged = vmd_guest_link_get_time (self->watch.link);
  self->unacknowledged += n;
  return TRUE;
}

/* FALSE: the server is through with it. */
gboolean
vmd_guest_connection_serve (VmdGuestConnection *self, guint32 events)
{
  if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
    write_pending (self);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && (self->watch.events & EPOLLIN))
    return read_server (self);
  return TRUE;
}

void
vmd_guest_connection_wait (VmdGuestConnection *self, gboolean has_room)
{
  guint32 events = 0;

  if (self->has_left || (self->credit > 0 && has_room))
    events |= EPOLLIN;
  if (self->pending->len > 0)
    events |= EPOLLOUT;
  vmd_guest_watch_set (&self->watch, events);
}
