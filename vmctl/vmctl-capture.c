/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-capture.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

/* What a guest writes is bounded: beyond this it is read, and thrown away. */
#define CAPTURE_MAX (16 * 1024 * 1024)

struct _VmctlCapture
{
  int fd;
  guint source; /* 0: the end was reached */
  guint limit_source;
  GByteArray *bytes;
  gboolean cut;
};

static gboolean
readable_cb (int fd, GIOCondition condition, gpointer data)
{
  VmctlCapture *self = data;
  guint8 buffer[65536];
  gssize n = read (fd, buffer, sizeof buffer);
  gsize room = CAPTURE_MAX - self->bytes->len;

  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  if (n <= 0)
    {
      self->source = 0;
      return G_SOURCE_REMOVE;
    }
  g_byte_array_append (self->bytes, buffer, MIN ((gsize) n, room));
  self->cut = self->cut || (gsize) n > room;
  return G_SOURCE_CONTINUE;
}

/* @write_fd: (out): what to give away and to close. */
VmctlCapture *
vmctl_capture_new (int *write_fd, GError **error)
{
  VmctlCapture *self;
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return NULL;
  self = g_new0 (VmctlCapture, 1);
  self->fd = fds[0];
  self->bytes = g_byte_array_new ();
  self->source = g_unix_fd_add (self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable_cb, self);
  *write_fd = fds[1];
  return self;
}

void
vmctl_capture_free (VmctlCapture *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  g_clear_handle_id (&self->limit_source, g_source_remove);
  g_byte_array_unref (self->bytes);
  close (self->fd);
  g_free (self);
}

static gboolean
limit_cb (gpointer data)
{
  VmctlCapture *self = data;

  self->limit_source = 0;
  return G_SOURCE_REMOVE;
}

/* Waits until all writers have closed it, or for @limit_ms. */
void
vmctl_capture_await_end (VmctlCapture *self, guint limit_ms)
{
  self->limit_source = g_timeout_add (limit_ms, limit_cb, self);
  while (self->source != 0 && self->limit_source != 0)
    g_main_context_iteration (NULL, TRUE);
  g_clear_handle_id (&self->limit_source, g_source_remove);
}

/* (transfer none) */
const char *
vmctl_capture_get (VmctlCapture *self, gsize *length)
{
  *length = self->bytes->len;
  return self->bytes->len > 0 ? (const char *) self->bytes->data : "";
}

/* Was there more than is kept? */
gboolean
vmctl_capture_is_cut (VmctlCapture *self)
{
  return self->cut;
}
