/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server's host is told by its address: names would need a resolver in a program that is linked
 * statically, and the host, which writes the URL, knows its address in the guest's network. */

#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static bool
parse_port_number (const char *text, in_port_t *port)
{
  unsigned long number = 80;
  char *end;

  if (*text == ':')
    {
      if (text[1] < '0' || text[1] > '9')
        return false;
      number = strtoul (text + 1, &end, 10);
      text = end;
    }
  *port = htons ((in_port_t) number);

  return number > 0 && number <= 65535 && (*text == '\0' || strcmp (text, "/") == 0);
}

/* "10.0.2.2:8088" or "[fd00::2]:8088" */
static bool
parse_address (struct route *route, const char *text)
{
  struct sockaddr_in *four = (struct sockaddr_in *) &route->address;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *) &route->address;
  bool is_six = *text == '[';
  const char *start = is_six ? text + 1 : text;
  size_t length = strcspn (start, is_six ? "]" : ":/");
  char address[INET6_ADDRSTRLEN];

  if (length >= sizeof address || strlen (text) >= sizeof route->host)
    return false;
  memcpy (address, start, length);
  address[length] = '\0';
  strcpy (route->host, text);
  route->host[strcspn (route->host, "/")] = '\0';
  if (is_six)
    {
      six->sin6_family = AF_INET6;
      route->address_length = sizeof *six;
      return start[length] == ']' && inet_pton (AF_INET6, address, &six->sin6_addr) == 1 &&
             parse_port_number (start + length + 1, &six->sin6_port);
    }

  four->sin_family = AF_INET;
  route->address_length = sizeof *four;
  return inet_pton (AF_INET, address, &four->sin_addr) == 1 &&
         parse_port_number (start + length, &four->sin_port);
}

/* "vport:NAME", and then *@port_name is set, or "http://ADDRESS[:PORT]". */
bool
route_parse (struct route *route, const char *url, const char **port_name)
{
  memset (route, 0, sizeof *route);
  *port_name = NULL;
  if (strncmp (url, "vport:", 6) == 0)
    {
      *port_name = url + 6;
      strcpy (route->host, "vmd");
      return url[6] != '\0';
    }

  return strncmp (url, "http://", 7) == 0 && parse_address (route, url + 7);
}

/* Can a connection be tried? */
bool
route_is_ready (const struct route *route)
{
  return route->port == NULL || route->port->mux.has_session;
}

static void
close_socket (struct connection *connection)
{
  loop_remove (&connection->watch);
  close (connection->watch.fd);
  connection->is_open = false;
}

static void
end (struct connection *connection)
{
  close_socket (connection);
  connection->functions->ended (connection->user);
}

/* False: there is nothing more, or no connection any more. */
static bool
read_some (struct connection *connection)
{
  char bytes[MUX_MAX_DATA];
  ssize_t n = read (connection->watch.fd, bytes, sizeof bytes);

  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return false;
  if (n <= 0)
    {
      end (connection);
      return false;
    }
  connection->functions->data (connection->user, bytes, (size_t) n);
  return connection->is_open;
}

/* What came goes before the end of it; errors are told by reading. */
static void
socket_ready (void *data, uint32_t events)
{
  struct connection *connection = data;

  if ((events & EPOLLOUT) != 0)
    {
      loop_change (&connection->watch, EPOLLIN);
      connection->functions->writable (connection->user);
    }
  if (connection->is_open && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    read_some (connection);
}

static bool
open_socket (struct connection *connection)
{
  const struct route *route = connection->route;
  int on = 1;
  int fd = socket (route->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return false;
  connection->watch.fd = fd;
  connection->watch.ready = socket_ready;
  connection->watch.data = connection;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if ((connect (fd, (const struct sockaddr *) &route->address, route->address_length) < 0 &&
       errno != EINPROGRESS) ||
      !loop_add (&connection->watch, EPOLLIN | EPOLLOUT))
    {
      close (fd);
      return false;
    }

  return true;
}

static void
shared_data (void *data, const char *bytes, size_t length)
{
  struct connection *connection = data;

  connection->functions->data (connection->user, bytes, length);
}

static void
shared_writable (void *data)
{
  struct connection *connection = data;

  connection->functions->writable (connection->user);
}

static void
shared_ended (void *data)
{
  struct connection *connection = data;

  connection->is_open = false;
  connection->functions->ended (connection->user);
}

/* False, with errno: it could not begin, and nobody is told anything. */
bool
connection_open (struct connection *connection, const struct route *route,
                 const struct connection_functions *functions, void *user)
{
  static const struct mux_user shared = { shared_data, shared_writable, shared_ended };

  memset (connection, 0, sizeof *connection);
  connection->route = route;
  connection->functions = functions;
  connection->user = user;
  if (route->port == NULL)
    connection->is_open = open_socket (connection);
  else
    {
      errno = ENOTCONN;
      connection->shared = mux_open (&route->port->mux, &shared, connection);
      connection->is_open = connection->shared != NULL;
    }

  return connection->is_open;
}

/* Returns how many bytes went; where that is not all, the user is told when more can. */
size_t
connection_send (struct connection *connection, const char *bytes, size_t length)
{
  ssize_t n;
  size_t sent;

  if (connection->shared != NULL)
    {
      sent = mux_send (connection->shared, bytes, length);
      mux_port_flush (connection->route->port);
      return sent;
    }

  n = send (connection->watch.fd, bytes, length, MSG_NOSIGNAL);
  sent = n > 0 ? (size_t) n : 0;
  if (sent < length)
    loop_change (&connection->watch, EPOLLIN | EPOLLOUT);
  return sent;
}

/* The user is told nothing more. */
void
connection_close (struct connection *connection)
{
  if (!connection->is_open)
    return;
  if (connection->shared == NULL)
    {
      close_socket (connection);
      return;
    }

  connection->is_open = false;
  mux_close (connection->shared);
  mux_port_flush (connection->route->port);
}
