/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "store/vmd-sqlite-private.h"
#include "store/vmd-store-feed-private.h"
#include "store/vmd-store-watch-private.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Several stores on one directory: what one commits, the others see; and what was acknowledged is
 * there after a crash. */

#define N_CRASH_WRITERS 4

/* -- Seeing each other -- */

static void
test_two_stores (Fixture *fixture, gconstpointer data)
{
  VmdStore *first = open_store (fixture);
  VmdStore *second = open_store (fixture);
  g_autoptr (Log) first_log = log_new (first);
  g_autoptr (Log) second_log = log_new (second);

  log_clear (first_log);
  log_clear (second_log);
  g_assert_true (vmd_store_transact (first, put_kernel, (gpointer) "6.1", NULL, NULL));
  log_wait_for (second_log, "kernel 6.1");
  g_assert_true (vmd_store_transact (second, put_kernel, (gpointer) "6.2", NULL, NULL));
  log_wait_for (first_log, "kernel 6.2");
  /* Told once, the one's own as well as the other's. */
  g_assert_true (vmd_store_transact (first, put_kernel, (gpointer) "end", NULL, NULL));
  log_wait_for (second_log, "kernel end");
  g_assert_cmpuint (log_count (first_log, "kernel 6.1"), ==, 1);
  g_assert_cmpuint (log_count (first_log, "kernel 6.2"), ==, 1);
  g_assert_cmpuint (log_count (second_log, "kernel 6.1"), ==, 1);
  g_assert_cmpuint (log_count (second_log, "kernel 6.2"), ==, 1);
  g_assert_cmpuint (log_count (first_log, "reload vm"), ==, 0);
  close_store (first);
  close_store (second);
}

/* What another one committed before is told before what one commits oneself. */
static void
test_foreign_change_first (Fixture *fixture, gconstpointer data)
{
  VmdStore *first = open_store (fixture);
  VmdStore *second = open_store (fixture);
  g_autoptr (Log) log = log_new (first);

  log_clear (log);
  g_assert_true (vmd_store_transact (second, put_kernel, (gpointer) "theirs", NULL, NULL));
  g_assert_true (vmd_store_transact (first, put_kernel, (gpointer) "ours", NULL, NULL));
  g_assert_cmpuint (log_count (log, "kernel theirs"), ==, 1);
  g_assert_cmpuint (log_count (log, "kernel ours"), ==, 1);
  g_assert_cmpstr (log->lines->pdata[0], ==, "kernel theirs");
  close_store (first);
  close_store (second);
}

static void
test_two_processes (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);
  g_autoptr (GSubprocess) process = run_self ("--put", fixture->state_dir, "6.1");

  log_wait_for (log, "kernel 6.1");
  g_assert_cmpint (get_exit_status (process), ==, 0);
  g_assert_true (has_kernel (store, "6.1"));
  close_store (store);
}

/* One that dies between its commit and the touch of `changed` is noticed all the same. */
static void
test_without_a_sign (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (fixture->database, &db), ==, SQLITE_OK);
  g_assert_true (put_kernel (db, (gpointer) "6.1", NULL));
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
  log_wait_for (log, "kernel 6.1");
  close_store (store);
}

/* The sign comes at once: without it each of these waits would last a second. */
static void
test_sign (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdStoreWatch) ours = vmd_store_watch_new (fixture->state_dir, NULL);
  g_autoptr (VmdStoreWatch) theirs = vmd_store_watch_new (fixture->state_dir, NULL);
  gint64 begin = g_get_monotonic_time ();

  for (guint i = 0; i < 60; i++)
    {
      vmd_store_watch_touch (theirs);
      vmd_store_watch_wait (ours, G_MAXUINT);
    }
  for (guint i = 0; i < 60; i++)
    {
      vmd_store_watch_kick (ours);
      vmd_store_watch_wait (ours, G_MAXUINT);
    }
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 60 * G_USEC_PER_SEC);
}

/* -- Falling behind -- */

typedef struct
{
  guint n;
  const char *version;
} Flood;

static gboolean
flood (sqlite3 *db, gpointer data, GError **error)
{
  const Flood *self = data;

  for (guint i = 0; i < self->n; i++)
    if (!put_kernel (db, (gpointer) self->version, error))
      return FALSE;
  return TRUE;
}

static gboolean
count_changes (sqlite3 *db, gpointer n, GError **error)
{
  *(gint64 *) n = get_number (db, "SELECT count(*) FROM changes");
  return TRUE;
}

static void
test_behind_reloads (Fixture *fixture, gconstpointer data)
{
  VmdStore *first = open_store (fixture);
  VmdStore *second = open_store (fixture);
  g_autoptr (Log) log = log_new (first);
  Flood much = { 3 * VMD_STORE_CHANGES_KEPT, "much" };
  Flood less = { VMD_STORE_CHANGES_KEPT / 2, "less" };
  gint64 n_changes = 0;

  log_clear (log);
  g_assert_true (vmd_store_transact (second, flood, &less, NULL, NULL));
  log_wait_for (log, "kernel less");
  g_assert_cmpuint (log_count (log, "reload kernel"), ==, 0);
  /* More at once than is kept: nobody can have read it row by row. */
  g_assert_true (vmd_store_transact (second, flood, &much, NULL, NULL));
  log_wait_for (log, "reload workspace");
  log_wait_for (log, "reload kernel");
  g_assert_cmpuint (log_count (log, "kernel much"), ==, 0);
  g_assert_true (vmd_store_transact (first, count_changes, &n_changes, NULL, NULL));
  g_assert_cmpint (n_changes, ==, VMD_STORE_CHANGES_KEPT);
  /* And after that row by row again. */
  log_clear (log);
  g_assert_true (vmd_store_transact (second, put_kernel, (gpointer) "next", NULL, NULL));
  log_wait_for (log, "kernel next");
  g_assert_cmpuint (log_count (log, "reload kernel"), ==, 0);
  close_store (first);
  close_store (second);
}

/* -- Another's transaction -- */

typedef struct
{
  gboolean is_done;
  GError *error;
} Outcome;

static void
outcome_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Outcome *outcome = data;

  vmd_store_transact_finish (VMD_STORE (source), result, &outcome->error);
  outcome->is_done = TRUE;
}

/* While another process is in a transaction, one may wait for it, or stop wanting to. */
static void
test_waits_for_another (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Outcome cancelled = { FALSE, NULL };
  Outcome patient = { FALSE, NULL };
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (fixture->database, &db), ==, SQLITE_OK);
  g_assert_true (vmd_sqlite_run (db, NULL, NULL, "BEGIN IMMEDIATE", ""));
  g_assert_true (put_kernel (db, (gpointer) "theirs", NULL));
  vmd_store_transact_async (store, put_kernel, (gpointer) "cancelled", NULL, cancellable,
                            outcome_cb, &cancelled);
  vmd_store_transact_async (store, put_kernel, (gpointer) "ours", NULL, NULL, outcome_cb, &patient);
  g_cancellable_cancel (cancellable);
  while (!cancelled.is_done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (cancelled.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&cancelled.error);
  g_assert_false (patient.is_done);
  g_assert_true (vmd_sqlite_run (db, NULL, NULL, "COMMIT", ""));
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
  while (!patient.is_done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (patient.error);
  g_assert_true (has_kernel (store, "theirs"));
  g_assert_true (has_kernel (store, "ours"));
  g_assert_false (has_kernel (store, "cancelled"));
  close_store (store);
}

/* -- A crash -- */

static gpointer
write_for_ever (gpointer data)
{
  static gint serial;
  VmdStore *store = data;
  int writer = g_atomic_int_add (&serial, 1);

  for (guint i = 0;; i++)
    {
      g_autofree char *version = g_strdup_printf ("%d-%d-%u", (int) getpid (), writer, i);

      if (!vmd_store_transact (store, put_kernel, version, NULL, NULL))
        g_error ("cannot write");
      printf ("%s\n", version);
      fflush (stdout);
    }
  return NULL;
}

static int
run_writers (const char *state_dir)
{
  g_autoptr (VmdStore) store = vmd_store_open (state_dir, NULL);

  for (guint i = 1; i < N_CRASH_WRITERS; i++)
    g_thread_unref (g_thread_new ("writer", write_for_ever, store));
  write_for_ever (store);
  return 1;
}

/* Lines until @n, or (0) until the end. Only whole ones count. */
static void
read_lines (GDataInputStream *stream, guint n, GPtrArray *lines)
{
  for (guint i = 0; n == 0 || i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      char *line = g_data_input_stream_read_line (stream, NULL, NULL, &error);

      g_assert_no_error (error);
      if (line == NULL)
        return;
      g_ptr_array_add (lines, line);
    }
}

/* kill -9 in the midst of writes: every one that was acknowledged is there, and besides these at
 * most what was under way. */
static void
test_killed_writer (Fixture *fixture, gconstpointer data)
{
  guint n_lines = 0;

  for (guint round = 0; round < 5; round++)
    {
      g_autoptr (GSubprocess) process = run_self ("--write", fixture->state_dir, NULL);
      g_autoptr (GDataInputStream) stream =
          g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
      g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
      VmdStore *store;
      gint64 n_rows = 0;

      read_lines (stream, 20 + 17 * round, lines);
      g_subprocess_send_signal (process, SIGKILL);
      read_lines (stream, 0, lines);
      g_assert_true (g_subprocess_wait (process, NULL, NULL));
      store = open_store (fixture);
      /* The last line may be cut off: it is no acknowledgement then. */
      for (guint i = 0; i + 1 < lines->len; i++)
        g_assert_true (has_kernel (store, lines->pdata[i]));
      g_assert_true (vmd_store_transact (store, count_kernels, &n_rows, NULL, NULL));
      n_lines += lines->len;
      g_assert_cmpint (n_rows, >=, n_lines - (round + 1));
      g_assert_cmpint (n_rows, <=, n_lines + N_CRASH_WRITERS * (round + 1));
      close_store (store);
    }
}

static int
run_put (const char *state_dir, char *version)
{
  g_autoptr (VmdStore) store = vmd_store_open (state_dir, NULL);
  gboolean put = vmd_store_transact (store, put_kernel, version, NULL, NULL);

  vmd_store_close (store);
  return put ? 0 : 1;
}

#define ADD(name, func) g_test_add (name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--put"))
    return run_put (argv[2], argv[3]);
  if (argc == 3 && g_str_equal (argv[1], "--write"))
    return run_writers (argv[2]);
  g_test_init (&argc, &argv, NULL);
  ADD ("/store-processes/two-stores", test_two_stores);
  ADD ("/store-processes/foreign-change-first", test_foreign_change_first);
  ADD ("/store-processes/two-processes", test_two_processes);
  ADD ("/store-processes/without-a-sign", test_without_a_sign);
  ADD ("/store-processes/sign", test_sign);
  ADD ("/store-processes/behind-reloads", test_behind_reloads);
  ADD ("/store-processes/waits-for-another", test_waits_for_another);
  ADD ("/store-processes/killed-writer", test_killed_writer);
  return g_test_run ();
}
