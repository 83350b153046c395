/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* A virtio port is not like a socket; agent.c says why it is waited for by edges, and read until
 * it has no more. Here it is written by edges too: while no host is connected, and while the host
 * does not read, writing says EAGAIN, and the end of both is an edge. A read of 0 bytes is the
 * host's absence: the next one knows nothing of what was said to the last. */

#include "mux-port.h"
#include "port.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Between two tries to open it: doubled each time, up to the longest; begun anew by a session. At
 * first the driver may not have made the port yet; later there is none, or nobody beyond it. */
#define SHORTEST_WAIT 5
#define LONGEST_WAIT 10000

static void
wait_to_open (struct mux_port *port)
{
  loop_set_timer (&port->retry, port->wait);
  port->wait = port->wait * 2 < LONGEST_WAIT ? port->wait * 2 : LONGEST_WAIT;
}

/* A host says hello when it connects: one that comes while the port is open, and one that came
 * before it was, whose hello waited. Asking at once would make that one begin a second time, and
 * cut what was begun by then. Only a host that has said it to a predecessor of ours has to be
 * asked. */
#define ASK_MILLISECONDS 250

static void
break_off (struct mux_port *port)
{
  if (port->watch.fd < 0)
    return;

  loop_remove (&port->watch);
  close (port->watch.fd);
  port->watch.fd = -1;
  loop_clear_timer (&port->ask);
  mux_reset (&port->mux);
  wait_to_open (port);
}

/* Writes what is to go, as far as the host takes it. */
void
mux_port_flush (struct mux_port *port)
{
  struct mux *mux = &port->mux;

  if (port->is_inside)
    return;
  port->is_inside = true;
  while (port->watch.fd >= 0 && mux->output_length > 0)
    {
      ssize_t n = write (port->watch.fd, mux->output + mux->output_start, mux->output_length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno != EAGAIN)
        break_off (port);
      if (n <= 0)
        break;
      mux_sent (mux, (size_t) n);
    }
  port->is_inside = false;
}

/* False: there is nothing more to read. */
static bool
read_some (struct mux_port *port)
{
  char bytes[MUX_MAX_DATA];
  ssize_t n = read (port->watch.fd, bytes, sizeof bytes);

  port->is_alone = n == 0;
  if (n > 0)
    {
      port->is_inside = true;
      mux_take (&port->mux, bytes, (size_t) n);
      port->is_inside = false;
      mux_port_flush (port);
      return port->watch.fd >= 0;
    }
  if (n < 0 && errno == EINTR)
    return true;
  if (n < 0 && errno != EAGAIN)
    break_off (port);
  else if (n == 0 && strchr (port->name, '/') != NULL)
    break_off (port);
  else if (n == 0)
    mux_reset (&port->mux);
  return false;
}

/* How many reads follow each other, so that the rest of the program has its turn too. */
#define MAX_READS 4

static void
ready (void *data, uint32_t events)
{
  struct mux_port *port = data;
  int n = 0;

  while (n < MAX_READS && read_some (port))
    n++;
  if (n < MAX_READS && port->watch.fd >= 0)
    mux_acknowledge (&port->mux);
  mux_port_flush (port);
  /* A host that comes as soon as another has gone may be heard before the other's absence is told:
   * then its hello went with the other's session, and it has to be asked. */
  if (port->was_alone && !port->is_alone && !port->mux.has_session && port->watch.fd >= 0)
    loop_set_timer (&port->ask, ASK_MILLISECONDS);
  port->was_alone = port->is_alone;
  /* There may be more, of which no edge would tell. */
  if (n == MAX_READS && port->watch.fd >= 0)
    loop_change (&port->watch, EPOLLIN | EPOLLOUT | EPOLLET);
}

static int
open_socket (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd;

  if ((size_t) snprintf (address.sun_path, sizeof address.sun_path, "%s", path) >=
      sizeof address.sun_path)
    return -1;
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      close (fd);
      return -1;
    }

  return fd;
}

static void
try_to_open (void *data)
{
  struct mux_port *port = data;

  port->watch.fd =
      strchr (port->name, '/') != NULL ? open_socket (port->name) : port_open (port->name);
  if (port->watch.fd < 0 || !loop_add (&port->watch, EPOLLIN | EPOLLOUT | EPOLLET))
    {
      if (port->watch.fd >= 0)
        close (port->watch.fd);
      port->watch.fd = -1;
      wait_to_open (port);
      return;
    }

  loop_set_timer (&port->ask, ASK_MILLISECONDS);
}

static void
ask (void *data)
{
  struct mux_port *port = data;

  if (port->mux.has_session || port->is_alone)
    return;

  mux_ask (&port->mux);
  mux_port_flush (port);
}

static void
began (void *data)
{
  struct mux_port *port = data;

  port->wait = SHORTEST_WAIT;
  port->began (port->user);
}

/* @session_began is called at each session's beginning. */
void
mux_port_begin (struct mux_port *port, const char *name, void (*session_began) (void *user),
                void *user)
{
  mux_begin (&port->mux, began, port);
  port->began = session_began;
  port->user = user;
  port->wait = SHORTEST_WAIT;
  port->name = name;
  port->watch.fd = -1;
  port->watch.ready = ready;
  port->watch.data = port;
  port->retry.expired = try_to_open;
  port->retry.data = port;
  port->ask.expired = ask;
  port->ask.data = port;
  try_to_open (port);
}
