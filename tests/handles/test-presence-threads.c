/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"

#include "base/vmd-state-dir-private.h"
#include "store/vmd-device-rows-private.h"
#include "vmd-presence-storage-private.h"

/* Threads that claim and clean what they and others have claimed, one that asks for it to be
 * written, and the storage's own: in the end the highest generation of each device counts. */

#define DEVICES 5
#define THREADS 4
#define CHANGES 4000

typedef struct
{
  VmdBrokerStorage *storage;
  guint64 *counter; /* atomic */
  guint number;
  guint64 last[DEVICES]; /* that this thread claimed */
} Client;

static const char *const ids[DEVICES] = { "a", "b", "c", "d", "e" };

static gboolean
add_devices (sqlite3 *db, gpointer data, GError **error)
{
  for (guint i = 0; i < DEVICES; i++)
    if (!vmd_device_row_insert (db, ids[i], FALSE, 0, 1, error))
      return FALSE;
  return TRUE;
}

static gpointer
change_often (gpointer data)
{
  Client *client = data;
  g_autoptr (GRand) random = g_rand_new_with_seed (client->number);
  guint n = scaled (CHANGES);

  for (guint i = 0; i < n; i++)
    {
      guint device = g_rand_int_range (random, 0, DEVICES);
      guint64 generation = __atomic_add_fetch (client->counter, 1, __ATOMIC_RELAXED);

      vmd_broker_storage_claim (client->storage, ids[device], generation, "peer", 1);
      if (client->last[device] != 0)
        vmd_broker_storage_clean (client->storage, ids[device], client->last[device]);
      client->last[device] = generation;
      if (i % 500 == 0)
        vmd_broker_storage_refuse (client->storage, ids[device], 10);
      if (i % 1000 == 0)
        vmd_presence_storage_flush (VMD_PRESENCE_STORAGE (client->storage), NULL);
    }
  return NULL;
}

static void
count_cb (const char *device, gpointer data)
{
  __atomic_add_fetch ((guint *) data, 1, __ATOMIC_RELAXED);
}

static gboolean
check_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Client *clients = data;

  for (guint i = 0; i < DEVICES; i++)
    {
      g_autoptr (VmdPresenceRow) row = vmd_presence_row_load (db, ids[i], error);
      guint64 highest = 0;

      for (guint j = 0; j < THREADS; j++)
        highest = MAX (highest, clients[j].last[i]);
      g_assert_nonnull (row);
      g_assert_true (row->connected);
      g_assert_cmpuint (row->generation, ==, highest);
    }
  return TRUE;
}

static void
test_threads (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = g_dir_make_tmp ("vmd-presence-XXXXXX", &error);
  VmdStore *store = vmd_store_open (directory, &error);
  guint n_told = 0;
  guint64 counter;
  VmdPresenceStorage *presence;
  Client clients[THREADS] = { { NULL } };
  GThread *threads[THREADS];
  guint32 epoch = 0;

  g_assert_no_error (error);
  g_assert_true (vmd_store_transact (store, add_devices, NULL, NULL, &error));
  presence = vmd_presence_storage_open (store, count_cb, &n_told, &epoch, &error);
  g_assert_no_error (error);
  counter = (guint64) epoch << 40;
  for (guint i = 0; i < THREADS; i++)
    {
      clients[i].storage = VMD_BROKER_STORAGE (presence);
      clients[i].counter = &counter;
      clients[i].number = i;
      threads[i] = g_thread_new ("client", change_often, &clients[i]);
    }
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  vmd_presence_storage_close (presence);
  g_assert_cmpuint (n_told, >=, DEVICES);
  g_assert_true (vmd_store_transact (store, check_in_store, clients, NULL, &error));
  g_assert_finalize_object (presence);
  vmd_store_close (store);
  g_object_unref (store);
  g_assert_true (vmd_remove_tree (directory, &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/presence-threads/highest-counts", test_threads);
  return g_test_run ();
}
