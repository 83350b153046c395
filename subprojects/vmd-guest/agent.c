/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent: finds the port to the host and keeps it open for the guest's whole life. What is
 * said on it is in agent-verbs.c.
 *
 * A virtio port is not like a socket. While no host is connected a read returns 0 at once and
 * poll says POLLHUP at once, which cannot be masked: a loop around poll() would spin. The kernel
 * does wake those who wait on the port when a host connects and when data comes, so waiting is
 * edge-triggered: after each edge the port is read until it has no more, and the next edge is
 * new. (A timed retry would be the other way; it wakes an idle guest for nothing, and answers
 * late.)
 *
 * The process is started before the image's own init and must outlive its switch-over and, if it
 * can, its shutdown, so that the host is still answered then. systemd moves it into its own
 * scope, which it never stops, and at the very end kills everything but processes of root's whose
 * argv[0] begins with '@' (its convention for those who serve a root file system): hence the name
 * "@vmd-guest". */

#include "agent.h"
#include "applets.h"
#include "file.h"
#include "port.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define PORT_NAME "org.vmd.agent.0"

/* The driver makes the port a moment after its module is loaded: the host tells the port's name
 * in a message of its own. */
#define PORT_TRIES 1000
#define PORT_INTERVAL_MILLISECONDS 5

static int
wait_for_port (void)
{
  const struct timespec interval = { .tv_nsec = PORT_INTERVAL_MILLISECONDS * 1000000 };
  int fd = port_open (PORT_NAME);

  for (int i = 0; fd < 0 && i < PORT_TRIES; i++)
    {
      nanosleep (&interval, NULL);
      fd = port_open (PORT_NAME);
    }

  return fd;
}

/* Waits for the next edge on @epoll_fd. */
static bool
wait_for_edge (int epoll_fd)
{
  struct epoll_event event;
  int n;

  do
    n = epoll_wait (epoll_fd, &event, 1, -1);
  while (n < 0 && errno == EINTR);

  return n > 0;
}

/* Serves until the descriptor breaks, or (@is_port false) its other end is closed. */
static int
serve (struct agent *agent, bool is_port)
{
  autofd int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  struct epoll_event wanted = { .events = EPOLLIN | EPOLLET };
  char data[AGENT_LINE_MAX];

  if (epoll_fd < 0 || epoll_ctl (epoll_fd, EPOLL_CTL_ADD, agent->fd, &wanted) < 0)
    return report_errno ("cannot wait for the host");

  for (;;)
    {
      ssize_t n = read (agent->fd, data, sizeof data);

      if (n > 0)
        {
          agent_take (agent, data, (size_t) n);
          continue;
        }
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno != EAGAIN)
        return report_errno ("the port to the host is broken");
      if (n == 0)
        {
          /* The host is gone, and half a line of its is worth nothing to the next one. */
          agent_reset (agent);
          if (!is_port)
            return 0;
        }
      if (!wait_for_edge (epoll_fd))
        return report_errno ("cannot wait for the host");
    }
}

static int
usage (void)
{
  fprintf (stderr, "Usage: vmd-guest agent [--fd=N] [--rehearse]\n");
  return 2;
}

/* `vmd-guest agent`. With --fd=N it serves an inherited socket instead of the port, with
 * --rehearse it changes nothing: for tests, on a host that shall stay on. */
int
applet_agent (int argc, char **argv)
{
  static struct agent agent;
  bool is_port = true;

  for (int i = 1; i < argc; i++)
    {
      if (strcmp (argv[i], "--rehearse") == 0)
        agent.rehearse = true;
      else if (strncmp (argv[i], "--fd=", 5) == 0)
        {
          agent.fd = atoi (argv[i] + 5);
          is_port = false;
          if (fcntl (agent.fd, F_SETFL, O_NONBLOCK) < 0)
            return usage ();
        }
      else
        return usage ();
    }

  signal (SIGPIPE, SIG_IGN);
  if (is_port)
    {
      report_open ("vmd-agent");
      agent.fd = wait_for_port ();
    }
  if (agent.fd < 0)
    {
      report_note ("there is no port %s: the host will not be answered", PORT_NAME);
      /* Not a fault that a new start could mend. */
      for (;;)
        pause ();
    }

  serve (&agent, is_port);
  return is_port ? 1 : 0;
}
