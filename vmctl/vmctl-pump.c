/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-pump.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ESCAPE_BYTE 0x1d /* Ctrl-] */

/* The socket is only written to when it has room, with MSG_DONTWAIT, since its flags are shared
 * with whoever else has it. While something is pending nothing more is read from the input. */
typedef struct
{
  int socket_fd;
  int input_fd;
  int output_fd;
  gboolean escape;
  gboolean ended;
  VmctlPumpEnd end;
  guint readable; /* sources */
  guint writable;
  guint input;
  char pending[4096];
  gsize pending_length;
} Pump;

static void
finish (Pump *self, VmctlPumpEnd end)
{
  if (!self->ended)
    self->end = end;
  self->ended = TRUE;
}

static gboolean
write_all (int fd, const char *bytes, gsize length)
{
  while (length > 0)
    {
      gssize n = write (fd, bytes, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      bytes += n;
      length -= n;
    }
  return TRUE;
}

static gboolean
socket_readable_cb (int fd, GIOCondition condition, gpointer data)
{
  Pump *self = data;
  char buffer[4096];
  gssize n = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n > 0 && write_all (self->output_fd, buffer, n))
    return G_SOURCE_CONTINUE;
  self->readable = 0;
  finish (self, VMCTL_PUMP_HUNG_UP);
  return G_SOURCE_REMOVE;
}

static gboolean input_cb (int fd, GIOCondition condition, gpointer data);

static gboolean
socket_writable_cb (int fd, GIOCondition condition, gpointer data)
{
  Pump *self = data;
  gssize n = send (fd, self->pending, self->pending_length, MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n >= 0)
    {
      self->pending_length -= n;
      memmove (self->pending, self->pending + n, self->pending_length);
      if (self->pending_length > 0)
        return G_SOURCE_CONTINUE;
      self->input = g_unix_fd_add (self->input_fd, G_IO_IN | G_IO_HUP, input_cb, self);
    }
  else
    finish (self, VMCTL_PUMP_HUNG_UP);
  self->writable = 0;
  return G_SOURCE_REMOVE;
}

static gboolean
input_cb (int fd, GIOCondition condition, gpointer data)
{
  Pump *self = data;
  gssize n = read (fd, self->pending, sizeof self->pending);
  const char *escape;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  self->input = 0;
  /* The end of the input is not the end of the console: what the guest says to it is to come. */
  if (n <= 0)
    return G_SOURCE_REMOVE;
  escape = self->escape ? memchr (self->pending, ESCAPE_BYTE, n) : NULL;
  if (escape != NULL)
    {
      finish (self, VMCTL_PUMP_DETACHED);
      return G_SOURCE_REMOVE;
    }
  self->pending_length = n;
  self->writable = g_unix_fd_add (self->socket_fd, G_IO_OUT, socket_writable_cb, self);
  return G_SOURCE_REMOVE;
}

/* Until one side ends it. @escape: whether Ctrl-] does. No descriptor is closed. */
VmctlPumpEnd
vmctl_pump_run (int socket_fd, int input_fd, int output_fd, gboolean escape,
                GCancellable *cancellable)
{
  Pump self = { .socket_fd = socket_fd,
                .input_fd = input_fd,
                .output_fd = output_fd,
                .escape = escape,
                .end = VMCTL_PUMP_CANCELLED };

  self.readable = g_unix_fd_add (socket_fd, G_IO_IN | G_IO_HUP, socket_readable_cb, &self);
  self.input = g_unix_fd_add (input_fd, G_IO_IN | G_IO_HUP, input_cb, &self);
  while (!self.ended && !g_cancellable_is_cancelled (cancellable))
    g_main_context_iteration (NULL, TRUE);
  g_clear_handle_id (&self.readable, g_source_remove);
  g_clear_handle_id (&self.writable, g_source_remove);
  g_clear_handle_id (&self.input, g_source_remove);
  return self.end;
}
