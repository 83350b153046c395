/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One connection of one device, from its acceptance until it has ended: what it is to be sent, and
 * why it is to end. */

#include "../vmd-macros.h"

G_BEGIN_DECLS

/* One version of a device's values, as the wire has them. Never changed; counted by reference. */
typedef struct
{
  guint64 version;
  GBytes *payload;
} VmdConfigSnapshot;

VmdConfigSnapshot *vmd_config_snapshot_new (guint64 version, GBytes *payload);
VmdConfigSnapshot *vmd_config_snapshot_ref (VmdConfigSnapshot *self);
void vmd_config_snapshot_unref (VmdConfigSnapshot *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdConfigSnapshot, vmd_config_snapshot_unref)

typedef enum
{
  VMD_SUBSCRIPTION_LIVE,
  VMD_SUBSCRIPTION_LEFT, /* of itself: the peer went, or a write to it failed */
  VMD_SUBSCRIPTION_SUPERSEDED, /* a newer connection of the device took over */
  VMD_SUBSCRIPTION_SILENT, /* its lease ran out */
  VMD_SUBSCRIPTION_REVOKED, /* the credential that it came with is no longer good */
  VMD_SUBSCRIPTION_DELETED, /* there is no such device any more */
  VMD_SUBSCRIPTION_SHUT_DOWN, /* the broker closed */
} VmdSubscriptionEnd;

/* What the connection is told. On any thread and with no mutex held; neither may wait. `ended` must
 * break the connection's input and output, so that no write of it is under way for long; it may
 * come more than once, and from several threads. */
typedef struct
{
  void (*ready) (gpointer data); /* vmd_subscription_take() has something */
  void (*ended) (gpointer data);
  gpointer data;
  GDestroyNotify destroy; /* (nullable) of data, with the subscription */
} VmdSubscriptionSink;

/* Who connects. Strings are copied. */
typedef struct
{
  const char *device;
  const char *instance; /* the client's incarnation: the same one again is a reconnect */
  const char *peer; /* address, for people */
  const char *credential; /* id of the token it showed … */
  gint64 expires; /* … which is good until then: wall clock, microseconds; 0: always */
} VmdSubscriber;

typedef struct _VmdSubscription VmdSubscription;

VmdSubscription *vmd_subscription_new (const VmdSubscriber *subscriber, guint64 generation,
                                       gint64 since, const VmdSubscriptionSink *sink);
VmdSubscription *vmd_subscription_ref (VmdSubscription *self);
void vmd_subscription_unref (VmdSubscription *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdSubscription, vmd_subscription_unref)

const char *vmd_subscription_get_device (VmdSubscription *self);
const char *vmd_subscription_get_instance (VmdSubscription *self);
const char *vmd_subscription_get_peer (VmdSubscription *self);
const char *vmd_subscription_get_credential (VmdSubscription *self);
guint64 vmd_subscription_get_generation (VmdSubscription *self);
gint64 vmd_subscription_get_since (VmdSubscription *self);
gint64 vmd_subscription_get_expires (VmdSubscription *self);

void vmd_subscription_offer (VmdSubscription *self, VmdConfigSnapshot *snapshot);
void vmd_subscription_skip (VmdSubscription *self, guint64 version);
VmdConfigSnapshot *vmd_subscription_take (VmdSubscription *self);
gboolean vmd_subscription_end (VmdSubscription *self, VmdSubscriptionEnd end);
VmdSubscriptionEnd vmd_subscription_get_end (VmdSubscription *self);
const char *vmd_subscription_end_to_string (VmdSubscriptionEnd end);

G_END_DECLS
