/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "tests/file-watch.h"

#include <string.h>
#include <sys/stat.h>

/* When the write-ahead log is written back: seldom, not within a commit, and before it grows
 * without end. What a full disk does to it is in test-store-open.c. */

#define ROW_SIZE (64 * 1024)
#define LOG_MAX (12 * 1024 * 1024)
#define HANG_LIMIT (60 * 1000) /* milliseconds */

static gboolean
put_large_kernel (sqlite3 *db, gpointer index, GError **error)
{
  guint i = GPOINTER_TO_UINT (index);
  g_autofree char *version = g_strdup_printf ("%u", i % 4);
  /* What does not change is not written. */
  g_autofree char *large = g_strnfill (ROW_SIZE, 'a' + i % 26);
  const VmdKernelRow row = { .version = version, .source = large };

  return vmd_kernel_row_put (db, &row, error);
}

static void
put_one (VmdStore *store, guint index)
{
  g_assert_true (
      vmd_store_transact (store, put_large_kernel, GUINT_TO_POINTER (index), NULL, NULL));
}

static goffset
get_size (const char *path)
{
  struct stat status;

  g_assert_no_errno (stat (path, &status));
  return status.st_size;
}

/* Commits that leave it no rest. */
static void
test_is_bounded (Fixture *fixture, gconstpointer data)
{
  g_autofree char *log = g_strconcat (fixture->database, "-wal", NULL);
  VmdStore *store = open_store (fixture);
  const guint n_commits = 2 * LOG_MAX / ROW_SIZE;

  for (guint i = 0; i < n_commits; i++)
    put_one (store, i);
  g_assert_cmpint (get_size (log), <, LOG_MAX);
  close_store (store);
}

static gboolean
contains (const char *path, const char *text)
{
  g_autofree char *content = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &content, &length, NULL));
  return memmem (content, length, text, strlen (text)) != NULL;
}

/* Then nothing else is asked of the store, and it sees to it by itself. */
static void
test_is_written_back_when_idle (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  int watch = file_watch_new (fixture->database);

  for (guint i = 0; i < 10; i++)
    put_one (store, i);
  g_assert_true (vmd_store_transact (store, put_kernel, (gpointer) "sought", NULL, NULL));
  while (!contains (fixture->database, "sought"))
    file_watch_wait (watch, HANG_LIMIT);
  close (watch);
  close_store (store);
}

/* Of two stores the one writes back what the other reads no more. */
static void
test_is_shared (Fixture *fixture, gconstpointer data)
{
  VmdStore *first = open_store (fixture);
  VmdStore *second = open_store (fixture);
  g_autofree char *log = g_strconcat (fixture->database, "-wal", NULL);

  for (guint i = 0; i < 2 * LOG_MAX / ROW_SIZE; i++)
    put_one (i % 2 == 0 ? first : second, i);
  g_assert_true (has_kernel (first, "1"));
  g_assert_true (has_kernel (second, "1"));
  g_assert_cmpint (get_size (log), <, LOG_MAX);
  close_store (first);
  close_store (second);
}

#define ADD(name, func) g_test_add (name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/store-log/is-bounded", test_is_bounded);
  ADD ("/store-log/is-written-back-when-idle", test_is_written_back_when_idle);
  ADD ("/store-log/is-shared", test_is_shared);
  return g_test_run ();
}
