/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An SSH server on the loopback, with keys and a configuration of its own: real ones, and such as
 * do what no server should. It has the socket first and the server second (`sshd -i`), so that no
 * port is chosen before it is bound. */

#include "libvmd/transport/vmd-transport-private.h"

G_BEGIN_DECLS

typedef enum
{
  SERVER_OPENSSH,
  SERVER_DROPBEAR,
  SERVER_SILENT, /* accepts and says nothing */
  SERVER_BABBLING, /* says what is no greeting, for ever */
  SERVER_CURT, /* accepts and hangs up */
  SERVER_DEAF, /* has a port, and accepts nothing */
} ServerKind;

typedef struct
{
  ServerKind kind;
  char *directory; /* private, removed at the end */
  char *program; /* vmd's own, in it */
  VmdGuestAddress *address; /* right in all: a test makes wrong what it likes */
  const char
      *configuration; /* (nullable): more lines for sshd_config, set before the first connection */
  int listen_fd;
  int stop_fd;
  GThread *thread;
  GMutex mutex;
  GArray *pids; /* of the servers, one for each connection */
} Server;

/* NULL after g_test_skip(), when there is no such server here. */
Server *server_new (ServerKind kind);
void server_free (Server *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Server, server_free)

/* The transport to it, as to a guest: with vmd's own program. (transfer full) */
VmdTransport *server_transport_new (Server *self);
/* Has the connection run a command and then stand by for the next one. */
void server_warm_up (VmdGuestConnection *connection);
gboolean server_stands_by (VmdGuestConnection *connection);

/* Sends a signal to every server process. */
void server_signal (Server *self, int number);

G_END_DECLS
