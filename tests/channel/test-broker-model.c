/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-broker-private.h"

/* Random histories of set, connect, take over, read the snapshot, deliver, disconnect and
 * crash-and-restart, each step checked against what must always hold. A history is a function of
 * its seed, which is printed when it fails: VMD_TEST_SEED=N runs that one alone. */

#define DEVICES 3
#define CONNECTIONS 12
#define STEPS 120

typedef struct
{
  VmdSubscription *subscription; /* (nullable) unused */
  guint device;
  gboolean has_snapshot; /* it was read from the store */
  guint64 delivered; /* last version */
} Connection;

typedef struct
{
  GRand *random;
  VmdMemoryStorage *storage;
  VmdFakeClock *clock;
  VmdBroker *broker;
  guint32 epoch;
  guint64 versions[DEVICES]; /* as durable */
  guint64 newest_generation[DEVICES]; /* that was sent its first event */
  Connection connections[CONNECTIONS];
} World;

static const char *const devices[DEVICES] = { "alpha", "beta", "gamma" };

static void
ignore_cb (gpointer data)
{
}

static void
start_broker (World *world)
{
  const VmdContestLimits limits = { .takeovers = 16, .window = 1 };

  world->storage = vmd_memory_storage_new ();
  world->broker = vmd_broker_new (VMD_BROKER_STORAGE (world->storage), VMD_CLOCK (world->clock),
                                  ++world->epoch, &limits);
}

static VmdConfigSnapshot *
make_snapshot (guint64 version)
{
  g_autoptr (GBytes) payload = g_bytes_new (&version, sizeof version);

  return vmd_config_snapshot_new (version, payload);
}

static void
set_value (World *world)
{
  guint device = g_rand_int_range (world->random, 0, DEVICES);
  g_autoptr (VmdConfigSnapshot) snapshot = make_snapshot (++world->versions[device]);

  /* Publishers race: what is told of may be older than what is durable. */
  vmd_broker_publish (world->broker, devices[device], snapshot);
}

static void
drop (World *world, Connection *connection)
{
  vmd_broker_leave (world->broker, connection->subscription, VMD_SUBSCRIPTION_LEFT);
  g_clear_pointer (&connection->subscription, vmd_subscription_unref);
}

static void
connect_one (World *world, Connection *connection)
{
  guint device = g_rand_int_range (world->random, 0, DEVICES);
  g_autofree char *instance = g_strdup_printf ("i%d", g_rand_int_range (world->random, 0, 2));
  const VmdSubscriptionSink sink = { ignore_cb, ignore_cb, NULL, NULL };
  const VmdSubscriber subscriber = { devices[device], instance, "peer", "token" };
  gint64 retry_after = 0;
  g_autoptr (GError) error = NULL;

  if (connection->subscription != NULL)
    drop (world, connection);
  vmd_fake_clock_advance (world->clock, 10);
  connection->subscription =
      vmd_broker_subscribe (world->broker, &subscriber, &sink, &retry_after, &error);
  g_assert_no_error (error);
  connection->device = device;
  connection->has_snapshot = FALSE;
  connection->delivered = 0;
}

static void
read_snapshot (World *world, Connection *connection)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;

  if (connection->subscription == NULL || world->versions[connection->device] == 0)
    return;
  snapshot = make_snapshot (world->versions[connection->device]);
  vmd_subscription_offer (connection->subscription, snapshot);
  connection->has_snapshot = TRUE;
}

static void
deliver (World *world, Connection *connection)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  guint64 generation;

  if (connection->subscription == NULL)
    return;
  snapshot = vmd_subscription_take (connection->subscription);
  if (snapshot == NULL)
    return;
  generation = vmd_subscription_get_generation (connection->subscription);
  g_assert_cmpuint (snapshot->version, >, connection->delivered);
  g_assert_cmpuint (snapshot->version, <=, world->versions[connection->device]);
  /* Nobody who was superseded delivers after the newcomer has. */
  g_assert_cmpuint (generation, >=, world->newest_generation[connection->device]);
  world->newest_generation[connection->device] = generation;
  connection->delivered = snapshot->version;
}

static void
crash_and_restart (World *world)
{
  for (guint i = 0; i < CONNECTIONS; i++)
    g_clear_pointer (&world->connections[i].subscription, vmd_subscription_unref);
  g_clear_object (&world->broker);
  g_clear_object (&world->storage);
  start_broker (world);
}

static void
check_always (World *world)
{
  guint n_live = 0;

  for (guint device = 0; device < DEVICES; device++)
    {
      g_auto (VmdBrokerStatus) status = { FALSE };
      guint live = 0;

      for (guint i = 0; i < CONNECTIONS; i++)
        if (world->connections[i].subscription != NULL && world->connections[i].device == device &&
            vmd_subscription_get_end (world->connections[i].subscription) == VMD_SUBSCRIPTION_LIVE)
          live++;
      g_assert_cmpuint (live, <=, 1);
      vmd_broker_get_status (world->broker, devices[device], &status);
      g_assert_cmpuint (status.connected, ==, live);
      g_assert_cmpint (vmd_memory_storage_is_connected (world->storage, devices[device], NULL), ==,
                       status.connected);
      n_live += live;
    }
  g_assert_cmpuint (vmd_broker_get_n_live (world->broker), ==, n_live);
}

/* Everybody reads what there is to read; then each live device has the last value. */
static void
check_at_rest (World *world)
{
  for (guint i = 0; i < CONNECTIONS; i++)
    {
      Connection *connection = &world->connections[i];

      if (connection->subscription == NULL)
        continue;
      if (!connection->has_snapshot)
        read_snapshot (world, connection);
      deliver (world, connection);
      if (vmd_subscription_get_end (connection->subscription) == VMD_SUBSCRIPTION_LIVE)
        g_assert_cmpuint (connection->delivered, ==, world->versions[connection->device]);
    }
}

static void
step (World *world)
{
  Connection *connection = &world->connections[g_rand_int_range (world->random, 0, CONNECTIONS)];
  gint32 choice = g_rand_int_range (world->random, 0, 100);

  if (choice < 25)
    set_value (world);
  else if (choice < 45)
    connect_one (world, connection);
  else if (choice < 62)
    read_snapshot (world, connection);
  else if (choice < 88)
    deliver (world, connection);
  else if (choice < 98 && connection->subscription != NULL)
    drop (world, connection);
  else if (choice == 99)
    crash_and_restart (world);
  check_always (world);
}

static void
run_history (guint32 seed)
{
  World world = { .random = g_rand_new_with_seed (seed), .clock = vmd_fake_clock_new () };

  g_test_message ("seed %u", seed);
  start_broker (&world);
  for (guint i = 0; i < STEPS; i++)
    step (&world);
  check_at_rest (&world);
  for (guint i = 0; i < CONNECTIONS; i++)
    if (world.connections[i].subscription != NULL)
      drop (&world, &world.connections[i]);
  check_always (&world);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (world.storage), ==, 0);
  g_clear_object (&world.broker);
  g_clear_object (&world.storage);
  g_clear_object (&world.clock);
  g_rand_free (world.random);
}

static void
test_histories (void)
{
  const char *wanted = g_getenv ("VMD_TEST_SEED");
  guint32 first = g_random_int ();

  if (wanted != NULL)
    {
      run_history (g_ascii_strtoull (wanted, NULL, 10));
      return;
    }
  g_test_message ("seeds %u and 9,999 more", first);
  for (guint32 i = 0; i < 10000; i++)
    run_history (first + i);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/broker/histories", test_histories);
  return g_test_run ();
}
