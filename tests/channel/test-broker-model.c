/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model-connection.h"

/* Random histories of set, connect, take over, read the snapshot, deliver, disconnect and
 * crash-and-restart, each step checked against what must always hold. A history is a function of
 * its seed, which is printed when it fails: VMD_TEST_SEED=N runs that one alone. */

#define DEVICES 3
#define CONNECTIONS 12
#define STEPS 120

typedef struct
{
  GRand *random;
  VmdMemoryStorage *storage;
  VmdFakeClock *clock;
  VmdBroker *broker;
  guint32 epoch;
  guint64 versions[DEVICES]; /* as durable */
  guint64 newest_generation[DEVICES]; /* that was sent its first event */
  ModelConnection connections[CONNECTIONS];
} World;

static const char *const devices[DEVICES] = { "alpha", "beta", "gamma" };

static void
start_broker (World *world)
{
  world->storage = vmd_memory_storage_new ();
  world->broker =
      model_broker_new (VMD_BROKER_STORAGE (world->storage), world->clock, ++world->epoch);
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
connect_one (World *world, ModelConnection *connection)
{
  guint device = g_rand_int_range (world->random, 0, DEVICES);

  model_connection_open (connection, world->broker, world->clock, device, devices[device],
                         g_rand_int_range (world->random, 0, 2));
}

static void
read_snapshot (World *world, ModelConnection *connection)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;

  if (connection->subscription == NULL || world->versions[connection->device] == 0)
    return;
  snapshot = make_snapshot (world->versions[connection->device]);
  model_connection_offer (connection, snapshot);
}

static void
deliver (World *world, ModelConnection *connection)
{
  g_autoptr (VmdConfigSnapshot) snapshot =
      model_connection_deliver (connection, &world->newest_generation[connection->device]);

  if (snapshot != NULL)
    g_assert_cmpuint (snapshot->version, <=, world->versions[connection->device]);
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
      guint live = model_connections_count_live (world->connections, CONNECTIONS, device);

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
      ModelConnection *connection = &world->connections[i];

      if (connection->subscription == NULL)
        continue;
      if (!connection->has_snapshot)
        read_snapshot (world, connection);
      deliver (world, connection);
      if (model_connection_is_live (connection))
        g_assert_cmpuint (connection->delivered, ==, world->versions[connection->device]);
    }
}

static void
step (World *world)
{
  ModelConnection *connection =
      &world->connections[g_rand_int_range (world->random, 0, CONNECTIONS)];
  gint32 choice = g_rand_int_range (world->random, 0, 100);

  if (choice < 25)
    set_value (world);
  else if (choice < 45)
    connect_one (world, connection);
  else if (choice < 62)
    read_snapshot (world, connection);
  else if (choice < 88)
    deliver (world, connection);
  else if (choice < 98)
    model_connection_close (connection, world->broker);
  else if (choice == 99)
    crash_and_restart (world);
  check_always (world);
}

static void
run_history (gpointer data, guint32 seed)
{
  World world = { .random = g_rand_new_with_seed (seed), .clock = vmd_fake_clock_new () };

  start_broker (&world);
  for (guint i = 0; i < STEPS; i++)
    step (&world);
  check_at_rest (&world);
  for (guint i = 0; i < CONNECTIONS; i++)
    model_connection_close (&world.connections[i], world.broker);
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
  model_run_histories (10000, run_history, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/broker/histories", test_histories);
  return g_test_run ();
}
