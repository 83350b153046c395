/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-database-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-store-log-private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_RETRY_US 2000

/* Set on the one connection that there is, and so on every one, besides busy_timeout and
 * journal_mode. */
static const char *const pragmas[] = {
  "PRAGMA synchronous = FULL",
  "PRAGMA foreign_keys = ON",
  "PRAGMA trusted_schema = OFF",
  /* What a failed call would have to take back is kept in memory, and not written to a file. */
  "PRAGMA temp_store = MEMORY",
};

/* Makes the file, empty and for us alone: SQLite gives its -wal and -shm the same mode. By mknod,
 * since it opens nothing: to close a descriptor of a database gives up all POSIX locks that this
 * process has on it, those of another store's connection too. */
static gboolean
ensure_file (const char *path, GError **error)
{
  struct stat status;

  if (mknod (path, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
    return vmd_fail_errno (error, errno, "Cannot make the database %s", path);
  if (stat (path, &status) < 0)
    return vmd_fail_errno (error, errno, "Cannot use the database %s", path);
  if (!S_ISREG (status.st_mode))
    return vmd_fail (error, VMD_ERROR_STORE,
                     "%s is no file, and cannot be the database: move it away", path);
  if ((status.st_mode & 077) != 0 && chmod (path, 0600) < 0)
    return vmd_fail_errno (error, errno, "Cannot keep others from reading the database %s", path);
  return TRUE;
}

/* The first column of the first row of @sql, which has no parameters. */
gboolean
vmd_store_database_get_number (sqlite3 *db, const char *sql, gint64 *number, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, sql, error);
  int result;

  if (statement == NULL)
    return FALSE;
  result = vmd_sqlite_step (db, statement, error);
  if (result == SQLITE_DONE)
    return vmd_fail (error, VMD_ERROR_STORE, "“%s” has no answer", sql);
  if (result != SQLITE_ROW)
    return FALSE;
  *number = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* The file is read whole once, which is some milliseconds: damage is found now and named, and not
 * by a verb in the middle of its work. */
static gboolean
check_whole (sqlite3 *db, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, "PRAGMA quick_check(1)", error);
  const char *verdict;

  if (statement == NULL || vmd_sqlite_step (db, statement, error) != SQLITE_ROW)
    return FALSE;
  verdict = (const char *) sqlite3_column_text (statement, 0);
  if (g_strcmp0 (verdict, "ok") == 0)
    return TRUE;
  return vmd_fail (error, VMD_ERROR_STORE_CORRUPT,
                   "The database %s is damaged (%s): " VMD_SQLITE_REPAIR,
                   sqlite3_db_filename (db, "main"), verdict);
}

/* Processes that open a new database together all want to change its mode, which takes an exclusive
 * lock: where two of them stand in each other's way, SQLite says so at once, without the patience
 * of busy_timeout. One is through in a moment, and then there is nothing to change. */
static gboolean
use_log (sqlite3 *db, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + VMD_STORE_BUSY_TIMEOUT_MS * G_TIME_SPAN_MILLISECOND;

  for (;;)
    {
      g_autoptr (GError) local = NULL;

      if (vmd_sqlite_run (db, NULL, &local, "PRAGMA journal_mode = WAL", ""))
        return TRUE;
      if ((sqlite3_errcode (db) & 0xff) != SQLITE_BUSY || g_get_monotonic_time () > deadline)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      g_usleep (BUSY_RETRY_US);
    }
}

/* In this order: whatever is looked at may have to be waited for, and what is not ours is not
 * changed. */
static gboolean
prepare (sqlite3 *db, GError **error)
{
  gint64 version;

  sqlite3_busy_timeout (db, VMD_STORE_BUSY_TIMEOUT_MS);
  if (!vmd_store_check_version (db, &version, error) || !use_log (db, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (pragmas); i++)
    if (!vmd_sqlite_run (db, NULL, error, pragmas[i], ""))
      return FALSE;
  return check_whole (db, error) && vmd_store_migrate (db, error);
}

/* Returns: (transfer full) (nullable): a connection with all pragmas set, to a database of the
 *   newest version; not made for use by two threads at once */
sqlite3 *
vmd_store_database_open (const char *path, GError **error)
{
  g_autoptr (VmdDatabase) db = NULL;
  int result;

  if (!ensure_file (path, error))
    return NULL;
  result = sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (db == NULL)
    {
      vmd_fail (error, VMD_ERROR_STORE, "Cannot open the database %s: %s", path,
                sqlite3_errstr (result));
      return NULL;
    }
  sqlite3_extended_result_codes (db, TRUE);
  if (result != SQLITE_OK)
    {
      vmd_sqlite_fail (db, error, "open");
      return NULL;
    }
  if (!prepare (db, error))
    return NULL;
  vmd_store_log_reserve (db);
  return g_steal_pointer (&db);
}
