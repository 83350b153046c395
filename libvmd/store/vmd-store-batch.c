/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-batch-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "vmd-sqlite-private.h"
#include "vmd-store-feed-private.h"

/* Many calls, one COMMIT, each call in a SAVEPOINT of its own so that one that fails takes back
 * only what it did itself.
 *
 * Some errors (a full disk, one that cannot be written) make SQLite take back the whole
 * transaction. Then the calls that it held have failed too, since a function is never run twice: it
 * may have handed something to its caller already. Those that come after it begin a new
 * transaction. */

static gboolean
is_lost (sqlite3 *db)
{
  return sqlite3_get_autocommit (db) != 0;
}

static gboolean
run_func (sqlite3 *db, VmdStoreCall *call)
{
  if (call->func (db, call->data, &call->error))
    {
      g_assert (call->error == NULL);
      return TRUE;
    }
  if (call->error == NULL)
    vmd_fail (&call->error, VMD_ERROR_STORE, "The store's function failed and does not say why");
  return FALSE;
}

/* Sets call->error when it failed. FALSE: the transaction is gone, and with it all that was in
 * it. */
static gboolean
run_in_savepoint (sqlite3 *db, VmdStoreCall *call)
{
  if (!vmd_sqlite_run (db, NULL, &call->error, "SAVEPOINT call", ""))
    return !is_lost (db);
  if (run_func (db, call))
    {
      if (!is_lost (db))
        return vmd_sqlite_run (db, NULL, &call->error, "RELEASE call", "") || !is_lost (db);
      vmd_fail (&call->error, VMD_ERROR_STORE,
                "The transaction was taken back, and the store's function did not say why");
      return FALSE;
    }
  if (is_lost (db))
    return FALSE;
  sqlite3_exec (db, "ROLLBACK TO call", NULL, NULL, NULL);
  sqlite3_exec (db, "RELEASE call", NULL, NULL, NULL);
  return !is_lost (db);
}

/* Fails those of calls [from, to) that have not failed by themselves; cancelled ones are left
 * alone. */
static void
fail_calls (GPtrArray *calls, guint from, guint to, const GError *error)
{
  for (guint i = from; i < to; i++)
    {
      VmdStoreCall *call = calls->pdata[i];

      if ((call->begun || vmd_store_call_begin (call)) && call->error == NULL)
        call->error = g_error_copy (error);
    }
}

static gboolean
begin (sqlite3 *db, GError **error)
{
  return vmd_fault_point ("store-begin", error) &&
         vmd_sqlite_run (db, NULL, error, "BEGIN IMMEDIATE", "");
}

static gboolean
commit (sqlite3 *db, GError **error)
{
  if (vmd_store_feed_prune (db, error) && vmd_fault_point ("store-commit", error) &&
      vmd_sqlite_run (db, NULL, error, "COMMIT", ""))
    return TRUE;
  if (!is_lost (db))
    sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

/* Runs calls from @from on, up to the end or up to one that lost the transaction. Returns: where to
 * go on. */
static guint
run_transaction (sqlite3 *db, GPtrArray *calls, guint from)
{
  g_autoptr (GError) error = NULL;

  if (!begin (db, &error))
    {
      fail_calls (calls, from, calls->len, error);
      return calls->len;
    }
  for (guint i = from; i < calls->len; i++)
    {
      VmdStoreCall *call = calls->pdata[i];

      if (call->is_outside || !vmd_store_call_begin (call) || run_in_savepoint (db, call))
        continue;
      fail_calls (calls, from, i, call->error);
      return i + 1;
    }
  /* Failing after the commit: durable, and yet the callers are told that it failed, as when the
   * disk reports an error too late. */
  if (!commit (db, &error) || !vmd_fault_point ("store-committed", &error))
    fail_calls (calls, from, calls->len, error);
  return calls->len;
}

/* Runs all calls, sets their `error`, and answers none. TRUE: something may have changed. */
gboolean
vmd_store_batch_run (sqlite3 *db, GPtrArray *calls)
{
  sqlite3_int64 before = sqlite3_total_changes64 (db);
  gboolean needs_transaction = FALSE;
  guint from = 0;

  for (guint i = 0; i < calls->len; i++)
    {
      VmdStoreCall *call = calls->pdata[i];

      if (call->is_outside && vmd_store_call_begin (call))
        run_func (db, call);
      needs_transaction |= !call->is_outside;
    }
  while (needs_transaction && from < calls->len)
    from = run_transaction (db, calls, from);
  return sqlite3_total_changes64 (db) != before;
}
