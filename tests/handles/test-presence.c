/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

#include "base/vmd-fault-private.h"
#include "store/vmd-sqlite-private.h"
#include "vmd-presence-storage-private.h"

/* Who is connected, from the broker's threads to the store. */

#define INTERVAL_MS 250 /* as the storage has it */

typedef struct
{
  const char *device;
  VmdPresenceRow *row;
} Lookup;

static gboolean
look_up (sqlite3 *db, gpointer data, GError **error)
{
  Lookup *lookup = data;

  lookup->row = vmd_presence_row_load (db, lookup->device, error);
  return *error == NULL;
}

/* Returns: (nullable): as it is in the store */
static VmdPresenceRow *
load (Fixture *fixture, const char *device)
{
  Lookup lookup = { .device = device };
  GError *error = NULL;

  vmd_store_transact (fixture->manager->store, look_up, &lookup, NULL, &error);
  g_assert_no_error (error);
  return lookup.row;
}

static void
assert_stored (Fixture *fixture, const char *device, guint64 generation, gboolean connected)
{
  g_autoptr (VmdPresenceRow) row = load (fixture, device);

  g_assert_nonnull (row);
  g_assert_cmpuint (row->generation, ==, generation);
  g_assert_cmpint (row->connected, ==, connected);
}

static gboolean
count_writes (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (VmdStatement) statement =
      vmd_sqlite_prepare (db, "SELECT count (*) FROM changes WHERE kind = 'presence'", error);

  g_assert_cmpint (vmd_sqlite_step (db, statement, error), ==, SQLITE_ROW);
  *(guint *) data = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

static guint
get_n_writes (Fixture *fixture)
{
  guint n = 0;

  g_assert_true (vmd_store_transact (fixture->manager->store, count_writes, &n, NULL, NULL));
  return n;
}

static VmdBrokerStorage *
open_presence (Fixture *fixture, guint64 *base)
{
  g_autoptr (GError) error = NULL;
  VmdPresenceStorage *presence;
  guint32 epoch = 0;

  presence = vmd_manager_open_presence (fixture->manager, &epoch, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (epoch, >, 0);
  if (base != NULL)
    *base = (guint64) epoch << 40;
  return VMD_BROKER_STORAGE (presence);
}

static void
add (Fixture *fixture, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdDevice) device = NULL;

  device = add_device (fixture->manager, id, NULL, &error);
  g_assert_no_error (error);
}

static void
flush (VmdBrokerStorage *storage)
{
  assert_good (vmd_presence_storage_flush (VMD_PRESENCE_STORAGE (storage), &error));
}

static void
close_presence (VmdBrokerStorage *storage)
{
  vmd_presence_storage_close (VMD_PRESENCE_STORAGE (storage));
  g_assert_finalize_object (G_OBJECT (storage));
}

static void
claim (VmdBrokerStorage *storage, const char *device, guint64 generation)
{
  vmd_broker_storage_claim (storage, device, generation, "192.0.2.1:9", 1700000000000000);
}

static void
wait_for_presence (VmdDevice *device, gboolean connected)
{
  gint64 limit = g_get_monotonic_time () + HANG_SECONDS * G_USEC_PER_SEC;

  while (vmd_device_is_connected (device) != connected)
    {
      if (g_get_monotonic_time () > limit)
        g_error ("The device is not shown as %s", connected ? "connected" : "disconnected");
      g_main_context_iteration (NULL, FALSE);
    }
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Nobody asks for it to be written, and another process sees it. */
static void
test_written_behind (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdDevice) same = NULL;
  g_autofree char *peer = NULL;
  VmdBrokerStorage *storage;
  guint64 base;

  add (fixture, "a");
  same = wait_for_device (other, "a");
  storage = open_presence (fixture, &base);
  g_assert_false (vmd_device_is_connected (same));
  claim (storage, "a", base + 1);
  wait_for_presence (same, TRUE);
  peer = vmd_device_dup_peer (same);
  g_assert_cmpstr (peer, ==, "192.0.2.1:9");
  g_assert_cmpuint (vmd_device_get_generation (same), ==, base + 1);
  g_assert_cmpint (vmd_device_get_since (same), ==, 1700000000000000);
  vmd_broker_storage_clean (storage, "a", base + 1);
  wait_for_presence (same, FALSE);
  g_assert_cmpuint (vmd_device_get_generation (same), ==, 0);
  close_presence (storage);
  g_clear_object (&same);
  vmd_manager_close (other);
}

/* In whatever order they come, in one batch or in several. */
static void
test_generations (Fixture *fixture, gconstpointer data)
{
  guint64 base;
  VmdBrokerStorage *storage = open_presence (fixture, &base);

  add (fixture, "a");
  for (guint is_apart = 0; is_apart <= 1; is_apart++)
    {
      guint64 first = base + 1 + 10 * is_apart;
      const struct
      {
        gboolean connected;
        guint64 generation;
        guint64 expected;
        gboolean is_expected_connected;
      } steps[] = {
        { TRUE, first + 1, first + 1, TRUE },  { FALSE, first, first + 1, TRUE },
        { TRUE, first, first + 1, TRUE },      { FALSE, first + 1, first + 1, FALSE },
        { TRUE, first + 1, first + 1, FALSE }, { TRUE, first + 2, first + 2, TRUE },
      };

      for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
        {
          if (steps[i].connected)
            claim (storage, "a", steps[i].generation);
          else
            vmd_broker_storage_clean (storage, "a", steps[i].generation);
          if (!is_apart && i + 1 < G_N_ELEMENTS (steps))
            continue;
          flush (storage);
          assert_stored (fixture, "a", steps[i].expected, steps[i].is_expected_connected);
        }
    }
  close_presence (storage);
}

static void
count_cb (VmdManager *manager, VmdDevice *device, guint *count)
{
  (*count)++;
}

/* However often a device is taken over, it is written and told of four times a second. */
static void
test_coalesced (Fixture *fixture, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();
  guint n_told = 0, n_writes, n_most;
  VmdBrokerStorage *storage;
  guint64 base;

  add (fixture, "a");
  storage = open_presence (fixture, &base);
  settle ();
  g_signal_connect (fixture->manager, "device-changed", G_CALLBACK (count_cb), &n_told);
  n_writes = get_n_writes (fixture);
  for (guint i = 0; i < 100000; i++)
    {
      claim (storage, "a", base + 2 * i);
      vmd_broker_storage_clean (storage, "a", base + 2 * i - 2);
      if (i % 1000 == 0)
        settle ();
    }
  flush (storage);
  settle ();
  n_most = (g_get_monotonic_time () - begin) / (INTERVAL_MS * 1000) + 2;
  g_assert_cmpuint (get_n_writes (fixture) - n_writes, >=, 1);
  g_assert_cmpuint (get_n_writes (fixture) - n_writes, <=, n_most);
  /* Nobody serves the devices here, so what is written is told of once more. */
  g_assert_cmpuint (n_told, >=, 1);
  g_assert_cmpuint (n_told, <=, 2 * n_most);
  assert_stored (fixture, "a", base + 199998, TRUE);
  close_presence (storage);
}

static void
added_cb (GObject *manager, GAsyncResult *result, gpointer n_added)
{
  g_autoptr (VmdDevice) device = NULL;
  g_autoptr (GError) error = NULL;

  device = vmd_manager_add_device_finish (VMD_MANAGER (manager), result, &error);
  g_assert_no_error (error);
  (*(guint *) n_added)++;
}

/* More than fit into one transaction. */
static void
test_many (Fixture *fixture, gconstpointer data)
{
  const guint n_devices = 1300;
  guint n_added = 0, n_told = 0;
  VmdBrokerStorage *storage;
  guint64 base;

  for (guint i = 0; i < n_devices; i++)
    {
      g_autofree char *id = g_strdup_printf ("d%u", i);

      vmd_manager_add_device_async (fixture->manager, id, NULL, NULL, added_cb, &n_added);
    }
  while (n_added < n_devices)
    g_main_context_iteration (NULL, TRUE);
  storage = open_presence (fixture, &base);
  settle ();
  g_signal_connect (fixture->manager, "device-changed", G_CALLBACK (count_cb), &n_told);
  for (guint i = 0; i < n_devices; i++)
    {
      g_autofree char *id = g_strdup_printf ("d%u", i);

      claim (storage, id, base + i);
    }
  flush (storage);
  settle ();
  for (guint i = 0; i < n_devices; i += 7)
    {
      g_autofree char *id = g_strdup_printf ("d%u", i);

      assert_stored (fixture, id, base + i, TRUE);
    }
  g_assert_cmpuint (n_told, >=, n_devices);
  close_presence (storage);
}

/* Whoever was there when the process died is not there any more for the next one. */
static void
test_epoch (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "a", NULL, NULL);
  VmdBrokerStorage *storage;
  guint64 first, second;

  storage = open_presence (fixture, &first);
  claim (storage, "a", first + 100);
  close_presence (storage);
  assert_stored (fixture, "a", first + 100, TRUE);
  storage = open_presence (fixture, &second);
  g_assert_cmpuint (second, >, first);
  assert_stored (fixture, "a", first + 100, FALSE);
  g_assert_false (vmd_device_is_connected (device));
  claim (storage, "a", second + 1);
  flush (storage);
  assert_stored (fixture, "a", second + 1, TRUE);
  close_presence (storage);
}

static gboolean
exhaust_epochs (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_sqlite_run (db, NULL, error, "UPDATE config_counter SET epoch = ?", "i",
                         (gint64) VMD_BROKER_MAX_EPOCH);
}

/* The last generation of the last epoch is the highest, in the store too; and then it ends. */
static void
test_last_epoch (Fixture *fixture, gconstpointer data)
{
  guint64 last = ((guint64) VMD_BROKER_MAX_EPOCH << 40) + ((G_GUINT64_CONSTANT (1) << 40) - 1);
  VmdBrokerStorage *storage = open_presence (fixture, NULL);
  guint32 epoch = 0;

  add (fixture, "a");
  claim (storage, "a", last);
  claim (storage, "a", last - 1);
  flush (storage);
  claim (storage, "a", last - 2);
  close_presence (storage);
  assert_stored (fixture, "a", last, TRUE);
  assert_good (vmd_store_transact (fixture->manager->store, exhaust_epochs, NULL, NULL, &error));
  assert_refused (vmd_manager_open_presence (fixture->manager, &epoch, &error) != NULL,
                  VMD_ERROR_STORE_CORRUPT);
  assert_stored (fixture, "a", last, TRUE);
}

/* There is nothing to say of a device that is not there, nor of a new one of that name. */
static void
test_removed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "a", NULL, NULL);
  g_autoptr (VmdDevice) other = NULL;
  guint64 base;
  VmdBrokerStorage *storage = open_presence (fixture, &base);

  claim (storage, "nobody", base + 1);
  claim (storage, "a", base + 2);
  flush (storage);
  g_assert_null (load (fixture, "nobody"));
  assert_good (remove_device (device, &error));
  vmd_broker_storage_clean (storage, "a", base + 2);
  flush (storage);
  other = add_device (fixture->manager, "a", NULL, NULL);
  flush (storage);
  g_assert_null (load (fixture, "a"));
  g_assert_false (vmd_device_is_connected (other));
  close_presence (storage);
}

static void
test_closed (Fixture *fixture, gconstpointer data)
{
  guint64 base;
  VmdBrokerStorage *storage = open_presence (fixture, &base);

  add (fixture, "a");
  claim (storage, "a", base + 1);
  vmd_presence_storage_close (VMD_PRESENCE_STORAGE (storage));
  assert_stored (fixture, "a", base + 1, TRUE);
  claim (storage, "a", base + 2);
  vmd_broker_storage_refuse (storage, "a", 1);
  assert_refused (vmd_presence_storage_flush (VMD_PRESENCE_STORAGE (storage), &error),
                  VMD_ERROR_CANCELLED);
  close_presence (storage);
  assert_stored (fixture, "a", base + 1, TRUE);
}

static void
add_cb (const char *device, gpointer data)
{
  g_async_queue_push (data, g_strdup (device));
}

static void
assert_told (GAsyncQueue *told, const char *expected)
{
  g_autofree char *device =
      g_async_queue_timeout_pop (told, (guint64) HANG_SECONDS * G_USEC_PER_SEC);

  g_assert_cmpstr (device, ==, expected);
}

/* It is told when a device begins to be contested, and when that is over. */
static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncQueue) told = g_async_queue_new_full (g_free);
  g_autoptr (GError) error = NULL;
  VmdPresenceStorage *presence;
  guint32 epoch;

  presence = vmd_presence_storage_open (fixture->manager->store, add_cb, told, &epoch, &error);
  g_assert_no_error (error);
  vmd_broker_storage_refuse (VMD_BROKER_STORAGE (presence), "a", 1000);
  assert_told (told, "a");
  assert_told (told, "a");
  /* The later one counts. */
  vmd_broker_storage_refuse (VMD_BROKER_STORAGE (presence), "b", 1);
  vmd_broker_storage_refuse (VMD_BROKER_STORAGE (presence), "b", G_USEC_PER_SEC * 1000);
  assert_told (told, "b");
  flush (VMD_BROKER_STORAGE (presence));
  g_assert_cmpint (g_async_queue_length (told), ==, 0);
  close_presence (VMD_BROKER_STORAGE (presence));
  g_assert_cmpint (g_async_queue_length (told), ==, 0);
}

/* -- The store does not let itself be written -- */

static sqlite3 *
hold_store (Fixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, "vmd.db", NULL);
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  return db;
}

/* Another process is in a transaction for long: nobody waits but those who ask to. */
static void
test_busy (Fixture *fixture, gconstpointer data)
{
  guint64 base;
  VmdBrokerStorage *storage = open_presence (fixture, &base);
  sqlite3 *holder;

  add (fixture, "a");
  holder = hold_store (fixture);
  for (guint i = 1; i <= 1000; i++)
    claim (storage, "a", base + i);
  g_assert_cmpint (sqlite3_close (holder), ==, SQLITE_OK);
  flush (storage);
  assert_stored (fixture, "a", base + 1000, TRUE);
  holder = hold_store (fixture);
  claim (storage, "a", base + 1001);
  /* It gives up, rather than holding up who closes. */
  vmd_presence_storage_close (VMD_PRESENCE_STORAGE (storage));
  g_assert_cmpint (sqlite3_close (holder), ==, SQLITE_OK);
  assert_stored (fixture, "a", base + 1000, TRUE);
  close_presence (storage);
}

#ifdef VMD_FAULT_POINTS

/* Each point at which a write can fail, in turn; what failed is there all the same, a moment
 * later. */
static void
test_failures (Fixture *fixture, gconstpointer data)
{
  static const char *const faults[] = {
    "presence-write:1", "presence-write:2", "presence-write:3",
    "store-begin:1",    "store-commit:1",   "store-committed:1"
  };
  static const char *const ids[] = { "a", "b", "c" };
  g_autoptr (VmdManager) other = open_another (fixture);
  VmdBrokerStorage *storage;
  guint64 generation;

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    add (fixture, ids[i]);
  storage = open_presence (fixture, &generation);
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      gboolean connected = i % 2 == 0;

      vmd_fault_arm (faults[i]);
      generation += connected;
      for (guint j = 0; j < G_N_ELEMENTS (ids); j++)
        if (connected)
          claim (storage, ids[j], generation);
        else
          vmd_broker_storage_clean (storage, ids[j], generation);
      assert_refused (vmd_presence_storage_flush (VMD_PRESENCE_STORAGE (storage), &error),
                      VMD_ERROR_FAILED);
      vmd_fault_arm (NULL);
      for (guint j = 0; j < G_N_ELEMENTS (ids); j++)
        {
          g_autoptr (VmdDevice) device = wait_for_device (other, ids[j]);

          wait_for_presence (device, connected);
          assert_stored (fixture, ids[j], generation, connected);
        }
    }
  close_presence (storage);
  vmd_manager_close (other);
}

/* The disk is full for a while, and things go on. */
static void
test_fails_for_long (Fixture *fixture, gconstpointer data)
{
  guint64 base;
  VmdBrokerStorage *storage = open_presence (fixture, &base);
  guint32 epoch;

  add (fixture, "a");
  add (fixture, "b");
  vmd_fault_arm ("presence-write:1+");
  claim (storage, "a", base + 1);
  claim (storage, "b", base + 2);
  for (guint i = 0; i < 4; i++)
    assert_refused (vmd_presence_storage_flush (VMD_PRESENCE_STORAGE (storage), &error),
                    VMD_ERROR_FAILED);
  claim (storage, "a", base + 3);
  vmd_broker_storage_clean (storage, "b", base + 2);
  vmd_fault_arm (NULL);
  flush (storage);
  assert_stored (fixture, "a", base + 3, TRUE);
  assert_stored (fixture, "b", base + 2, FALSE);
  /* At the end, too, it does not give up at once. */
  claim (storage, "b", base + 4);
  vmd_fault_arm ("presence-write:1");
  close_presence (storage);
  assert_stored (fixture, "b", base + 4, TRUE);
  vmd_fault_arm ("presence-epoch:1");
  assert_refused (vmd_manager_open_presence (fixture->manager, &epoch, &error) != NULL,
                  VMD_ERROR_FAILED);
  vmd_fault_arm (NULL);
  assert_stored (fixture, "b", base + 4, TRUE);
}

#endif

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/presence/written-behind", test_written_behind);
  add_test ("/presence/generations", test_generations);
  add_test ("/presence/coalesced", test_coalesced);
  add_test ("/presence/many", test_many);
  add_test ("/presence/lesson-58-epoch", test_epoch);
  add_test ("/presence/last-epoch", test_last_epoch);
  add_test ("/presence/removed", test_removed);
  add_test ("/presence/closed", test_closed);
  add_test ("/presence/refused", test_refused);
  add_test ("/presence/busy", test_busy);
#ifdef VMD_FAULT_POINTS
  add_test ("/presence/failures", test_failures);
  add_test ("/presence/fails-for-long", test_fails_for_long);
#endif
  return handles_test_run ();
}
