/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "channel/vmd-broker-private.h"

/* A connection of a model test, and what must hold of what it is delivered, whatever happens
 * besides. A history is a function of its seed. */
typedef struct
{
  VmdSubscription *subscription; /* (nullable) unused */
  guint device; /* its number in the model */
  gboolean has_snapshot; /* it was read */
  guint64 delivered; /* last version */
} ModelConnection;

/* With one history for each seed from a random one on; with VMD_TEST_SEED, that one alone. */
void model_run_histories (guint n, void (*run) (gpointer data, guint32 seed), gpointer data);

/* Nobody is contested: that is a test of its own. */
VmdBroker *model_broker_new (VmdBrokerStorage *storage, VmdFakeClock *clock, guint32 epoch);

/* Ends what it was before. @id: of the device that has the number @device. */
void model_connection_open (ModelConnection *self, VmdBroker *broker, VmdFakeClock *clock,
                            guint device, const char *id, guint instance);
void model_connection_close (ModelConnection *self, VmdBroker *broker);
gboolean model_connection_is_live (const ModelConnection *self);
/* @snapshot: as it was read when the connection had been made */
void model_connection_offer (ModelConnection *self, VmdConfigSnapshot *snapshot);
/* Returns: (transfer full) (nullable): what it is sent now. @newest_generation: (inout): of those
 * of its device, that was sent something */
VmdConfigSnapshot *model_connection_deliver (ModelConnection *self, guint64 *newest_generation);

guint model_connections_count_live (const ModelConnection *connections, guint n, guint device);
