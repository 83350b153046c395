/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../channel/model-connection.h"
#include "device-support.h"
#include "line-storage.h"
#include "scale.h"

#include "store/vmd-sqlite-private.h"
#include "vmd-presence-storage-private.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* Random histories on everything but the sockets: devices and a group in a real store, the manager
 * that publishes what is durable, the broker, and the storage that writes down who is connected.
 * They set, connect, take over, read the snapshot, deliver, acknowledge, disconnect, shut down and
 * crash, and are checked against a model: a table of what each version is.
 *
 * What is on the line between broker and storage when the process crashes is lost, as what is in
 * memory is.
 *
 * A history is a function of its seed, which is printed: VMD_TEST_SEED=N runs that one alone. */

#define HISTORIES 2500
#define DEVICES 3
#define MEMBERS 2 /* of these are in the group */
#define CONNECTIONS 8
#define STEPS 70

/* -- The world, and the model of it -- */

typedef struct
{
  Fixture *fixture;
  GRand *random;
  VmdFakeClock *clock;
  VmdPresenceStorage *presence;
  LineStorage *line;
  VmdBroker *broker;
  VmdDevice *devices[DEVICES];
  VmdDeviceGroup *group;
  ModelConnection connections[CONNECTIONS];

  /* The model. */
  char *ids[DEVICES];
  char *group_name;
  guint n_values; /* that were set */
  guint own[DEVICES]; /* 0: none is set */
  guint shared; /* by the group; 0: none */
  guint64 versions[DEVICES]; /* as durable */
  guint64 acknowledged[DEVICES];
  GHashTable *texts[DEVICES]; /* version → what is to be delivered */
  guint64 newest_generation[DEVICES]; /* that was sent its first event */
} World;

static guint
choose (World *world, guint n)
{
  return g_rand_int_range (world->random, 0, n);
}

static char *
describe (World *world, guint device, guint64 version)
{
  guint shared = device < MEMBERS ? world->shared : 0;
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_printf (text, "{\"version\":%" G_GUINT64_FORMAT ",\"values\":{", version);
  if (world->own[device] != 0)
    g_string_append_printf (text, "\"own\":%u", world->own[device]);
  if (world->own[device] != 0 && shared != 0)
    g_string_append_c (text, ',');
  if (shared != 0)
    g_string_append_printf (text, "\"shared\":%u", shared);
  g_string_append (text, "}}");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
note_version (World *world, guint device, guint64 version)
{
  g_assert_cmpuint (version, >, world->versions[device]);
  world->versions[device] = version;
  g_hash_table_insert (world->texts[device], g_memdup2 (&version, sizeof version),
                       describe (world, device, version));
}

static void
changed_cb (const char *device, VmdConfigSnapshot *snapshot, gpointer data)
{
  World *world = data;

  vmd_broker_publish (world->broker, device, snapshot);
}

static void
find_devices (World *world)
{
  for (guint i = 0; i < DEVICES; i++)
    {
      g_clear_object (&world->devices[i]);
      world->devices[i] = vmd_manager_find_device (world->fixture->manager, world->ids[i], NULL);
      g_assert_nonnull (world->devices[i]);
    }
  g_clear_object (&world->group);
  world->group = vmd_manager_find_group (world->fixture->manager, world->group_name, NULL);
  g_assert_nonnull (world->group);
}

static void
start (World *world)
{
  const VmdDeviceServer server = { .changed = changed_cb, .data = world };
  g_autoptr (GError) error = NULL;
  guint32 epoch = 0;

  world->presence = vmd_manager_open_presence (world->fixture->manager, &epoch, &error);
  g_assert_no_error (error);
  world->line = g_object_new (LINE_TYPE_STORAGE, NULL);
  world->broker = model_broker_new (VMD_BROKER_STORAGE (world->line), world->clock, epoch);
  vmd_manager_set_device_server (world->fixture->manager, &server, world->broker, &error);
  g_assert_no_error (error);
}

static void
pass_line_on (World *world)
{
  line_storage_pass_on (world->line, VMD_BROKER_STORAGE (world->presence), world->random);
}

/* -- What is looked at -- */

static gboolean
load_connected (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (VmdStatement) statement =
      vmd_sqlite_prepare (db, "SELECT device, generation FROM presence WHERE connected", error);

  while (vmd_sqlite_step (db, statement, error) == SQLITE_ROW)
    {
      guint64 generation = vmd_sqlite_get_unsigned (statement, 1, G_MAXINT64);

      g_hash_table_insert (data, vmd_sqlite_dup_text (statement, 0),
                           g_memdup2 (&generation, sizeof generation));
    }
  return TRUE;
}

/* In the store it is said of the live ones, and of no others. */
static void
check_store (World *world)
{
  g_autoptr (GHashTable) stored = NULL;
  g_autoptr (GError) error = NULL;
  guint n_live = 0;

  stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  pass_line_on (world);
  vmd_presence_storage_flush (world->presence, &error);
  g_assert_no_error (error);
  vmd_store_transact (world->fixture->manager->store, load_connected, stored, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < DEVICES; i++)
    {
      g_auto (VmdBrokerStatus) status = { FALSE };
      const guint64 *generation = g_hash_table_lookup (stored, world->ids[i]);

      vmd_broker_get_status (world->broker, world->ids[i], &status);
      g_assert_cmpint (generation != NULL, ==, status.connected);
      if (status.connected)
        g_assert_cmpuint (*generation, ==, status.generation);
      n_live += status.connected;
    }
  g_assert_cmpuint (g_hash_table_size (stored), ==, n_live);
}

static void
check_always (World *world)
{
  for (guint i = 0; i < DEVICES; i++)
    {
      guint n_live = model_connections_count_live (world->connections, CONNECTIONS, i);

      g_assert_cmpuint (n_live, <=, 1);
      g_assert_cmpuint (vmd_device_is_connected (world->devices[i]), ==, n_live);
      g_assert_cmpuint (vmd_device_get_version (world->devices[i]), ==, world->versions[i]);
      g_assert_cmpuint (vmd_device_get_applied_version (world->devices[i]), ==,
                        world->acknowledged[i]);
    }
}

/* -- What happens -- */

static void
set_value (World *world)
{
  guint device = choose (world, DEVICES);
  guint value = choose (world, 8) == 0 && world->own[device] != 0 ? 0 : ++world->n_values;
  g_autofree char *json = NULL;
  g_autoptr (GError) error = NULL;
  guint64 version;

  json = value != 0 ? g_strdup_printf ("{\"own\":%u}", value) : g_strdup ("{\"own\":null}");
  if (choose (world, 10) == 0)
    {
      version = patch (world->devices[device], json, world->versions[device] - 1, &error);
      g_assert_cmpuint (version, ==, 0);
      assert_vmd_error (error, VMD_ERROR_CONFLICT);
      return;
    }
  version = patch (world->devices[device], json, world->versions[device], &error);
  g_assert_no_error (error);
  world->own[device] = value;
  note_version (world, device, version);
}

static void
set_shared (World *world)
{
  guint value = ++world->n_values;
  g_autofree char *json = g_strdup_printf ("{\"shared\":%u}", value);
  g_autoptr (GError) error = NULL;
  guint64 version;

  version = patch_group (world->group, json, VMD_CONFIG_ANY_VERSION, &error);
  g_assert_no_error (error);
  world->shared = value;
  for (guint i = 0; i < MEMBERS; i++)
    note_version (world, i, version);
}

static void
connect_one (World *world, ModelConnection *connection)
{
  guint device = choose (world, DEVICES);

  model_connection_open (connection, world->broker, world->clock, device, world->ids[device],
                         choose (world, 2));
}

static void
read_snapshot (World *world, ModelConnection *connection)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;

  if (connection->subscription == NULL)
    return;
  snapshot = vmd_device_ref_snapshot (world->devices[connection->device]);
  model_connection_offer (connection, snapshot);
}

static void
acknowledge (World *world, const ModelConnection *connection)
{
  assert_good (
      report (world->devices[connection->device], connection->delivered, "ok", NULL, &error));
  world->acknowledged[connection->device] = connection->delivered;
}

static void
deliver (World *world, ModelConnection *connection)
{
  guint device = connection->device;
  g_autoptr (VmdConfigSnapshot) snapshot =
      model_connection_deliver (connection, &world->newest_generation[device]);
  const char *expected, *text;
  gsize size;

  if (snapshot == NULL)
    return;
  /* It is one that there was, whole. */
  expected = g_hash_table_lookup (world->texts[device], &snapshot->version);
  text = g_bytes_get_data (snapshot->payload, &size);
  g_assert_nonnull (expected);
  g_assert_cmpmem (text, size, expected, strlen (expected));
  if (choose (world, 3) == 0)
    acknowledge (world, connection);
}

/* -- Ends and beginnings -- */

static void
stop (World *world)
{
  vmd_manager_set_device_server (world->fixture->manager, NULL, NULL, NULL);
  vmd_presence_storage_close (world->presence);
  g_clear_object (&world->presence);
  g_clear_object (&world->broker);
  g_clear_object (&world->line);
}

static void
reopen_manager (World *world)
{
  vmd_manager_close (world->fixture->manager);
  for (guint i = 0; i < DEVICES; i++)
    g_clear_object (&world->devices[i]);
  g_clear_object (&world->group);
  g_clear_object (&world->fixture->manager);
  world->fixture->manager = open_another (world->fixture);
  find_devices (world);
}

/* Nobody leaves, and what is on the line is lost. */
static void
crash_and_restart (World *world)
{
  for (guint i = 0; i < CONNECTIONS; i++)
    g_clear_pointer (&world->connections[i].subscription, vmd_subscription_unref);
  stop (world);
  if (choose (world, 4) == 0)
    reopen_manager (world);
  start (world);
  check_store (world);
}

/* Everybody is told and leaves, and that is in the store before the next one begins. */
static void
shut_down_and_restart (World *world)
{
  vmd_broker_close (world->broker);
  for (guint i = 0; i < CONNECTIONS; i++)
    model_connection_close (&world->connections[i], world->broker);
  check_store (world);
  stop (world);
  start (world);
}

static void
step (World *world)
{
  ModelConnection *connection = &world->connections[choose (world, CONNECTIONS)];
  guint choice = choose (world, 200);

  if (choice < 40)
    set_value (world);
  else if (choice < 46)
    set_shared (world);
  else if (choice < 86)
    connect_one (world, connection);
  else if (choice < 116)
    read_snapshot (world, connection);
  else if (choice < 170)
    deliver (world, connection);
  else if (choice < 190)
    model_connection_close (connection, world->broker);
  else if (choice < 195)
    pass_line_on (world);
  else if (choice < 198)
    check_store (world);
  else if (choice == 198)
    crash_and_restart (world);
  else
    shut_down_and_restart (world);
  check_always (world);
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
  check_always (world);
  check_store (world);
}

static void
make_devices (World *world, guint32 seed)
{
  world->group_name = g_strdup_printf ("g%u", seed);
  world->group = add_group (world->fixture->manager, world->group_name);
  for (guint i = 0; i < DEVICES; i++)
    {
      world->ids[i] = g_strdup_printf ("d%u-%u", seed, i);
      world->texts[i] = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
      world->devices[i] = add_device (world->fixture->manager, world->ids[i], NULL, NULL);
      g_assert_nonnull (world->devices[i]);
      if (i < MEMBERS)
        assert_good (set_member (world->group, world->devices[i], TRUE, &error));
      note_version (world, i, vmd_device_get_version (world->devices[i]));
    }
}

static void
remove_devices (World *world)
{
  for (guint i = 0; i < DEVICES; i++)
    {
      assert_good (remove_device (world->devices[i], &error));
      g_clear_object (&world->devices[i]);
      g_hash_table_unref (world->texts[i]);
      g_free (world->ids[i]);
    }
  assert_good (remove_group (world->group, &error));
  g_clear_object (&world->group);
  g_free (world->group_name);
}

static void
run_history (gpointer data, guint32 seed)
{
  World world = { .fixture = data,
                  .random = g_rand_new_with_seed (seed),
                  .clock = vmd_fake_clock_new () };

  make_devices (&world, seed);
  start (&world);
  for (guint i = 0; i < STEPS; i++)
    step (&world);
  check_at_rest (&world);
  for (guint i = 0; i < CONNECTIONS; i++)
    model_connection_close (&world.connections[i], world.broker);
  check_store (&world);
  stop (&world);
  remove_devices (&world);
  g_clear_object (&world.clock);
  g_rand_free (world.random);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_histories (Fixture *fixture, gconstpointer data)
{
  model_run_histories (scaled (HISTORIES), run_history, fixture);
}

int
main (int argc, char **argv)
{
  /* The disk's slowness is not what is tested here. */
  if (g_getenv ("TMPDIR") == NULL && g_access ("/dev/shm", W_OK | X_OK) == 0)
    g_setenv ("TMPDIR", "/dev/shm", TRUE);
  handles_test_init (&argc, &argv);
  add_test ("/channel-model/histories", test_histories);
  return handles_test_run ();
}
