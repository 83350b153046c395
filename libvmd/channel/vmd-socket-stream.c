/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-socket-stream-private.h"

#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

/* Why not GSocketConnection. libsoup and glib-networking close a connection with calls that wait:
 * over TLS the close notification is written, and a peer that stopped reading at the right byte
 * would stop the thread that serves all the others. In this stream a call that may block fails on
 * the server's own thread where it would have to wait; on the threads that glib-networking shakes
 * hands on it waits, as it must. Besides, its descriptor can be taken out of it, which no class of
 * GIO's allows, and to make one costs no system call. */

#define VMD_TYPE_SOCKET_INPUT (vmd_socket_input_get_type ())
G_DECLARE_FINAL_TYPE (VmdSocketInput, vmd_socket_input, VMD, SOCKET_INPUT, GInputStream)
#define VMD_TYPE_SOCKET_OUTPUT (vmd_socket_output_get_type ())
G_DECLARE_FINAL_TYPE (VmdSocketOutput, vmd_socket_output, VMD, SOCKET_OUTPUT, GOutputStream)

struct _VmdSocketStream
{
  GIOStream parent;

  int fd; /* -1: closed, or stolen */
  GThread *owner; /* compared only */
  VmdSocketInput *input; /* owned */
  VmdSocketOutput *output; /* owned */
};

/* Both live as long as something holds them; the stream tells them when the descriptor goes. */
struct _VmdSocketInput
{
  GInputStream parent;
  VmdSocketStream *stream; /* (nullable) */
};

struct _VmdSocketOutput
{
  GOutputStream parent;
  VmdSocketStream *stream; /* (nullable) */
};

static void input_pollable_init (GPollableInputStreamInterface *iface);
static void output_pollable_init (GPollableOutputStreamInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (VmdSocketInput, vmd_socket_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      input_pollable_init))
G_DEFINE_FINAL_TYPE_WITH_CODE (VmdSocketOutput, vmd_socket_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM,
                                                      output_pollable_init))
G_DEFINE_FINAL_TYPE (VmdSocketStream, vmd_socket_stream, G_TYPE_IO_STREAM)

static int
get_fd (VmdSocketStream *stream)
{
  return stream != NULL ? stream->fd : -1;
}

static void
set_error (GError **error, int saved_errno)
{
  g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                       g_strerror (saved_errno));
}

/* May the caller wait for @events? If so, has. */
static gboolean
wait_for (VmdSocketStream *stream, short events, GCancellable *cancellable, GError **error)
{
  struct pollfd fds = { .fd = get_fd (stream), .events = events };

  if (g_thread_self () == stream->owner)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The peer is not ready");
      return FALSE;
    }
  return vmd_poll (&fds, 1, cancellable, VMD_NO_DEADLINE, "the peer", error);
}

static gssize
receive (VmdSocketStream *stream, void *buffer, gsize count, GError **error)
{
  gssize got;

  do
    got = recv (get_fd (stream), buffer, count, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    set_error (error, errno);
  return got;
}

static gssize
transmit (VmdSocketStream *stream, const void *buffer, gsize count, GError **error)
{
  gssize sent;

  do
    sent = send (get_fd (stream), buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0)
    set_error (error, errno);
  return sent;
}

/* -- Input -- */

static gssize
input_read (GInputStream *input, void *buffer, gsize count, GCancellable *cancellable,
            GError **error)
{
  VmdSocketStream *stream = VMD_SOCKET_INPUT (input)->stream;

  while (TRUE)
    {
      g_autoptr (GError) local = NULL;
      gssize got = receive (stream, buffer, count, &local);

      if (got >= 0)
        return got;
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return -1;
        }
      if (!wait_for (stream, POLLIN, cancellable, error))
        return -1;
    }
}

static gssize
input_read_nonblocking (GPollableInputStream *input, void *buffer, gsize count, GError **error)
{
  return receive (VMD_SOCKET_INPUT (input)->stream, buffer, count, error);
}

static gboolean
input_is_readable (GPollableInputStream *input)
{
  struct pollfd fds = { .fd = get_fd (VMD_SOCKET_INPUT (input)->stream), .events = POLLIN };

  return fds.fd < 0 || poll (&fds, 1, 0) > 0;
}

/* On a closed one a source that is ready: what is tried then says what is wrong. */
static GSource *
create_source (gpointer pollable, int fd, GIOCondition condition, GCancellable *cancellable)
{
  g_autoptr (GSource) child =
      fd >= 0 ? g_unix_fd_source_new (fd, condition) : g_timeout_source_new (0);

  return g_pollable_source_new_full (pollable, child, cancellable);
}

static GSource *
input_create_source (GPollableInputStream *input, GCancellable *cancellable)
{
  return create_source (input, get_fd (VMD_SOCKET_INPUT (input)->stream), G_IO_IN, cancellable);
}

static void
input_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = input_is_readable;
  iface->create_source = input_create_source;
  iface->read_nonblocking = input_read_nonblocking;
}

static gboolean
input_close (GInputStream *input, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
vmd_socket_input_class_init (VmdSocketInputClass *klass)
{
  G_INPUT_STREAM_CLASS (klass)->read_fn = input_read;
  G_INPUT_STREAM_CLASS (klass)->close_fn = input_close;
}

static void
vmd_socket_input_init (VmdSocketInput *self)
{
}

/* -- Output -- */

static gssize
output_write (GOutputStream *output, const void *buffer, gsize count, GCancellable *cancellable,
              GError **error)
{
  VmdSocketStream *stream = VMD_SOCKET_OUTPUT (output)->stream;

  while (TRUE)
    {
      g_autoptr (GError) local = NULL;
      gssize sent = transmit (stream, buffer, count, &local);

      if (sent >= 0)
        return sent;
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return -1;
        }
      if (!wait_for (stream, POLLOUT, cancellable, error))
        return -1;
    }
}

static gssize
output_write_nonblocking (GPollableOutputStream *output, const void *buffer, gsize count,
                          GError **error)
{
  return transmit (VMD_SOCKET_OUTPUT (output)->stream, buffer, count, error);
}

static gboolean
output_is_writable (GPollableOutputStream *output)
{
  struct pollfd fds = { .fd = get_fd (VMD_SOCKET_OUTPUT (output)->stream), .events = POLLOUT };

  return fds.fd < 0 || poll (&fds, 1, 0) > 0;
}

static GSource *
output_create_source (GPollableOutputStream *output, GCancellable *cancellable)
{
  return create_source (output, get_fd (VMD_SOCKET_OUTPUT (output)->stream), G_IO_OUT, cancellable);
}

static void
output_pollable_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = output_is_writable;
  iface->create_source = output_create_source;
  iface->write_nonblocking = output_write_nonblocking;
}

static gboolean
output_close (GOutputStream *output, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
vmd_socket_output_class_init (VmdSocketOutputClass *klass)
{
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = output_write;
  G_OUTPUT_STREAM_CLASS (klass)->close_fn = output_close;
}

static void
vmd_socket_output_init (VmdSocketOutput *self)
{
}

/* -- Both -- */

static GInputStream *
get_input_stream (GIOStream *stream)
{
  return G_INPUT_STREAM (VMD_SOCKET_STREAM (stream)->input);
}

static GOutputStream *
get_output_stream (GIOStream *stream)
{
  return G_OUTPUT_STREAM (VMD_SOCKET_STREAM (stream)->output);
}

static gboolean
close_socket (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  vmd_clear_fd (&VMD_SOCKET_STREAM (stream)->fd);
  return TRUE;
}

static void
vmd_socket_stream_finalize (GObject *object)
{
  VmdSocketStream *self = VMD_SOCKET_STREAM (object);

  vmd_clear_fd (&self->fd);
  self->input->stream = NULL;
  self->output->stream = NULL;
  g_clear_object (&self->input);
  g_clear_object (&self->output);
  G_OBJECT_CLASS (vmd_socket_stream_parent_class)->finalize (object);
}

static void
vmd_socket_stream_class_init (VmdSocketStreamClass *klass)
{
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = vmd_socket_stream_finalize;
  stream_class->get_input_stream = get_input_stream;
  stream_class->get_output_stream = get_output_stream;
  stream_class->close_fn = close_socket;
}

static void
vmd_socket_stream_init (VmdSocketStream *self)
{
  self->fd = -1;
  self->input = g_object_new (VMD_TYPE_SOCKET_INPUT, NULL);
  self->input->stream = self;
  self->output = g_object_new (VMD_TYPE_SOCKET_OUTPUT, NULL);
  self->output->stream = self;
}

VmdSocketStream *
vmd_socket_stream_new (int fd, GThread *owner)
{
  VmdSocketStream *self = g_object_new (VMD_TYPE_SOCKET_STREAM, NULL);

  self->fd = fd;
  self->owner = owner;
  return self;
}

int
vmd_socket_stream_get_fd (VmdSocketStream *self)
{
  return self->fd;
}

int
vmd_socket_stream_steal_fd (VmdSocketStream *self)
{
  return vmd_steal_fd (&self->fd);
}
