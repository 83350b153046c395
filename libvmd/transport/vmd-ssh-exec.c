/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>

/* A command whose streams are the caller's descriptors: one loop carries all three, since none may
 * wait for another. Each output has one buffer; while that is full, nothing more of that stream is
 * read, and the guest is held back by its window. Input is read only when all of the last was
 * taken. */

#define INPUT_SIZE (64 * 1024)
#define OUTPUT_SIZE (64 * 1024)
#define HANG_UP_TIMEOUT 1000 /* milliseconds */

enum
{
  FD_WIRE,
  FD_INPUT,
  FD_OUTPUT,
  FD_ERRORS,
  FD_RESIZE,
  N_FDS
};

typedef struct
{
  int fd; /* -1: none, or no more */
  guint8 *data;
  gsize begin;
  gsize end;
} Buffer;

typedef struct
{
  VmdSshConnection *connection;
  VmdExecSpec *spec;
  LIBSSH2_CHANNEL *channel;
  VmdSshWait wait;
  Buffer input;
  gboolean input_ended; /* and the guest was told */
  Buffer outputs[2];
  gboolean closed; /* the command has ended, its output is all here */
  gboolean reader_left; /* nobody reads its output any more */
} Exec;

static void
exec_clear (Exec *self)
{
  if (self->channel != NULL)
    vmd_ssh_channel_end (self->connection, self->channel);
  vmd_clear_fd (&self->input.fd);
  g_free (self->input.data);
  for (guint i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    {
      vmd_clear_fd (&self->outputs[i].fd);
      g_free (self->outputs[i].data);
    }
  vmd_exec_spec_close_streams (self->spec);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Exec, exec_clear)

static gboolean
is_empty (const Buffer *buffer)
{
  return buffer->begin == buffer->end;
}

/* After poll() said so. */
static void
fill_input (Exec *self, short events)
{
  gssize n;

  if (events == 0 || !is_empty (&self->input))
    return;
  n = vmd_exec_stream_read (self->input.fd, self->input.data, INPUT_SIZE);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  self->input.begin = 0;
  self->input.end = MAX (n, 0);
  /* A stream that cannot be read has no more to say; a terminal that is gone says EIO. */
  if (n <= 0)
    vmd_clear_fd (&self->input.fd);
}

/* Input on its way to the guest, as far as the guest has room. */
static gboolean
send_input (Exec *self, GError **error)
{
  VmdSshWire *wire = vmd_ssh_connection_get_wire (self->connection);
  gssize n = 1;

  while (!self->closed && !is_empty (&self->input) && n > 0 &&
         vmd_ssh_wire_get_queued (wire) < VMD_SSH_QUEUE_FULL)
    {
      n = libssh2_channel_write (self->channel, (char *) self->input.data + self->input.begin,
                                 self->input.end - self->input.begin);
      if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
        return vmd_ssh_connection_fail (self->connection, n, self->wait.what, error);
      self->input.begin += MAX (n, 0);
    }
  if (self->input_ended || self->closed || self->input.fd >= 0 || !is_empty (&self->input))
    return TRUE;
  n = libssh2_channel_send_eof (self->channel);
  if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
    return vmd_ssh_connection_fail (self->connection, n, self->wait.what, error);
  self->input_ended = n >= 0;
  return TRUE;
}

/* What the caller's descriptor takes of the buffer. */
static gboolean
deliver (Exec *self, Buffer *output, GError **error)
{
  gssize n = 1;

  if (output->fd < 0)
    output->begin = output->end;
  while (!is_empty (output) && n > 0)
    {
      n = vmd_exec_stream_write (output->fd, output->data + output->begin,
                                 output->end - output->begin);
      if (n < 0 && errno == EPIPE)
        self->reader_left = TRUE;
      else if (n < 0 && errno != EAGAIN && errno != EINTR)
        return vmd_fail_errno (error, errno, "Cannot write the command's output");
      output->begin += MAX (n, 0);
      /* A descriptor that may block is written once for each poll(). */
      if (n > 0 && !is_empty (output))
        break;
    }
  return TRUE;
}

/* From the session into the caller's descriptor until one of them has to wait. */
static gboolean
carry_output (Exec *self, guint number, GError **error)
{
  Buffer *output = &self->outputs[number];
  const int stream = number == 1 ? SSH_EXTENDED_DATA_STDERR : 0;
  gssize n = 1;

  while (n > 0 && !self->reader_left)
    {
      if (!deliver (self, output, error))
        return FALSE;
      if (!is_empty (output))
        return TRUE;
      n = libssh2_channel_read_ex (self->channel, stream, (char *) output->data, OUTPUT_SIZE);
      if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
        return vmd_ssh_connection_fail (self->connection, n, self->wait.what, error);
      output->begin = 0;
      output->end = MAX (n, 0);
    }
  return TRUE;
}

static gboolean
resize (Exec *self, GError **error)
{
  guint columns, rows;
  int result;

  if (!vmd_exec_spec_take_resize (self->spec) || vmd_exec_spec_get_term (self->spec) == NULL)
    return TRUE;
  vmd_exec_spec_get_size (self->spec, &columns, &rows);
  result = libssh2_channel_request_pty_size (self->channel, (int) columns, (int) rows);
  return result == 0 || vmd_ssh_connection_fail (self->connection, result, self->wait.what, error);
}

static gboolean
wait_more (Exec *self, struct pollfd *fds, GError **error)
{
  const Buffer *output = &self->outputs[0], *errors = &self->outputs[1];

  fds[FD_INPUT] =
      (struct pollfd){ .fd = is_empty (&self->input) ? self->input.fd : -1, .events = POLLIN };
  fds[FD_OUTPUT] = (struct pollfd){ .fd = is_empty (output) ? -1 : output->fd, .events = POLLOUT };
  fds[FD_ERRORS] = (struct pollfd){ .fd = is_empty (errors) ? -1 : errors->fd, .events = POLLOUT };
  fds[FD_RESIZE] =
      (struct pollfd){ .fd = vmd_exec_spec_get_resize_fd (self->spec), .events = POLLIN };
  fds[FD_WIRE] = (struct pollfd){ .fd = -1 };
  /* Once it has ended, only the caller's descriptors are waited for: nobody reads what a server
   * says beside it. */
  if (self->closed)
    return vmd_poll (fds, N_FDS, self->wait.cancellable, self->wait.deadline, self->wait.what,
                     error);
  return vmd_ssh_connection_wait (self->connection, &self->wait, fds, N_FDS, error);
}

/* All that can be done without waiting. */
static gboolean
turn (Exec *self, const struct pollfd *fds, GError **error)
{
  if (!vmd_ssh_channel_listen (self->connection, self->channel, &self->closed, self->wait.what,
                               error))
    return FALSE;
  fill_input (self, fds[FD_INPUT].revents);
  /* Whoever resizes a terminal and then types finds it resized. */
  return resize (self, error) && send_input (self, error) && carry_output (self, 0, error) &&
         carry_output (self, 1, error);
}

static gboolean
is_over (const Exec *self)
{
  return self->reader_left ||
         (self->closed && is_empty (&self->outputs[0]) && is_empty (&self->outputs[1]));
}

static gboolean
run (Exec *self, GError **error)
{
  struct pollfd fds[N_FDS] = { { .fd = -1 } };

  if (!turn (self, fds, error))
    return FALSE;
  while (!is_over (self))
    if (!wait_more (self, fds, error) || !turn (self, fds, error))
      return FALSE;
  return TRUE;
}

static gboolean
begin_by_shell (Exec *self, GError **error)
{
  g_autofree char *command = vmd_exec_spec_dup_command (self->spec);
  guint columns, rows;

  vmd_exec_spec_get_size (self->spec, &columns, &rows);
  self->channel = vmd_ssh_channel_open (self->connection, vmd_exec_spec_get_term (self->spec),
                                        columns, rows, command, &self->wait, error);
  return self->channel != NULL;
}

static gboolean
begin (Exec *self, GError **error)
{
  self->input.fd = vmd_exec_stream_open (vmd_exec_spec_steal_stream (self->spec, 0), FALSE);
  self->input.data = g_malloc (INPUT_SIZE);
  for (guint i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    {
      self->outputs[i].fd =
          vmd_exec_stream_open (vmd_exec_spec_steal_stream (self->spec, i + 1), TRUE);
      self->outputs[i].data = g_malloc (OUTPUT_SIZE);
    }
  vmd_exec_spec_take_resize (self->spec);
  return vmd_ssh_standby_begin (self->connection, self->spec, &self->wait, &self->channel, error) &&
         (self->channel != NULL || begin_by_shell (self, error));
}

/* Has the guest end the command, which otherwise would only lose its streams. The guest is not
 * waited for longer than one that works needs to take the order; the connection is given up after
 * that, and the order is carried out all the same. So it is when the command ends by itself while
 * the order has no process yet, and dropbear closes its channel (vmd-ssh-standby.c): the connection
 * is over either way, and whoever is hung up on twice does not mind. */
static void
hang_up (Exec *self)
{
  const VmdSshWait wait = { NULL, vmd_deadline_in (HANG_UP_TIMEOUT), "hanging up on a command" };
  const char *const argv[] = { vmd_ssh_connection_get_program (self->connection), "hangup",
                               vmd_exec_spec_get_token (self->spec), NULL };
  g_autofree char *command = NULL;
  LIBSSH2_CHANNEL *channel;

  if (self->channel == NULL || self->closed || argv[2] == NULL)
    return;
  command = vmd_shell_quote_argv (argv);
  channel = vmd_ssh_channel_open (self->connection, NULL, 0, 0, command, &wait, NULL);
  if (channel != NULL)
    vmd_ssh_channel_end (self->connection, channel);
}

/* A command whose output nobody reads ends as it would in a pipeline: it loses its streams, and
 * SIGPIPE is said to have ended it, whatever it makes of that. */
VmdExecResult *
vmd_ssh_exec (VmdSshConnection *connection, VmdExecSpec *spec, GCancellable *cancellable,
              GError **error)
{
  g_auto (Exec) self = {
    .connection = connection,
    .spec = spec,
    .wait = { cancellable, vmd_exec_spec_get_deadline (spec), "running a command in the guest" },
    .input.fd = -1,
    .outputs = { { .fd = -1 }, { .fd = -1 } },
  };

  if (vmd_is_cancelled (cancellable, error) || !vmd_exec_spec_check (spec, error))
    return NULL;
  if (!begin (&self, error) || !run (&self, error))
    {
      hang_up (&self);
      return NULL;
    }
  return self.reader_left ? vmd_exec_result_new_signalled ("PIPE")
                          : vmd_ssh_channel_get_result (connection, self.channel);
}
