/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running VMs as devices of a channel. */

#include "channel/vmd-broker-private.h"
#include "channel/vmd-channel-server-private.h"
#include "vmd-manager.h"

G_BEGIN_DECLS

typedef struct _VmdChannelGuests VmdChannelGuests;

/* From now on each running VM of @manager, whoever starts it, has a link by which its guest reaches
 * @server, as long as it runs. One that takes nothing for @lease microseconds is disconnected at
 * @broker. FAILED: no descriptors. (transfer full) */
VmdChannelGuests *vmd_channel_guests_new (VmdManager *manager, VmdChannelServer *server,
                                          VmdBroker *broker, gint64 lease, GError **error);
void vmd_channel_guests_free (VmdChannelGuests *self);

G_END_DECLS
