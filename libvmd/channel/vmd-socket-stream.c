/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-socket-stream-private.h"

#include "../base/vmd-poll-private.h"
#include "vmd-request-lines-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Why not GSocketConnection. Its descriptor cannot be taken out of it, which is what a stream needs
 * that goes to the epoll loop, and TLS over it would be GIO's (vmd-tls-session.c says why it is
 * not). In this one TLS is a word in the struct: what the streams on both sides read and write goes
 * through it, where there is one. And no call waits, not even those that may: libsoup closes with
 * such calls, on the one thread that serves all the others. */

#define VMD_TYPE_SOCKET_INPUT (vmd_socket_input_get_type ())
G_DECLARE_FINAL_TYPE (VmdSocketInput, vmd_socket_input, VMD, SOCKET_INPUT, GInputStream)
#define VMD_TYPE_SOCKET_OUTPUT (vmd_socket_output_get_type ())
G_DECLARE_FINAL_TYPE (VmdSocketOutput, vmd_socket_output, VMD, SOCKET_OUTPUT, GOutputStream)

/* Of what a peer sends that is not listened to any more. */
#define DRAINED_MAX (256 * 1024)

struct _VmdSocketStream
{
  GIOStream parent;

  int fd; /* -1: closed, or released */
  VmdTlsSession *tls; /* (nullable) owned, with the descriptor */
  gsize allowance; /* bytes that may still come */
  gboolean is_between; /* requests: libsoup has not begun the next one */
  gboolean has_begun; /* the next one has a byte, which libsoup has */
  const char *refusal; /* (nullable) what is said when more do; static */
  gboolean is_over; /* the last has been said: nothing is read or written any more */
  VmdRequestLines lines; /* of what came */
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

/* What may wait is told this instead. */
static gssize
fail_if_it_would_wait (gssize result, GError **error)
{
  if (result < 0 && error != NULL && g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    (*error)->code = G_IO_ERROR_TIMED_OUT;
  return result;
}

/* With errno. */
static gssize
send_some (VmdSocketStream *stream, const void *buffer, gsize count)
{
  struct iovec piece = { (void *) buffer, count };

  if (stream == NULL || stream->is_over)
    {
      errno = EPIPE;
      return -1;
    }
  if (stream->tls != NULL)
    return vmd_tls_session_write (stream->tls, &piece, 1);
  return send (stream->fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static gssize
transmit (VmdSocketStream *stream, const void *buffer, gsize count, GError **error)
{
  gssize sent;

  do
    sent = send_some (stream, buffer, count);
  while (sent < 0 && errno == EINTR);
  if (sent < 0)
    set_error (error, errno);
  return sent;
}

static const char bad_length[] = "HTTP/1.1 400 Bad Request\r\n"
                                 "Connection: close\r\n"
                                 "Content-Length: 0\r\n"
                                 "\r\n";

/* What came is more than was allowed. */
static void
refuse (VmdSocketStream *stream)
{
  vmd_socket_stream_say_last (stream, stream->refusal != NULL ? stream->refusal : "");
  errno = EMSGSIZE;
}

/* A connection that ends between two requests is never let go by libsoup 3.2, which misses the end
 * and the failure of a message that it has not begun: it begins one with a whole line, or with the
 * end of what came of that. So whatever the end was, libsoup gets to see a message that ends after
 * its first byte, and is given that byte when none has come. It closes without an answer then. */
static gssize
end_between (VmdSocketStream *stream, char *buffer)
{
  if (stream->has_begun)
    return 0;
  stream->has_begun = TRUE;
  buffer[0] = ' ';
  return 1;
}

/* What came, if it may be passed on; else -1 with errno, and the peer has been told. */
static gssize
admit (VmdSocketStream *stream, const char *bytes, gsize n_bytes)
{
  if (n_bytes > stream->allowance)
    {
      refuse (stream);
      return -1;
    }
  if (!vmd_request_lines_take (&stream->lines, bytes, n_bytes))
    {
      vmd_socket_stream_say_last (stream, bad_length);
      errno = EBADMSG;
      return -1;
    }
  stream->allowance -= n_bytes;
  stream->has_begun = TRUE;
  return n_bytes;
}

/* With errno. */
static gssize
receive_some (VmdSocketStream *stream, void *buffer, gsize count)
{
  if (stream == NULL || stream->is_over)
    return 0;
  if (stream->tls != NULL)
    return vmd_tls_session_read (stream->tls, buffer, count);
  return recv (stream->fd, buffer, count, MSG_DONTWAIT);
}

static gssize
receive (VmdSocketStream *stream, void *buffer, gsize count, GError **error)
{
  gssize got;

  do
    got = receive_some (stream, buffer, count);
  while (got < 0 && errno == EINTR);
  if (got > 0)
    got = admit (stream, buffer, got);
  if (stream != NULL && stream->is_between && (got == 0 || (got < 0 && errno != EAGAIN)))
    return end_between (stream, buffer);
  if (got < 0)
    set_error (error, errno);
  return got;
}

/* -- Input -- */

static gssize
input_read (GInputStream *input, void *buffer, gsize count, GCancellable *cancellable,
            GError **error)
{
  return fail_if_it_would_wait (receive (VMD_SOCKET_INPUT (input)->stream, buffer, count, error),
                                error);
}

static gssize
input_read_nonblocking (GPollableInputStream *input, void *buffer, gsize count, GError **error)
{
  return receive (VMD_SOCKET_INPUT (input)->stream, buffer, count, error);
}

/* What to wait for before @condition can be had; 0: nothing. */
static GIOCondition
get_condition (VmdSocketStream *stream, GIOCondition condition)
{
  if (get_fd (stream) < 0)
    return 0;
  if (stream->tls == NULL)
    return condition;
  if (condition == G_IO_IN && vmd_tls_session_has_input (stream->tls))
    return 0;
  return vmd_tls_session_wants_output (stream->tls) ? G_IO_OUT : condition;
}

static gboolean
is_ready (VmdSocketStream *stream, GIOCondition condition)
{
  GIOCondition wanted = get_condition (stream, condition);
  struct pollfd fds = { .fd = get_fd (stream), .events = (short) wanted };

  return wanted == 0 || poll (&fds, 1, 0) > 0;
}

static gboolean
input_is_readable (GPollableInputStream *input)
{
  return is_ready (VMD_SOCKET_INPUT (input)->stream, G_IO_IN);
}

/* On a closed one a source that is ready: what is tried then says what is wrong. */
static GSource *
create_source (gpointer pollable, VmdSocketStream *stream, GIOCondition condition,
               GCancellable *cancellable)
{
  GIOCondition wanted = get_condition (stream, condition);
  g_autoptr (GSource) child =
      wanted != 0 ? g_unix_fd_source_new (get_fd (stream), wanted) : g_timeout_source_new (0);

  return g_pollable_source_new_full (pollable, child, cancellable);
}

static GSource *
input_create_source (GPollableInputStream *input, GCancellable *cancellable)
{
  return create_source (input, VMD_SOCKET_INPUT (input)->stream, G_IO_IN, cancellable);
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
  return fail_if_it_would_wait (transmit (VMD_SOCKET_OUTPUT (output)->stream, buffer, count, error),
                                error);
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
  return is_ready (VMD_SOCKET_OUTPUT (output)->stream, G_IO_OUT);
}

static GSource *
output_create_source (GPollableOutputStream *output, GCancellable *cancellable)
{
  return create_source (output, VMD_SOCKET_OUTPUT (output)->stream, G_IO_OUT, cancellable);
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

static void
drop (VmdSocketStream *self)
{
  if (self->tls != NULL)
    vmd_tls_session_say_goodbye (self->tls);
  g_clear_pointer (&self->tls, vmd_tls_session_free);
  vmd_clear_fd (&self->fd);
}

static gboolean
close_socket (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  drop (VMD_SOCKET_STREAM (stream));
  return TRUE;
}

static void
vmd_socket_stream_finalize (GObject *object)
{
  VmdSocketStream *self = VMD_SOCKET_STREAM (object);

  drop (self);
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
vmd_socket_stream_new (int fd, VmdTlsCredentials *credentials)
{
  VmdSocketStream *self = g_object_new (VMD_TYPE_SOCKET_STREAM, NULL);

  self->fd = fd;
  self->allowance = G_MAXSIZE;
  if (credentials != NULL)
    self->tls = vmd_tls_session_new (credentials, fd);
  return self;
}

int
vmd_socket_stream_get_fd (VmdSocketStream *self)
{
  return self->fd;
}

VmdTlsSession *
vmd_socket_stream_get_tls (VmdSocketStream *self)
{
  return self->tls;
}

void
vmd_socket_stream_allow (VmdSocketStream *self, gsize allowance, const char *refusal)
{
  self->allowance = allowance;
  self->refusal = refusal;
}

void
vmd_socket_stream_await_request (VmdSocketStream *self)
{
  self->is_between = TRUE;
  self->has_begun = FALSE;
}

void
vmd_socket_stream_begin_request (VmdSocketStream *self)
{
  self->is_between = FALSE;
}

/* With something unread the kernel would reset instead of sending this; and with its window closed
 * to the end, a peer that sends still would not even be told of that. */
static void
drain (int fd)
{
  char ignored[4096];

  for (guint i = 0; i < DRAINED_MAX / sizeof ignored; i++)
    if (recv (fd, ignored, sizeof ignored, MSG_DONTWAIT) <= 0)
      break;
}

void
vmd_socket_stream_say_last (VmdSocketStream *self, const char *text)
{
  if (self->fd < 0)
    return;
  drain (self->fd);
  if (*text != '\0')
    transmit (self, text, strlen (text), NULL);
  self->is_over = TRUE;
}

void
vmd_socket_stream_release (VmdSocketStream *self)
{
  self->fd = -1;
  self->tls = NULL;
}
