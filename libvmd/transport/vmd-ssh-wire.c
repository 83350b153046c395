/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* libssh2 does its own recv() and send() unless told otherwise. It is told, for four reasons.
 *
 * Sending never blocks. With the socket itself below it, libssh2 stops in mid-packet, and until
 * that packet is out nothing else may be called: not even the reading that would make room.
 * dropbear stops reading while it cannot write, so `cat` of a large file would stand still for
 * ever, each side waiting for the other to read. Here a packet is always taken whole, into a queue
 * that is sent by whoever waits next; who has bulk data looks at the queue before adding to it. It
 * also makes large writes out of many packets.
 *
 * Reading always ends. libssh2 reads while there is anything, so a guest that never pauses would
 * keep us inside one call, deaf to cancel and deadline. So each wait allows a number of bytes,
 * after which the socket seems empty until the next wait.
 *
 * Memory is bounded. libssh2 keeps every message that nobody asked for. The session's allocations
 * are counted, and a guest that makes us keep more than any honest one could gets an error. What
 * libssh2 1.10 forgets to free (a host key for each exchange of keys) goes with the session.
 *
 * It can be cut. Once it is, every call fails at once, and what libssh2 would wait for when a
 * channel or a session is freed is not waited for. */

/* Bytes read between two waits. */
#define TURN (1024 * 1024)
/* A window (2 MiB) of small packets, each with its list node, and much room to spare. */
#define MEMORY_MAX (64 * 1024 * 1024)
/* Bulk stops at VMD_SSH_QUEUE_FULL; only answers to the guest's own requests come on top. */
#define QUEUE_MAX (VMD_SSH_QUEUE_FULL + 1024 * 1024)

void
vmd_ssh_wire_init (VmdSshWire *self)
{
  *self = (VmdSshWire){ .fd = -1, .out = g_byte_array_new () };
}

void
vmd_ssh_wire_clear (VmdSshWire *self)
{
  vmd_clear_fd (&self->fd);
  g_clear_pointer (&self->out, g_byte_array_unref);
}

/* Nothing is moved over it any more; what is queued is tried once. The guest sees the end at once,
 * whoever still holds the connection: its server then hangs up on terminals, and closes streams. */
void
vmd_ssh_wire_cut (VmdSshWire *self)
{
  if (self->failure != 0)
    return;
  vmd_ssh_wire_flush (self);
  shutdown (self->fd, SHUT_RDWR);
  self->failure = ECONNABORTED;
}

/* @events: what poll() found on the socket. */
void
vmd_ssh_wire_allow (VmdSshWire *self, short events)
{
  self->may_read = (events & (POLLIN | POLLHUP | POLLERR)) != 0 ? TURN : 0;
}

gsize
vmd_ssh_wire_get_queued (const VmdSshWire *self)
{
  return self->out->len - self->out_sent;
}

/* Sends what can be sent without waiting. FALSE when the connection is broken. */
gboolean
vmd_ssh_wire_flush (VmdSshWire *self)
{
  while (self->failure == 0 && vmd_ssh_wire_get_queued (self) > 0)
    {
      gssize n = send (self->fd, self->out->data + self->out_sent, vmd_ssh_wire_get_queued (self),
                       MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n >= 0)
        self->out_sent += n;
      else if (errno == EAGAIN)
        break;
      else if (errno != EINTR)
        self->failure = errno;
    }
  if (vmd_ssh_wire_get_queued (self) == 0)
    {
      g_byte_array_set_size (self->out, 0);
      self->out_sent = 0;
    }
  return self->failure == 0;
}

static gssize
send_cb (libssh2_socket_t fd, const void *data, size_t length, int flags, void **abstract)
{
  VmdSshWire *self = *abstract;

  if (self->failure != 0)
    return -self->failure;
  if (vmd_ssh_wire_get_queued (self) + length > QUEUE_MAX)
    {
      self->failure = ENOBUFS;
      return -ENOBUFS;
    }
  /* The part that is sent is dropped when it is the larger one: each byte is moved once at most. */
  if (self->out_sent > self->out->len / 2)
    {
      g_byte_array_remove_range (self->out, 0, self->out_sent);
      self->out_sent = 0;
    }
  g_byte_array_append (self->out, data, length);
  return length;
}

static gssize
recv_cb (libssh2_socket_t fd, void *data, size_t length, int flags, void **abstract)
{
  VmdSshWire *self = *abstract;
  gssize n;

  if (self->failure != 0)
    return -self->failure;
  if (self->may_read == 0)
    return -EAGAIN;
  do
    n = recv (self->fd, data, MIN (length, self->may_read), MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    {
      /* Less than asked for: there was no more. The next wait tells when there is. */
      self->may_read = (gsize) n < length ? 0 : self->may_read - n;
      self->heard = g_get_monotonic_time ();
      return n;
    }
  if (n < 0 && errno == EAGAIN)
    {
      self->may_read = 0;
      return -EAGAIN;
    }
  self->failure = n == 0 ? ECONNRESET : errno;
  return n == 0 ? 0 : -self->failure;
}

/* Before each block that the session has. Its size keeps what follows aligned. */
struct _VmdSshBlock
{
  VmdSshBlock *next;
  VmdSshBlock *previous;
  gsize size;
  gsize unused;
};

G_STATIC_ASSERT (sizeof (VmdSshBlock) % 16 == 0);

static void *
alloc_cb (size_t size, void **abstract)
{
  VmdSshWire *self = *abstract;
  VmdSshBlock *block = NULL;

  if (size <= MEMORY_MAX - self->allocated)
    block = malloc (sizeof *block + size);
  if (block == NULL)
    return NULL;
  *block = (VmdSshBlock){ .next = self->blocks, .size = size };
  if (self->blocks != NULL)
    self->blocks->previous = block;
  self->blocks = block;
  self->allocated += size;
  return block + 1;
}

static void
free_cb (void *data, void **abstract)
{
  VmdSshWire *self = *abstract;
  VmdSshBlock *block = data;

  if (data == NULL)
    return;
  block--;
  if (block->next != NULL)
    block->next->previous = block->previous;
  if (block->previous != NULL)
    block->previous->next = block->next;
  else
    self->blocks = block->next;
  self->allocated -= block->size;
  free (block);
}

static void *
realloc_cb (void *data, size_t size, void **abstract)
{
  VmdSshBlock *block = data;
  void *moved = alloc_cb (size, abstract);

  if (moved == NULL || data == NULL)
    return moved;
  memcpy (moved, data, MIN (block[-1].size, size));
  free_cb (data, abstract);
  return moved;
}

/* Returns: (transfer full) (nullable): a session that moves its bytes over @self, which outlives
 *   it */
LIBSSH2_SESSION *
vmd_ssh_wire_make_session (VmdSshWire *self)
{
  static gsize initialised = 0;
  LIBSSH2_SESSION *session;

  if (g_once_init_enter (&initialised))
    g_once_init_leave (&initialised, libssh2_init (0) == 0 ? 1 : 2);
  if (initialised != 1)
    return NULL;
  session = libssh2_session_init_ex (alloc_cb, free_cb, realloc_cb, self);
  if (session == NULL)
    return NULL;
  libssh2_session_callback_set (session, LIBSSH2_CALLBACK_SEND, (void *) send_cb);
  libssh2_session_callback_set (session, LIBSSH2_CALLBACK_RECV, (void *) recv_cb);
  libssh2_session_set_blocking (session, 0);
  return session;
}

/* Never waits: what it would wait for is cut off first. */
void
vmd_ssh_session_free (LIBSSH2_SESSION *session)
{
  VmdSshWire *self = *libssh2_session_abstract (session);

  libssh2_session_disconnect (session, "done");
  vmd_ssh_wire_cut (self);
  libssh2_session_free (session);
  while (self->blocks != NULL)
    free_cb (self->blocks + 1, (void **) &self);
}
