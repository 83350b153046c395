/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* heartbeat-floor SECONDS: the least that heartbeats can cost. A server that does nothing else: it
 * prints the loopback port that it listens on, and writes a comment to each connection, at once and
 * every SECONDS after that. It has no lists, no locks and nothing to look up, and never notices
 * who goes; what is left is what the kernel takes for the same bytes on the same sockets. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_MAX 65536
#define BACKLOG 4096
/* As the channel has it: what is due so soon goes with what is due now. */
#define SLACK 50 /* milliseconds */

static const char comment[] = ": heartbeat\n\n";

/* In the order in which they came, and so of `due`, from `next` on and round. */
static struct
{
  int fd;
  long long due; /* monotonic milliseconds */
} connections[CONNECTIONS_MAX];
static int n_connections;
static int next;
static long long interval;

static long long
get_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void
say (int i)
{
  if (send (connections[i].fd, comment, strlen (comment), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    fprintf (stderr, "a heartbeat was lost: %s\n", strerror (errno));
  connections[i].due = get_time () + interval;
}

static int
listen_somewhere (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof address;
  const int yes = 1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, BACKLOG) < 0 ||
      getsockname (fd, (struct sockaddr *) &address, &length) < 0)
    {
      perror ("heartbeat-floor");
      exit (1);
    }
  printf ("%d\n", ntohs (address.sin_port));
  fflush (stdout);
  return fd;
}

static void
accept_all (int listening_fd)
{
  int fd;

  while (n_connections < CONNECTIONS_MAX &&
         (fd = accept4 (listening_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
    {
      connections[n_connections].fd = fd;
      say (n_connections++);
    }
}

static void
say_what_is_due (void)
{
  long long now = get_time ();

  while (n_connections > 0 && connections[next].due <= now + SLACK)
    {
      say (next);
      next = (next + 1) % n_connections;
    }
}

/* Milliseconds, for poll(). */
static int
get_timeout (void)
{
  long long left = n_connections > 0 ? connections[next].due - get_time () : interval;

  return left > 0 ? (int) left + 1 : 0;
}

int
main (int argc, char **argv)
{
  struct rlimit limit;
  struct pollfd listening = { .events = POLLIN };

  if (argc != 2)
    return 2;
  interval = atoi (argv[1]) * 1000LL;
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  listening.fd = listen_somewhere ();
  while (1)
    {
      if (poll (&listening, 1, get_timeout ()) > 0)
        accept_all (listening.fd);
      say_what_is_due ();
    }
}
