/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"

#include <string.h>
#include <unistd.h>

/* Those of the lock file are kept for the next lock, as many as were once needed at one time; which
 * are locked is counted by itself. */
static guint
count_descriptors (void)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      n += target != NULL && !g_str_has_suffix (target, "/locks");
    }
  return n;
}

/* All processes whose parent is this one. */
static guint
count_children (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint n = 0;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "children", NULL);
      g_autofree char *text = NULL;
      g_auto (GStrv) pids = NULL;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;
      pids = g_strsplit (g_strstrip (text), " ", -1);
      n += *text != '\0' ? g_strv_length (pids) : 0;
    }
  return n;
}

static void
add_files (GPtrArray *names, const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      char *child = g_build_filename (path, name, NULL);

      /* SQLite's own come and go. */
      if (strstr (name, "vmd.db") == NULL)
        g_ptr_array_add (names, child);
      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        add_files (names, child);
      if (strstr (name, "vmd.db") != NULL)
        g_free (child);
    }
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static char *
dup_files (const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  add_files (names, path);
  g_ptr_array_sort (names, compare);
  g_ptr_array_add (names, NULL);
  return g_strjoinv ("\n", (char **) names->pdata);
}

/* Of each table that there is, so that a new one cannot be forgotten here. What changed is told to
 * others by rows that nobody takes away at once. */
static GPtrArray *
list_tables (sqlite3 *db)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  sqlite3_stmt *statement = NULL;

  g_assert_cmpint (sqlite3_prepare_v2 (db,
                                       "SELECT name FROM sqlite_master WHERE type = 'table'"
                                       " AND name NOT LIKE 'sqlite_%' AND name != 'changes'"
                                       " ORDER BY name",
                                       -1, &statement, NULL),
                   ==, SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW)
    g_ptr_array_add (names, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
  sqlite3_finalize (statement);
  return names;
}

static gboolean
count_rows (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) tables = list_tables (db);
  g_autoptr (GString) text = g_string_new ("");

  for (guint i = 0; i < tables->len; i++)
    {
      const char *table = tables->pdata[i];
      g_autofree char *sql = g_strdup_printf ("SELECT count(*) FROM %s", table);
      sqlite3_stmt *statement = NULL;

      g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
      g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
      g_string_append_printf (text, "%s %d\n", table, sqlite3_column_int (statement, 0));
      sqlite3_finalize (statement);
    }
  *(char **) data = g_string_free (g_steal_pointer (&text), FALSE);
  return TRUE;
}

void
ledger_take (Ledger *ledger, Fixture *fixture)
{
  g_autoptr (GListModel) locks = vmd_manager_list_locks (fixture->manager);
  g_autoptr (GError) error = NULL;

  vmd_store_transact (vmd_manager_get_store (fixture->manager), count_rows, &ledger->rows, NULL,
                      &error);
  g_assert_no_error (error);
  ledger->descriptors = count_descriptors ();
  ledger->children = count_children ();
  ledger->files = dup_files (fixture->directory);
  ledger->locks = g_list_model_get_n_items (locks);
}

void
ledger_assert_equal (const Ledger *before, const Ledger *after)
{
  g_assert_cmpstr (before->rows, ==, after->rows);
  g_assert_cmpstr (before->files, ==, after->files);
  g_assert_cmpuint (before->locks, ==, after->locks);
  g_assert_cmpuint (before->children, ==, after->children);
  g_assert_cmpuint (before->descriptors, ==, after->descriptors);
}

static gboolean
is_same (const Ledger *before, const Ledger *now)
{
  return before->descriptors == now->descriptors && before->children == now->children &&
         before->locks == now->locks && g_str_equal (before->files, now->files) &&
         g_str_equal (before->rows, now->rows);
}

void
ledger_assert_becomes (Fixture *fixture, const Ledger *before)
{
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);
  gboolean same = FALSE;

  while (!same)
    {
      g_auto (Ledger) now = { 0 };

      while (g_main_context_iteration (NULL, FALSE))
        ;
      ledger_take (&now, fixture);
      same = is_same (before, &now);
      if (!same && g_get_monotonic_time () > deadline)
        ledger_assert_equal (before, &now);
    }
}

void
ledger_clear (Ledger *ledger)
{
  g_clear_pointer (&ledger->files, g_free);
  g_clear_pointer (&ledger->rows, g_free);
}
