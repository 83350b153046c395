/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mux-port.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Where the server is, and streams of bytes to it. */

#define ROUTE_MAX_HOST 64

struct route
{
  char host[ROUTE_MAX_HOST]; /* as requests name it */
  struct mux_port *port; /* NULL: over TCP, to … */
  struct sockaddr_storage address;
  socklen_t address_length;
};

bool route_parse (struct route *route, const char *url, const char **port_name);
bool route_is_ready (const struct route *route);

/* What both of them are told. After @ended there is no connection any more. */
struct connection_functions
{
  void (*data) (void *user, const char *bytes, size_t length);
  void (*writable) (void *user);
  void (*ended) (void *user);
};

struct connection
{
  const struct route *route;
  const struct connection_functions *functions;
  void *user;
  struct mux_connection *shared; /* over the port; NULL: it is a socket */
  struct loop_watch watch;
  bool is_open;
};

bool connection_open (struct connection *connection, const struct route *route,
                      const struct connection_functions *functions, void *user);
size_t connection_send (struct connection *connection, const char *bytes, size_t length);
void connection_close (struct connection *connection);
