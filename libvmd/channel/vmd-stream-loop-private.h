/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The live streams, however many, on one thread. */

#include "vmd-broker-private.h"
#include "vmd-channel-limits-private.h"
#include "vmd-channel-metrics-private.h"
#include "vmd-tls-session-private.h"

G_BEGIN_DECLS

typedef struct
{
  VmdBroker *broker; /* the loop takes a reference */
  VmdChannelMetrics *metrics; /* outlives the loop's thread */
  guint heartbeat; /* seconds */
  guint lease; /* seconds */
} VmdStreamRules;

typedef struct _VmdStreamLoop VmdStreamLoop;
typedef struct _VmdStream VmdStream;

/* FAILED: no descriptors. (transfer full) */
VmdStreamLoop *vmd_stream_loop_new (const VmdStreamRules *rules, GError **error);
/* Ends what still lives, and the thread. Lets go of the loop; each stream keeps it as long as it
 * has to. */
void vmd_stream_loop_stop (VmdStreamLoop *self);

/* A stream on @fd, by @tls (nullable), which are the caller's still. Its sink is for
 * vmd_broker_subscribe(), which takes the stream. (transfer full) */
VmdStream *
vmd_stream_new (VmdStreamLoop *loop, int fd, VmdTlsSession *tls, VmdSubscriptionSink *sink);
/* @subscription came of the sink; from now on @fd, @tls and @place are the stream's. Sends the
 * header and what there is to send; the loop sees to the rest, up to the end. Takes @subscription.
 */
void vmd_stream_start (VmdStream *self, VmdSubscription *subscription, VmdChannelPlace *place);

G_END_DECLS
