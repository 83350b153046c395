/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The listening socket, and what comes in on it. */

#include "vmd-channel-metrics-private.h"

#include <gio/gio.h>
#include <sys/socket.h>

G_BEGIN_DECLS

typedef struct
{
  GMainContext *context;
  VmdChannelMetrics *metrics;
  guint user_timeout; /* seconds that a peer may leave something unacknowledged */
  /* In @context: @fd is taken. */
  void (*accepted) (int fd, const struct sockaddr_storage *address, gpointer data);
  gpointer data;
} VmdChannelListenerTarget;

typedef struct _VmdChannelListener VmdChannelListener;

GSocketAddress *vmd_channel_address_parse (const char *text, GError **error);
gboolean vmd_channel_address_is_loopback (GSocketAddress *address);
char *vmd_channel_address_format (const struct sockaddr_storage *address);

/* IN_USE: the address is taken; INVALID_ARGUMENT, FAILED. @target is copied. (transfer full) */
VmdChannelListener *
vmd_channel_listener_new (GSocketAddress *address, const VmdChannelListenerTarget *target,
                          GError **error);
/* "127.0.0.1:4711", with the port that it is. (transfer full) */
char *vmd_channel_listener_dup_address (VmdChannelListener *self);
/* In the target's context, or when nobody runs it any more. */
void vmd_channel_listener_free (VmdChannelListener *self);

G_END_DECLS
