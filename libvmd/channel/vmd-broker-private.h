/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which connection of a device is the live one, and what it is to be sent. No HTTP here. */

#include "../base/vmd-clock-private.h"
#include "vmd-broker-storage-private.h"
#include "vmd-contest-private.h"
#include "vmd-error.h"
#include "vmd-subscription-private.h"

G_BEGIN_DECLS

#define VMD_TYPE_BROKER (vmd_broker_get_type ())
G_DECLARE_FINAL_TYPE (VmdBroker, vmd_broker, VMD, BROKER, GObject)

/* A moment's view of a device. Text is (transfer full). */
typedef struct
{
  gboolean connected;
  guint64 generation;
  gint64 since; /* wall clock, microseconds */
  char *peer; /* (nullable) */
  gboolean contested;
  char *rival; /* (nullable) peer of the last one that was refused */
} VmdBrokerStatus;

void vmd_broker_status_clear (VmdBrokerStatus *status);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdBrokerStatus, vmd_broker_status_clear)

/* A store has signed numbers of 64 bits, and forty of them count. */
#define VMD_BROKER_MAX_EPOCH ((1u << 23) - 1)

VmdBroker *vmd_broker_new (VmdBrokerStorage *storage, VmdClock *clock, guint32 epoch,
                           const VmdContestLimits *limits);
VmdSubscription *
vmd_broker_subscribe (VmdBroker *self, const VmdSubscriber *subscriber,
                      const VmdSubscriptionSink *sink, gint64 *retry_after, GError **error);
void vmd_broker_publish (VmdBroker *self, const char *device, VmdConfigSnapshot *snapshot);
void vmd_broker_leave (VmdBroker *self, VmdSubscription *subscription, VmdSubscriptionEnd end);
gboolean vmd_broker_end_device (VmdBroker *self, const char *device, const char *credential,
                                VmdSubscriptionEnd end);
void vmd_broker_get_status (VmdBroker *self, const char *device, VmdBrokerStatus *status);
guint vmd_broker_get_n_live (VmdBroker *self);
void vmd_broker_close (VmdBroker *self);

G_END_DECLS
