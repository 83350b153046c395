/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-port-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536

/* The same queue as QEMU's: those who wait beyond it are told to come again. */
#define BACKLOG 1

struct _VmdFakePort
{
  VmdFakePortEvents events;
  gpointer data;
  int listening_fd;
  guint listening_source; /* 0 while there is a client */
  int fd; /* the client's, or -1 */
  guint source;
  guint64 client; /* counts them */
  gboolean is_paused;
  GString *input;
};

static void listen_again (VmdFakePort *self);

static void
drop_client (VmdFakePort *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  vmd_clear_fd (&self->fd);
  g_string_truncate (self->input, 0);
  listen_again (self);
}

static void
deliver (VmdFakePort *self)
{
  guint64 client = self->client;
  char *end;

  if (self->events.is_raw)
    {
      self->events.received (self, self->input->str, self->data);
      g_string_truncate (self->input, 0);
      return;
    }
  while (client == self->client && (end = strchr (self->input->str, '\n')) != NULL)
    {
      g_autofree char *line = g_strndup (self->input->str, (gsize) (end - self->input->str));

      g_string_erase (self->input, 0, end - self->input->str + 1);
      self->events.received (self, g_strchomp (line), self->data);
    }
}

static gboolean
readable_cb (int fd, GIOCondition condition, gpointer data)
{
  VmdFakePort *self = data;
  char buffer[4096];
  gssize n = read (fd, buffer, sizeof buffer);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n <= 0 || self->input->len > LINE_MAX_BYTES)
    {
      drop_client (self);
      return G_SOURCE_REMOVE;
    }
  g_string_append_len (self->input, buffer, n);
  deliver (self);

  return G_SOURCE_CONTINUE;
}

static void
read_again (VmdFakePort *self)
{
  if (self->fd >= 0 && self->source == 0 && !self->is_paused)
    self->source = g_unix_fd_add (self->fd, G_IO_IN | G_IO_HUP, readable_cb, self);
}

static gboolean
incoming_cb (int fd, GIOCondition condition, gpointer data)
{
  VmdFakePort *self = data;

  self->fd = accept4 (fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (self->fd < 0)
    return G_SOURCE_CONTINUE;
  self->listening_source = 0;
  self->client++;
  read_again (self);
  if (self->events.opened != NULL)
    self->events.opened (self, self->data);

  return G_SOURCE_REMOVE;
}

static void
listen_again (VmdFakePort *self)
{
  if (self->listening_source == 0)
    self->listening_source = g_unix_fd_add (self->listening_fd, G_IO_IN, incoming_cb, self);
}

/* A port that listens at @path. @events is copied. (transfer full), NULL on error. */
VmdFakePort *
vmd_fake_port_new (const char *path, const VmdFakePortEvents *events, gpointer data, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  vmd_autofd int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  VmdFakePort *self;

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 ||
      listen (fd, BACKLOG) < 0)
    {
      vmd_fail_errno (error, errno, "cannot listen at %s", path);
      return NULL;
    }
  self = g_new0 (VmdFakePort, 1);
  self->events = *events;
  self->data = data;
  self->listening_fd = vmd_steal_fd (&fd);
  self->fd = -1;
  self->input = g_string_new (NULL);
  listen_again (self);

  return self;
}

/* Who is connected, or was last: an answer that is given later goes to the one who asked. */
guint64
vmd_fake_port_get_client (VmdFakePort *self)
{
  return self->client;
}

/* Sends @text to @client, if it is there still. One that does not read is not waited for. */
void
vmd_fake_port_send (VmdFakePort *self, guint64 client, const char *text)
{
  gsize length = strlen (text);

  if (self->fd < 0 || client != self->client)
    return;
  if (send (self->fd, text, length, MSG_NOSIGNAL) != (gssize) length)
    shutdown (self->fd, SHUT_RDWR);
}

/* A port of a paused guest keeps its client, and reads nothing. */
void
vmd_fake_port_set_paused (VmdFakePort *self, gboolean paused)
{
  self->is_paused = paused;
  if (paused)
    g_clear_handle_id (&self->source, g_source_remove);
  read_again (self);
}

void
vmd_fake_port_free (VmdFakePort *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  g_clear_handle_id (&self->listening_source, g_source_remove);
  vmd_clear_fd (&self->fd);
  vmd_clear_fd (&self->listening_fd);
  g_string_free (self->input, TRUE);
  g_free (self);
}
