/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-statement-cache-private.h"

/* To prepare a statement takes several times as long as to run it: a change of a device's values is
 * ten statements, and the store's thread is what bounds how many changes there are in a second.
 *
 * The cache belongs to a thread, and through it to the one connection that the thread owns: so it
 * needs no mutex, and connections that are open for a moment only (a migration, a test) have none.
 * A statement that is in use is not in the table, so the same text may be run again meanwhile; of
 * two that come back one is kept. */

/* There are about eighty texts. A caller that made up its own would be a fault, not a leak. */
#define MAX_STATEMENTS 256

typedef struct
{
  sqlite3 *db; /* not owned */
  GHashTable *statements; /* sqlite3_sql() → VmdStatement, owned */
} VmdStatementCache;

static _Thread_local VmdStatementCache cache;

static void
finalize (gpointer statement)
{
  sqlite3_finalize (statement);
}

/* From now on, on this thread; until vmd_statement_cache_end(), before @db is closed. */
void
vmd_statement_cache_begin (sqlite3 *db)
{
  g_assert (cache.db == NULL);
  cache.db = db;
  cache.statements = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, finalize);
}

void
vmd_statement_cache_end (void)
{
  g_clear_pointer (&cache.statements, g_hash_table_unref);
  cache.db = NULL;
}

/* Returns: (transfer full) (nullable): ready to be bound; NULL: there is none */
VmdStatement *
vmd_statement_cache_take (sqlite3 *db, const char *sql)
{
  gpointer statement = NULL;

  if (cache.db == NULL || cache.db != db)
    return NULL;
  g_hash_table_steal_extended (cache.statements, sql, NULL, &statement);
  return statement;
}

/* Takes @statement, and ends whatever it was at. FALSE: does not want it. */
gboolean
vmd_statement_cache_put (VmdStatement *statement)
{
  const char *sql = sqlite3_sql (statement);

  if (cache.db == NULL || sqlite3_db_handle (statement) != cache.db ||
      g_hash_table_size (cache.statements) >= MAX_STATEMENTS ||
      g_hash_table_contains (cache.statements, sql))
    return FALSE;
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  g_hash_table_insert (cache.statements, (gpointer) sql, statement);
  return TRUE;
}
