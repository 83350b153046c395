/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

#include <stdio.h>

/* Two processes with two threads each, all of which set on one device, in one state
 * directory. */

#define ANY VMD_CONFIG_ANY_VERSION
#define SETS 120 /* of each thread */
#define THREADS 2

typedef struct
{
  VmdManager *manager;
  const char *who;
  guint number;
  guint64 versions[SETS];
} Writer;

static gpointer
write_all (gpointer data)
{
  Writer *writer = data;
  g_autoptr (VmdDevice) device = wait_for_device (writer->manager, "d");

  for (guint i = 0; i < SETS; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"%s-%u\":%u}", writer->who, writer->number, i);
      g_autoptr (GError) error = NULL;

      writer->versions[i] = vmd_device_change_config (device, VMD_CONFIG_CHANGE_PATCH, json, ANY,
                                                      writer->who, NULL, &error);
      g_assert_no_error (error);
      /* One sees what one has done, and whatever came after it. */
      g_assert_cmpuint (vmd_device_get_version (device), >=, writer->versions[i]);
    }
  return NULL;
}

static void
run_writers (VmdManager *manager, const char *who, Writer *writers)
{
  GThread *threads[THREADS];

  for (guint i = 0; i < THREADS; i++)
    {
      writers[i].manager = manager;
      writers[i].who = who;
      writers[i].number = i;
      threads[i] = g_thread_new ("writer", write_all, &writers[i]);
    }
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
}

/* The other process: sets, and says which versions that made. */
static int
run_other (const char *state_dir)
{
  Writer writers[THREADS];
  g_autoptr (GError) error = NULL;
  VmdManager *manager = vmd_manager_open (state_dir, "fake", NULL, &error);

  g_assert_no_error (error);
  run_writers (manager, "other", writers);
  for (guint i = 0; i < THREADS; i++)
    for (guint j = 0; j < SETS; j++)
      printf ("%" G_GUINT64_FORMAT "\n", writers[i].versions[j]);
  vmd_manager_close (manager);
  g_object_unref (manager);
  return 0;
}

static void
add_version (GHashTable *versions, guint64 version)
{
  g_assert_cmpuint (version, >, 0);
  g_assert_true (g_hash_table_add (versions, g_memdup2 (&version, sizeof version)));
}

/* Each version that a writer was given is in the history, with what that writer set. */
static void
check_history (VmdDevice *device, GHashTable *versions)
{
  g_autoptr (GListModel) history = list_history (device, 1000, NULL);
  guint64 above = G_MAXUINT64;

  /* And its birth. */
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, g_hash_table_size (versions) + 1);
  for (guint i = 0; i < g_hash_table_size (versions); i++)
    {
      g_autoptr (VmdConfigRevision) revision = g_list_model_get_item (history, i);
      guint64 version = vmd_config_revision_get_version (revision);

      g_assert_cmpuint (version, <, above);
      g_assert_true (g_hash_table_contains (versions, &version));
      above = version;
    }
}

static void
test_sets (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "d", NULL, NULL);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GHashTable) versions = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;
  Writer writers[THREADS];
  guint64 last = 0;

  versions = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, self, "set",
                              fixture->state_dir, NULL);
  g_assert_no_error (error);
  run_writers (fixture->manager, "here", writers);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
  lines = g_strsplit (g_strchomp (output), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, THREADS * SETS);
  for (guint i = 0; i < THREADS * SETS; i++)
    {
      guint64 theirs = g_ascii_strtoull (lines[i], NULL, 10);
      guint64 ours = writers[i / SETS].versions[i % SETS];

      add_version (versions, theirs);
      add_version (versions, ours);
      last = MAX (last, MAX (ours, theirs));
    }
  wait_for_version (device, last);
  assert_values (device, "{\"here-0\":119,\"here-1\":119,\"other-0\":119,\"other-1\":119}");
  check_history (device, versions);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "set"))
    return run_other (argv[2]);
  handles_test_init (&argc, &argv);
  add_test ("/device-processes/sets", test_sets);
  return handles_test_run ();
}
