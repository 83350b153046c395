/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a stream and its loop know of each other. */

#include "vmd-stream-loop-private.h"
#include "vmd-stream-output-private.h"

G_BEGIN_DECLS

struct _VmdStream
{
  VmdStreamLoop *loop; /* a reference */
  VmdChannelPlace *place; /* (nullable) from the start on; constant then */
  int fd; /* constant */

  GMutex mutex; /* a leaf; guards what follows, up to the next mutex */
  VmdSubscription
      *subscription; /* (nullable) from the start on: the loop's reference, to the removal */
  VmdTlsSession *tls; /* (nullable) the pointer is constant */
  gboolean ended; /* the socket is shut down: nothing more is written */
  VmdStreamOutput output;

  /* The loop's mutex guards: */
  gboolean attached; /* the loop has it */
  gboolean queued; /* among `ready` */
  VmdStream *next_ready;

  /* The loop's thread's own. */
  gboolean watched; /* in the epoll set */
  gboolean blocked; /* in `blocked`, else in `idle` */
  gint64 due; /* monotonic microseconds */
  GList link; /* of one of these */
};

typedef enum
{
  VMD_STREAM_DRAINED,
  VMD_STREAM_PROGRESS, /* something was taken, but not all */
  VMD_STREAM_BLOCKED,
} VmdStreamState;

VmdStreamState vmd_stream_pump (VmdStream *self);
gboolean vmd_stream_send_heartbeat (VmdStream *self);
void vmd_stream_shut_down (VmdStream *self, VmdSubscriptionEnd end);

VmdStreamLoop *vmd_stream_loop_ref (VmdStreamLoop *self);
void vmd_stream_loop_unref (VmdStreamLoop *self);
VmdChannelMetrics *vmd_stream_loop_get_metrics (VmdStreamLoop *self);
void vmd_stream_loop_attach (VmdStreamLoop *self, VmdStream *stream);
void vmd_stream_loop_wake (VmdStreamLoop *self, VmdStream *stream);

G_END_DECLS
