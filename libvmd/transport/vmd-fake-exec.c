/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BUFFER_SIZE 4096

/* The command gets the caller's own descriptors. */
static VmdExecResult *
exec_plain (const char *root, VmdExecSpec *spec, const char *command, GCancellable *cancellable,
            gint64 deadline, GError **error)
{
  g_auto (VmdFakeChild) child = VMD_FAKE_CHILD_INIT;
  VmdFakeStreams streams = { .fds = { -1, -1, -1 } };
  gboolean started;

  for (guint i = 0; i < VMD_N_STREAMS; i++)
    streams.fds[i] = vmd_exec_spec_steal_stream (spec, i);
  started = vmd_fake_child_start (&child, root, command, &streams, error);
  for (guint i = 0; i < VMD_N_STREAMS; i++)
    vmd_clear_fd (&streams.fds[i]);
  return started ? vmd_fake_child_wait (&child, cancellable, deadline, error) : NULL;
}

/* A terminal between the caller's descriptors and the command. */
typedef struct
{
  VmdExecSpec *spec;
  int master;
  int input; /* -1: ended */
  int output; /* -1: thrown away */
} Terminal;

static void
terminal_clear (Terminal *self)
{
  vmd_clear_fd (&self->master);
  vmd_clear_fd (&self->input);
  vmd_clear_fd (&self->output);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Terminal, terminal_clear)

static void
set_size (Terminal *self)
{
  guint columns, rows;
  struct winsize size = { 0 };

  vmd_exec_spec_get_size (self->spec, &columns, &rows);
  size.ws_col = (unsigned short) columns;
  size.ws_row = (unsigned short) rows;
  ioctl (self->master, TIOCSWINSZ, &size);
}

/* Returns: the terminal's other end, or -1 */
static int
open_terminal (Terminal *self, GError **error)
{
  char name[64];
  int slave = -1;

  self->master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (self->master >= 0 && grantpt (self->master) == 0 && unlockpt (self->master) == 0 &&
      ptsname_r (self->master, name, sizeof name) == 0)
    slave = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0)
    vmd_fail_errno (error, errno, "Cannot make a terminal");
  return slave;
}

static void
carry_input (Terminal *self, GCancellable *cancellable, gint64 deadline)
{
  char bytes[BUFFER_SIZE];
  gssize n = vmd_exec_stream_read (self->input, bytes, sizeof bytes);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0 || !vmd_write_all (self->master, bytes, n, cancellable, deadline, NULL))
    vmd_clear_fd (&self->input);
}

/* *@ended when nobody has the other end any more. */
static gboolean
carry_output (Terminal *self, gboolean *ended, GCancellable *cancellable, gint64 deadline,
              GError **error)
{
  char bytes[BUFFER_SIZE];
  gssize n = read (self->master, bytes, sizeof bytes);
  gssize done = 0;

  *ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
  while (self->output >= 0 && done < n)
    {
      struct pollfd ready = { .fd = self->output, .events = POLLOUT };
      gssize written;

      if (!vmd_poll (&ready, 1, cancellable, deadline, "writing a command's output", error))
        return FALSE;
      written = vmd_exec_stream_write (self->output, bytes + done, n - done);
      if (written < 0 && errno != EAGAIN && errno != EINTR)
        vmd_clear_fd (&self->output);
      done += MAX (written, 0);
    }
  return TRUE;
}

static gboolean
carry (Terminal *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  gboolean ended = FALSE;

  while (!ended)
    {
      struct pollfd fds[] = {
        { .fd = self->master, .events = POLLIN },
        { .fd = self->input, .events = POLLIN },
        { .fd = vmd_exec_spec_get_resize_fd (self->spec), .events = POLLIN },
      };

      if (!vmd_poll (fds, G_N_ELEMENTS (fds), cancellable, deadline,
                     "running a command in the guest", error))
        return FALSE;
      if (vmd_exec_spec_take_resize (self->spec))
        set_size (self);
      if (fds[1].revents != 0)
        carry_input (self, cancellable, deadline);
      if (fds[0].revents != 0 && !carry_output (self, &ended, cancellable, deadline, error))
        return FALSE;
    }
  return TRUE;
}

static VmdExecResult *
exec_in_terminal (const char *root, VmdExecSpec *spec, const char *command,
                  GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_auto (Terminal) terminal = {
    .spec = spec,
    .master = -1,
    .input = vmd_exec_stream_open (vmd_exec_spec_steal_stream (spec, 0), FALSE),
    .output = vmd_exec_stream_open (vmd_exec_spec_steal_stream (spec, 1), TRUE),
  };
  g_auto (VmdFakeChild) child = VMD_FAKE_CHILD_INIT;
  int slave = open_terminal (&terminal, error);
  const VmdFakeStreams streams = { .fds = { slave, slave, slave },
                                   .term = vmd_exec_spec_get_term (spec) };
  gboolean started;

  if (slave < 0)
    return NULL;
  set_size (&terminal);
  started = vmd_fake_child_start (&child, root, command, &streams, error);
  vmd_clear_fd (&slave);
  if (!started || !carry (&terminal, cancellable, deadline, error))
    return NULL;
  return vmd_fake_child_wait (&child, cancellable, deadline, error);
}

/* The directory is one of the fake guest's. */
static char *
make_command (const char *root, VmdExecSpec *spec)
{
  const char *directory = vmd_exec_spec_get_directory (spec);
  g_autoptr (GString) line = g_string_new ("cd ");
  g_autofree char *below = g_canonicalize_filename (directory != NULL ? directory : "/", "/");
  g_autofree char *path = g_build_filename (root, below, NULL);

  vmd_shell_append_quoted (line, path);
  g_string_append (line, " && ");
  vmd_exec_spec_append_program (spec, line);
  return g_string_free (g_steal_pointer (&line), FALSE);
}

VmdExecResult *
vmd_fake_exec (const char *root, VmdExecSpec *spec, GCancellable *cancellable, GError **error)
{
  gint64 deadline = vmd_exec_spec_get_deadline (spec);
  VmdExecResult *result = NULL;

  if (!vmd_is_cancelled (cancellable, error) && vmd_exec_spec_check (spec, error))
    {
      g_autofree char *command = make_command (root, spec);

      result = vmd_exec_spec_get_term (spec) != NULL
                   ? exec_in_terminal (root, spec, command, cancellable, deadline, error)
                   : exec_plain (root, spec, command, cancellable, deadline, error);
    }
  vmd_exec_spec_close_streams (spec);
  return result;
}
