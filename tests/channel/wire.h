/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server on the loopback, and clients of it that are plain sockets. */

#include "memory-directory.h"
#include "watched-storage.h"

#include "channel/vmd-channel-server-private.h"

G_BEGIN_DECLS

/* Only a hang reaches it. */
#define WIRE_LIMIT 20 /* seconds */

typedef struct
{
  VmdMemoryStorage *storage;
  WatchedStorage *watched; /* of the storage; the broker's */
  VmdBroker *broker;
  MemoryDirectory *directory;
  VmdChannelServer *server;
  guint32 host; /* in network order */
  guint port;
} Wire;

/* Options that listen, and no limit that a test does not ask for. */
void wire_options_init (VmdChannelOptions *options);
void wire_start (Wire *self, const VmdChannelOptions *options);
/* Stops it, and looks that nothing is left. */
void wire_stop (Wire *self);

/* Until so many devices are connected, as the storage has it. */
void wire_wait_for_connected (Wire *self, guint n_connected);
/* Until the storage has been told so often that a connection is no more. */
void wire_wait_for_cleanings (Wire *self, guint n_cleanings);
/* What the server's metrics say of @name, labels included. */
guint64 wire_get_count (Wire *self, const char *name);

int wire_connect (Wire *self);
/* The same with a socket that there is. */
void wire_connect_socket (Wire *self, int fd);
void wire_send (int fd, const char *text);
/* Reads until @text has come; fails when the connection ends before. What was read. */
char *wire_read_until (int fd, const char *text);
/* Reads up to the end of the connection. (transfer full) */
char *wire_read_all (int fd);
/* Sends a request, and reads its answer up to the end of the connection. (transfer full) */
char *wire_ask (Wire *self, const char *request);
/* Subscribes, and reads up to the end of the header. */
void wire_subscribe_on (int fd, const char *device, const char *headers);
int wire_subscribe (Wire *self, const char *device, const char *headers);
guint wire_get_status (const char *answer);
/* But those of events, of which GLib makes some at moments of its own. */
guint wire_count_descriptors (void);

G_END_DECLS
