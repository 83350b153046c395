/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connections that speak HTTP, and how long they may take. The server's thread only. */

#include "vmd-channel-limits-private.h"
#include "vmd-channel-metrics-private.h"
#include "vmd-channel.h"
#include "vmd-socket-stream-private.h"

G_BEGIN_DECLS

typedef struct _VmdConnectionWatch VmdConnectionWatch;

/* What a new connection is. */
typedef struct
{
  int fd; /* taken */
  char *peer; /* taken */
  VmdChannelPlace *place; /* (nullable) taken */
  VmdTlsCredentials *credentials; /* (nullable) of the server: TLS */
  gboolean is_guest;
} VmdConnectionPlan;

typedef struct
{
  VmdConnectionWatch *watch;
  VmdSocketStream *socket; /* a reference */
  char *peer;
  VmdChannelPlace *place; /* (nullable): a stream has it */
  gboolean is_guest;

  GList link; /* of one of the watch's lists */
  gboolean is_answering;
  gboolean has_answered; /* a request, at least */
  gint64 due; /* monotonic microseconds */
} VmdChannelConnection;

VmdConnectionWatch *vmd_connection_watch_new (GMainContext *context, VmdChannelMetrics *metrics,
                                              const VmdChannelOptions *options);
void vmd_connection_watch_shut_down_all (VmdConnectionWatch *self);
guint vmd_connection_watch_get_n_connections (VmdConnectionWatch *self);
void vmd_connection_watch_free (VmdConnectionWatch *self);

VmdChannelConnection *
vmd_channel_connection_new (VmdConnectionWatch *watch, const VmdConnectionPlan *plan);
void vmd_channel_connection_free (VmdChannelConnection *self);
void vmd_channel_connection_await_request (VmdChannelConnection *self);
void vmd_channel_connection_take_header (VmdChannelConnection *self);
void vmd_channel_connection_answer (VmdChannelConnection *self);
void vmd_channel_connection_let_go (VmdChannelConnection *self);
void vmd_channel_connection_shut_down (VmdChannelConnection *self);
gboolean vmd_channel_connection_is_open (VmdChannelConnection *self);

G_END_DECLS
