/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "store/vmd-sqlite-private.h"

/* What becomes of those who wait when the disk, or SQLite, fails. */

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

/* -- A full disk, as SQLite sees it -- */

static gboolean
allow_no_more_pages (sqlite3 *db, gpointer data, GError **error)
{
  g_autofree char *sql = g_strdup_printf (
      "PRAGMA max_page_count = %" G_GINT64_FORMAT,
      GPOINTER_TO_INT (data) != 0 ? get_number (db, "PRAGMA page_count") : 1000000);

  return vmd_sqlite_run (db, NULL, error, sql, "");
}

static gboolean
put_large_kernel (sqlite3 *db, gpointer version, GError **error)
{
  g_autofree char *large = g_strnfill (64 * 1024, 'x');
  const VmdKernelRow row = { .version = version, .source = large };

  return vmd_kernel_row_put (db, &row, error);
}

static void
test_full_disk (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_store_transact (store, put_kernel, (gpointer) "before", NULL, NULL));
  g_assert_true (
      vmd_store_transact (store, allow_no_more_pages, GINT_TO_POINTER (TRUE), NULL, NULL));
  g_assert_false (vmd_store_transact (store, put_large_kernel, (gpointer) "large", NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, fixture->database));
  g_assert_cmpuint (log_count (log, "kernel large"), ==, 0);
  g_assert_true (has_kernel (store, "before"));
  g_assert_false (has_kernel (store, "large"));
  /* Room was made: it goes on. */
  g_assert_true (
      vmd_store_transact (store, allow_no_more_pages, GINT_TO_POINTER (FALSE), NULL, NULL));
  g_assert_true (vmd_store_transact (store, put_large_kernel, (gpointer) "large", NULL, NULL));
  g_assert_true (has_kernel (store, "large"));
  close_store (store);
}

/* A function after which SQLite has taken back the whole transaction, as it does when the disk
 * fails. */
static gboolean
lose_transaction (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_sqlite_run (db, NULL, error, "ROLLBACK", "") &&
         (GPOINTER_TO_INT (data) == 0 || vmd_fail (error, VMD_ERROR_NO_SPACE, "as told"));
}

/* Those before it in the same transaction have failed too, and are told so; those after it have
 * not. */
static void
test_lost_transaction (Fixture *fixture, gconstpointer data)
{
  gboolean says_so = GPOINTER_TO_INT (data);
  VmdStore *store = open_store (fixture);
  Outcome before = { FALSE, NULL };
  Outcome lost = { FALSE, NULL };
  Outcome after = { FALSE, NULL };
  int expected = says_so ? VMD_ERROR_NO_SPACE : VMD_ERROR_STORE;
  Gate gate;

  gate_init (&gate);
  vmd_store_transact_async (store, pass_gate, &gate, NULL, NULL, NULL, NULL);
  gate_wait_until_reached (&gate);
  vmd_store_transact_async (store, put_kernel, (gpointer) "before", NULL, NULL, outcome_cb,
                            &before);
  vmd_store_transact_async (store, lose_transaction, GINT_TO_POINTER (says_so), NULL, NULL,
                            outcome_cb, &lost);
  vmd_store_transact_async (store, put_kernel, (gpointer) "after", NULL, NULL, outcome_cb, &after);
  gate_open (&gate);
  while (!before.is_done || !lost.is_done || !after.is_done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (before.error, VMD_ERROR, expected);
  g_assert_error (lost.error, VMD_ERROR, expected);
  g_assert_no_error (after.error);
  g_assert_false (has_kernel (store, "before"));
  g_assert_true (has_kernel (store, "after"));
  g_clear_error (&before.error);
  g_clear_error (&lost.error);
  close_store (store);
  gate_clear (&gate);
}

/* -- Fault points -- */

static void
test_faults (Fixture *fixture, gconstpointer data)
{
#ifdef VMD_FAULT_POINTS
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);
  static const struct
  {
    const char *fault;
    const char *line;
    gboolean is_durable;
  } cases[] = {
    { "store-begin:1", "kernel store-begin:1", FALSE },
    { "store-commit:1", "kernel store-commit:1", FALSE },
    { "store-committed:1", "kernel store-committed:1", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      vmd_fault_arm (cases[i].fault);
      g_assert_false (
          vmd_store_transact (store, put_kernel, (gpointer) cases[i].fault, NULL, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_FAILED);
      vmd_fault_arm (NULL);
      /* Memory is as the disk, also when the caller was told otherwise. */
      g_assert_true (has_kernel (store, cases[i].fault) == cases[i].is_durable);
      g_assert_cmpuint (log_count (log, cases[i].line), ==, cases[i].is_durable);
    }
  close_store (store);
#else
  g_test_skip ("configured without fault points");
#endif
}

#define ADD(name, func) g_test_add (name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/store-failures/full-disk", test_full_disk);
  g_test_add ("/store-failures/lost-transaction", Fixture, GINT_TO_POINTER (TRUE), fixture_set_up,
              test_lost_transaction, fixture_tear_down);
  g_test_add ("/store-failures/lost-transaction-silently", Fixture, GINT_TO_POINTER (FALSE),
              fixture_set_up, test_lost_transaction, fixture_tear_down);
  ADD ("/store-failures/faults", test_faults);
  return g_test_run ();
}
