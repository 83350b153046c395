/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections, with as few system calls as there can be: on the loopback connect() is through when
 * it returns, so what is to be said is sent at once, and only where that fails is the socket waited
 * for. A link is read into a buffer that all have together; what is left of a message is kept. */

#define EVENTS_AT_ONCE 256
#define BUFFER_SIZE (512 * 1024)
#define PORTS_AT_ONCE 4096

static char buffer[BUFFER_SIZE];

/* Sets `has_input`, once, when @fd can be read: a command that waits must not be told of while
 * another one runs. */
void
load_watch_input (Load *load, int fd)
{
  struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };

  load->has_input = FALSE;
  if (epoll_ctl (load->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 &&
      epoll_ctl (load->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    g_error ("cannot watch the input: %s", g_strerror (errno));
}

static void
watch (Link *link, int operation, guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = link };

  if (epoll_ctl (link->load->epoll_fd, operation, link->fd, &event) < 0)
    g_error ("cannot watch a socket: %s", g_strerror (errno));
}

static void
clear_bytes (GByteArray **bytes)
{
  g_clear_pointer (bytes, g_byte_array_unref);
}

void
link_close (Link *link)
{
  if (link->fd >= 0)
    close (link->fd);
  link->fd = -1;
  clear_bytes (&link->rest);
  clear_bytes (&link->unsent);
}

/* The server closed it, or it failed. */
void
link_ended (Link *link)
{
  Load *load = link->load;

  link_close (link);
  /* A server may close a connection that nobody uses. */
  if (link->is_errand && link->n_asked == 0)
    return;
  if (link->state < LINK_LIVE || link->is_errand)
    load->n_failures++;
  link->state = LINK_OVER;
  if (load->listener->ended != NULL)
    load->listener->ended (load, link);
}

void
link_received (Link *link, guint64 version)
{
  Load *load = link->load;
  gboolean is_first = link->state != LINK_LIVE;

  link->received = g_get_monotonic_time ();
  link->version = version;
  link->state = LINK_LIVE;
  if (is_first && load->listener->welcomed != NULL)
    load->listener->welcomed (load, link);
  else if (!is_first && load->listener->updated != NULL)
    load->listener->updated (load, link);
}

void
link_answered (Link *link, guint64 version, gboolean done)
{
  Load *load = link->load;

  link->received = g_get_monotonic_time ();
  link->version = version;
  if (link->n_asked > 0)
    link->n_asked--;
  if (!done)
    load->n_failures++;
  if (load->listener->answered != NULL)
    load->listener->answered (load, link, done);
}

/* What does not go out now goes when there is room. */
void
link_send (Link *link, const GByteArray *out)
{
  gssize sent = 0;

  if (link->unsent == NULL)
    sent = send (link->fd, out->data, out->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == (gssize) out->len)
    return;
  if (sent < 0 && errno != EAGAIN && errno != ENOTCONN)
    return;
  if (link->unsent == NULL)
    link->unsent = g_byte_array_new ();
  sent = MAX (sent, 0);
  g_byte_array_append (link->unsent, out->data + sent, out->len - sent);
}

static void
flush (Link *link)
{
  g_autoptr (GByteArray) out = g_steal_pointer (&link->unsent);

  if (out != NULL)
    link_send (link, out);
  if (link->unsent == NULL)
    watch (link, EPOLL_CTL_MOD, EPOLLIN);
}

/* Ports that were just in use make the kernel search long for others, in a storm most of all. So
 * each few thousand connections come from an address of their own; all of 127/8 is ours. */
static void
choose_source (Link *link)
{
  static guint n_opened;
  const int yes = 1;
  struct sockaddr_in source = { .sin_family = AF_INET };

  source.sin_addr.s_addr = htonl (INADDR_LOOPBACK + 1 + n_opened++ / PORTS_AT_ONCE % 65536);
  setsockopt (link->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  if (bind (link->fd, (struct sockaddr *) &source, sizeof source) < 0)
    g_error ("cannot come from another loopback address: %s", g_strerror (errno));
}

static gboolean
connect_to_port (Link *link)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (link->load->port) };
  const int yes = 1;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  link->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (link->fd < 0)
    return FALSE;
  choose_source (link);
  if (link->is_errand)
    setsockopt (link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return connect (link->fd, (struct sockaddr *) &address, sizeof address) == 0 ||
         errno == EINPROGRESS;
}

static gboolean
connect_to_path (Link *link)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, link->load->path, sizeof address.sun_path);
  link->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return link->fd >= 0 && connect (link->fd, (struct sockaddr *) &address, sizeof address) == 0;
}

/* Connects it, and says what is said first. FALSE: there is no descriptor or port. */
gboolean
link_open (Link *link)
{
  static GByteArray *out = NULL;
  if (out == NULL)
    out = g_byte_array_new ();
  link->state = LINK_CONNECTING;
  link->has_header = link->was_superseded = FALSE;
  link->version = 0;
  link->began = g_get_monotonic_time ();
  if (link->load->path != NULL ? !connect_to_path (link) : !connect_to_port (link))
    {
      link_close (link);
      return FALSE;
    }
  g_byte_array_set_size (out, 0);
  if (link->is_errand)
    link->load->protocol->greet_errands (link->load, out);
  else
    link->load->protocol->greet (link->load, link, out);
  if (out->len > 0)
    link_send (link, out);
  link->state = LINK_GREETED;
  watch (link, EPOLL_CTL_ADD, link->unsent != NULL ? EPOLLIN | EPOLLOUT : EPOLLIN);
  return TRUE;
}

/* Takes what it can of @data, after what was left before. */
static void
take (Link *link, const char *data, gsize length)
{
  const Protocol *protocol = link->load->protocol;
  g_autoptr (GByteArray) whole = g_steal_pointer (&link->rest);
  gsize taken;

  if (whole != NULL)
    {
      g_byte_array_append (whole, (const guint8 *) data, length);
      data = (const char *) whole->data;
      length = whole->len;
    }
  taken = protocol->take (link->load, link, data, length);
  if (taken == length || link->fd < 0)
    return;
  link->rest = g_byte_array_new ();
  g_byte_array_append (link->rest, (const guint8 *) data + taken, length - taken);
}

/* Reads once: more is told of again. */
void
link_read (Link *link)
{
  gssize got = recv (link->fd, buffer, sizeof buffer, MSG_DONTWAIT);

  if (got > 0)
    take (link, buffer, got);
  else if (got == 0 || (errno != EAGAIN && errno != EINTR))
    link_ended (link);
  if (link->fd < 0 || !link->stops || link->state != LINK_LIVE)
    return;
  watch (link, EPOLL_CTL_DEL, 0);
  link->stops = FALSE;
}

static void
serve (Load *load, const struct epoll_event *event)
{
  Link *link = event->data.ptr;

  if (link == NULL)
    {
      load->has_input = TRUE;
      return;
    }
  /* One that was closed since, in this turn. */
  if (link->fd < 0)
    return;
  if (event->events & EPOLLOUT)
    flush (link);
  if (link->fd >= 0 && event->events & ~(guint32) EPOLLOUT)
    link_read (link);
}

/* How many things it saw to. */
static int
turn (Load *load, int milliseconds)
{
  struct epoll_event events[EVENTS_AT_ONCE];
  int n = epoll_wait (load->epoll_fd, events, EVENTS_AT_ONCE, milliseconds);

  for (int i = 0; i < n; i++)
    serve (load, &events[i]);
  return n;
}

/* Waits for something, and sees to it. @seconds: without any it hangs; -1: it does not. */
void
load_turn (Load *load, int seconds)
{
  if (turn (load, seconds < 0 ? -1 : seconds * 1000) == 0)
    g_error ("nothing has come for %d s", seconds);
}

/* Sees to whatever comes until the monotonic @time. */
void
load_turn_until (Load *load, gint64 time)
{
  gint64 left;

  while ((left = time - g_get_monotonic_time ()) > 0)
    turn (load, (left + 999) / 1000);
}
