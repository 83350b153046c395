/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model-connection.h"

void
model_run_histories (guint n, void (*run) (gpointer data, guint32 seed), gpointer data)
{
  const char *wanted = g_getenv ("VMD_TEST_SEED");
  guint32 first = wanted != NULL ? g_ascii_strtoull (wanted, NULL, 10) : g_random_int ();

  if (wanted != NULL)
    n = 1;
  g_test_message ("%u histories from seed %u on", n, first);
  for (guint32 i = 0; i < n; i++)
    {
      g_test_message ("seed %u", first + i);
      run (data, first + i);
    }
}

VmdBroker *
model_broker_new (VmdBrokerStorage *storage, VmdFakeClock *clock, guint32 epoch)
{
  const VmdContestLimits limits = { .takeovers = 16, .window = 1 };

  return vmd_broker_new (storage, VMD_CLOCK (clock), epoch, &limits);
}

static void
ignore_cb (gpointer data)
{
}

void
model_connection_open (ModelConnection *self, VmdBroker *broker, VmdFakeClock *clock, guint device,
                       const char *id, guint instance)
{
  g_autofree char *name = g_strdup_printf ("i%u", instance);
  const VmdSubscriptionSink sink = { ignore_cb, ignore_cb, NULL, NULL };
  const VmdSubscriber subscriber = {
    .device = id, .instance = name, .peer = "peer", .credential = "token"
  };
  gint64 retry_after = 0;
  g_autoptr (GError) error = NULL;

  model_connection_close (self, broker);
  vmd_fake_clock_advance (clock, 10);
  self->subscription = vmd_broker_subscribe (broker, &subscriber, &sink, &retry_after, &error);
  g_assert_no_error (error);
  self->device = device;
  self->has_snapshot = FALSE;
  self->delivered = 0;
}

void
model_connection_close (ModelConnection *self, VmdBroker *broker)
{
  if (self->subscription == NULL)
    return;
  vmd_broker_leave (broker, self->subscription, VMD_SUBSCRIPTION_LEFT);
  g_clear_pointer (&self->subscription, vmd_subscription_unref);
}

gboolean
model_connection_is_live (const ModelConnection *self)
{
  return self->subscription != NULL &&
         vmd_subscription_get_end (self->subscription) == VMD_SUBSCRIPTION_LIVE;
}

void
model_connection_offer (ModelConnection *self, VmdConfigSnapshot *snapshot)
{
  vmd_subscription_offer (self->subscription, snapshot);
  self->has_snapshot = TRUE;
}

VmdConfigSnapshot *
model_connection_deliver (ModelConnection *self, guint64 *newest_generation)
{
  VmdConfigSnapshot *snapshot;
  guint64 generation;

  if (self->subscription == NULL)
    return NULL;
  snapshot = vmd_subscription_take (self->subscription);
  if (snapshot == NULL)
    return NULL;
  generation = vmd_subscription_get_generation (self->subscription);
  g_assert_cmpuint (snapshot->version, >, self->delivered);
  /* Nobody who was superseded delivers after the newcomer has. */
  g_assert_cmpuint (generation, >=, *newest_generation);
  *newest_generation = generation;
  self->delivered = snapshot->version;
  return snapshot;
}

guint
model_connections_count_live (const ModelConnection *connections, guint n, guint device)
{
  guint n_live = 0;

  for (guint i = 0; i < n; i++)
    n_live += connections[i].device == device && model_connection_is_live (&connections[i]);
  return n_live;
}
