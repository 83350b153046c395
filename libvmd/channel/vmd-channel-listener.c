/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-listener-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* A listening socket of its own, since libsoup's takes one connection a turn. Options are set on it
 * and not on what it accepts, for which the kernel passes them on.
 *
 * When there are no more descriptors, a connection cannot even be refused, and the socket stays
 * readable: the loop would turn for nothing. So one descriptor is kept in reserve, with which a
 * connection is taken and closed, and whoever connects is told at once. Where even that is gone,
 * nothing is accepted for a moment. */

#define BACKLOG 4096
/* So many in one turn, then the others in the context have theirs. */
#define ACCEPTS_AT_ONCE 64
#define PAUSE 100 /* milliseconds */
/* The kernel holds no more than that for a peer that reads slowly: what it is to have next is the
 * newest then, and not what was the newest once. */
#define UNSENT_MAX (32 * 1024)

struct _VmdChannelListener
{
  VmdChannelListenerTarget target; /* constant; holds a reference to the context */
  int fd;
  int reserve; /* -1: used up */
  GSource *source; /* (nullable) owned: accepts, or waits until it may again */
};

/* -- Addresses -- */

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", numbers both. INVALID_ARGUMENT. (transfer full) */
GSocketAddress *
vmd_channel_address_parse (const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = NULL;
  g_autoptr (GInetAddress) address = NULL;
  gsize length;
  guint64 port = 0;

  if (colon != NULL && g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT16, &port, NULL))
    {
      length = strlen (text) - strlen (colon);
      if (length > 2 && text[0] == '[' && text[length - 1] == ']')
        host = g_strndup (text + 1, length - 2);
      else if (memchr (text, ':', length) == NULL)
        host = g_strndup (text, length);
    }
  if (host != NULL)
    address = g_inet_address_new_from_string (host);
  if (address == NULL)
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                "“%s” is no address to listen on: it has the form 127.0.0.1:4711 or [::1]:4711",
                text);
      return NULL;
    }
  return g_inet_socket_address_new (address, port);
}

gboolean
vmd_channel_address_is_loopback (GSocketAddress *address)
{
  return g_inet_address_get_is_loopback (
      g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

/* (transfer full) */
char *
vmd_channel_address_format (const struct sockaddr_storage *address)
{
  char text[INET6_ADDRSTRLEN];

  if (address->ss_family == AF_INET)
    {
      const struct sockaddr_in *v4 = (const struct sockaddr_in *) address;

      inet_ntop (AF_INET, &v4->sin_addr, text, sizeof text);
      return g_strdup_printf ("%s:%u", text, ntohs (v4->sin_port));
    }
  else
    {
      const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;

      inet_ntop (AF_INET6, &v6->sin6_addr, text, sizeof text);
      return g_strdup_printf ("[%s]:%u", text, ntohs (v6->sin6_port));
    }
}

/* -- Accepting -- */

static void listen_for (VmdChannelListener *self);

static gboolean
pause_over_cb (gpointer data)
{
  listen_for (data);
  return G_SOURCE_REMOVE;
}

static void
set_source (VmdChannelListener *self, GSource *source, GSourceFunc callback)
{
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_source_unref (self->source);
    }
  self->source = source;
  g_source_set_callback (source, callback, self, NULL);
  g_source_attach (source, self->target.context);
}

static int
open_reserve (void)
{
  return open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static gboolean
is_shortage (int fault)
{
  return fault == EMFILE || fault == ENFILE || fault == ENOBUFS || fault == ENOMEM;
}

typedef enum
{
  TURN_AWAY_DONE,
  TURN_AWAY_NOBODY, /* the kernel looks for a descriptor first, and then whether anybody is there */
  TURN_AWAY_CANNOT, /* until there is a descriptor again */
} TurnAway;

/* There was no descriptor, or no memory, for a connection. */
static TurnAway
turn_one_away (VmdChannelListener *self)
{
  int fd;

  if (self->reserve < 0)
    self->reserve = open_reserve ();
  if (self->reserve < 0)
    return TURN_AWAY_CANNOT;
  vmd_clear_fd (&self->reserve);
  fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0)
    {
      gboolean is_shortage_still = is_shortage (errno);

      self->reserve = open_reserve ();
      return is_shortage_still ? TURN_AWAY_CANNOT : TURN_AWAY_NOBODY;
    }
  vmd_channel_metrics_count (self->target.metrics, VMD_CHANNEL_COUNT_OUT_OF_DESCRIPTORS);
  vmd_clear_fd (&fd);
  self->reserve = open_reserve ();
  return TURN_AWAY_DONE;
}

/* How it went for want of a descriptor; whether the source is to stay. */
static gboolean
go_without (VmdChannelListener *self, TurnAway how)
{
  if (how != TURN_AWAY_CANNOT)
    return G_SOURCE_CONTINUE;
  set_source (self, g_timeout_source_new (PAUSE), pause_over_cb);
  return G_SOURCE_REMOVE;
}

static gboolean
accept_cb (int listening_fd, GIOCondition condition, gpointer data)
{
  VmdChannelListener *self = data;

  for (guint i = 0; i < ACCEPTS_AT_ONCE; i++)
    {
      struct sockaddr_storage address = { 0 };
      socklen_t length = sizeof address;
      int fd =
          accept4 (self->fd, (struct sockaddr *) &address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

      if (fd >= 0)
        {
          vmd_channel_metrics_count (self->target.metrics, VMD_CHANNEL_COUNT_CONNECTIONS);
          self->target.accepted (fd, &address, self->target.data);
          continue;
        }
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        return G_SOURCE_CONTINUE;
      /* Anything else is of the connection, which has gone. */
      if (is_shortage (errno))
        {
          TurnAway how = turn_one_away (self);

          if (how != TURN_AWAY_DONE)
            return go_without (self, how);
        }
    }
  return G_SOURCE_CONTINUE;
}

static void
listen_for (VmdChannelListener *self)
{
  set_source (self, g_unix_fd_source_new (self->fd, G_IO_IN), G_SOURCE_FUNC (accept_cb));
}

static void
set_options (VmdChannelListener *self)
{
  const int yes = 1;
  const int unsent = UNSENT_MAX;
  const unsigned int user_timeout = self->target.user_timeout * 1000;

  /* None of them is worth failing for. */
  setsockopt (self->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt (self->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  setsockopt (self->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
}

static gboolean
open_socket (VmdChannelListener *self, GSocketAddress *address, GError **error)
{
  struct sockaddr_storage native = { 0 };
  gssize length = g_socket_address_get_native_size (address);
  int saved_errno;

  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return FALSE;
  self->fd = socket (native.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->fd >= 0)
    set_options (self);
  if (self->fd >= 0 && bind (self->fd, (struct sockaddr *) &native, length) == 0 &&
      listen (self->fd, BACKLOG) == 0)
    return TRUE;
  saved_errno = errno;
  if (saved_errno == EADDRINUSE)
    {
      g_autofree char *text = vmd_channel_address_format (&native);

      return vmd_fail (error, VMD_ERROR_IN_USE, "Another program listens on %s", text);
    }
  return vmd_fail_errno (error, saved_errno, "Cannot listen for devices");
}

VmdChannelListener *
vmd_channel_listener_new (GSocketAddress *address, const VmdChannelListenerTarget *target,
                          GError **error)
{
  VmdChannelListener *self = g_new0 (VmdChannelListener, 1);

  self->fd = -1;
  self->target = *target;
  g_main_context_ref (self->target.context);
  self->reserve = open_reserve ();
  if (!open_socket (self, address, error))
    {
      vmd_channel_listener_free (self);
      return NULL;
    }
  listen_for (self);
  return self;
}

char *
vmd_channel_listener_dup_address (VmdChannelListener *self)
{
  struct sockaddr_storage address = { 0 };
  socklen_t length = sizeof address;

  getsockname (self->fd, (struct sockaddr *) &address, &length);
  return vmd_channel_address_format (&address);
}

void
vmd_channel_listener_free (VmdChannelListener *self)
{
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_source_unref (self->source);
    }
  vmd_clear_fd (&self->fd);
  vmd_clear_fd (&self->reserve);
  g_main_context_unref (self->target.context);
  g_free (self);
}
