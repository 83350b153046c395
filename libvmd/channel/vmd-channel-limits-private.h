/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many connections there may be: in all, from one address, and of one device in a second. */

#include <glib.h>
#include <sys/socket.h>

G_BEGIN_DECLS

typedef struct
{
  guint max_connections; /* 0: no limit */
  guint max_per_address; /* 0: no limit */
  guint max_connects_per_second; /* 0: no limit */
} VmdChannelMaxima;

/* Counted by reference: a place that is held keeps it. */
typedef struct _VmdChannelLimits VmdChannelLimits;
/* A connection's place among those that there may be. */
typedef struct _VmdChannelPlace VmdChannelPlace;

guint vmd_channel_limits_get_most (guint configured);
VmdChannelLimits *vmd_channel_limits_new (const VmdChannelMaxima *maxima);
void vmd_channel_limits_unref (VmdChannelLimits *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdChannelLimits, vmd_channel_limits_unref)

VmdChannelPlace *
vmd_channel_limits_enter (VmdChannelLimits *self, const struct sockaddr_storage *address,
                          gboolean *is_full);
void vmd_channel_place_leave (VmdChannelPlace *place);
guint vmd_channel_limits_get_n_connections (VmdChannelLimits *self);
gboolean vmd_channel_limits_may_connect (VmdChannelLimits *self, const char *device, gint64 now);

G_END_DECLS
