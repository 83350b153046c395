/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is counted, for whoever watches over the channel. */

#include "vmd-subscription-private.h"

G_BEGIN_DECLS

typedef enum
{
  VMD_CHANNEL_COUNT_CONNECTIONS, /* accepted */
  VMD_CHANNEL_COUNT_REFUSED, /* connections over a limit */
  VMD_CHANNEL_COUNT_OUT_OF_DESCRIPTORS, /* connections that there was no descriptor for */
  VMD_CHANNEL_COUNT_LATE, /* requests that did not come in, or were not taken, in time */
  VMD_CHANNEL_COUNT_REQUESTS, /* of any kind, answered */
  VMD_CHANNEL_COUNT_BAD_REQUESTS, /* answered by a status from 400 to 499 */
  VMD_CHANNEL_COUNT_FAILED_REQUESTS, /* from 500 on */
  VMD_CHANNEL_COUNT_UNAUTHENTICATED,
  VMD_CHANNEL_COUNT_STREAMS, /* begun */
  VMD_CHANNEL_COUNT_SNAPSHOTS, /* put on a stream */
  VMD_CHANNEL_COUNT_HEARTBEATS,
  VMD_CHANNEL_N_COUNTS
} VmdChannelCount;

/* Atomic, each of them. */
typedef struct
{
  guint64 counts[VMD_CHANNEL_N_COUNTS];
  guint64 ends[VMD_SUBSCRIPTION_SHUT_DOWN + 1]; /* of streams, by reason */
} VmdChannelMetrics;

/* What has a value now, and is no count. */
typedef struct
{
  guint devices;
  guint connected;
  guint connections;
} VmdChannelGauges;

static inline void
vmd_channel_metrics_count (VmdChannelMetrics *self, VmdChannelCount count)
{
  __atomic_add_fetch (&self->counts[count], 1, __ATOMIC_RELAXED);
}

void vmd_channel_metrics_count_end (VmdChannelMetrics *self, VmdSubscriptionEnd end);
/* Prometheus' text format. (transfer full) */
char *vmd_channel_metrics_format (VmdChannelMetrics *self, const VmdChannelGauges *gauges);

G_END_DECLS
