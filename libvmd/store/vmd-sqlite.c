/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-sqlite-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-statement-cache-private.h"

#include <errno.h>

static VmdError
code_from_sqlite (sqlite3 *db, int code)
{
  int system_errno = sqlite3_system_errno (db);

  switch (code & 0xff)
    {
    case SQLITE_FULL:
      return VMD_ERROR_NO_SPACE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      /* A full disk is SQLITE_FULL only where it hits a plain write: not at an fsync, nor when
       * the shared memory grows. */
      if (system_errno == ENOSPC || system_errno == EDQUOT)
        return VMD_ERROR_NO_SPACE;
      return VMD_ERROR_STORE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return VMD_ERROR_STORE_CORRUPT;
    default:
      break;
    }
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
    return VMD_ERROR_EXISTS;
  return VMD_ERROR_STORE;
}

static const char *
get_next_step (VmdError code)
{
  switch (code)
    {
    case VMD_ERROR_STORE_CORRUPT:
      return ": " VMD_SQLITE_REPAIR;
    case VMD_ERROR_NO_SPACE:
      return ": make room on that file system, and try again";
    default:
      return "";
    }
}

gboolean
vmd_sqlite_fail (sqlite3 *db, GError **error, const char *doing)
{
  VmdError code = code_from_sqlite (db, sqlite3_extended_errcode (db));
  const char *path = sqlite3_db_filename (db, "main");

  if (path == NULL || *path == '\0')
    path = "the database";
  return vmd_fail (error, code, "Cannot %s %s: %s%s", doing, path, sqlite3_errmsg (db),
                   get_next_step (code));
}

/* Ready to be bound. Free with vmd_sqlite_release(). */
VmdStatement *
vmd_sqlite_prepare (sqlite3 *db, const char *sql, GError **error)
{
  VmdStatement *statement = vmd_statement_cache_take (db, sql);

  if (statement != NULL || sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK)
    return statement;
  vmd_sqlite_fail (db, error, "read");
  return NULL;
}

void
vmd_sqlite_release (VmdStatement *statement)
{
  if (!vmd_statement_cache_put (statement))
    sqlite3_finalize (statement);
}

static int
bind_one (VmdStatement *statement, int index, char type, va_list *values)
{
  const void *bytes;

  switch (type)
    {
    case 's':
      return sqlite3_bind_text (statement, index, va_arg (*values, const char *), -1,
                                SQLITE_TRANSIENT);
    case 'i':
      return sqlite3_bind_int64 (statement, index, va_arg (*values, gint64));
    case 'd':
      return sqlite3_bind_double (statement, index, va_arg (*values, double));
    case 'b':
      bytes = va_arg (*values, const void *);
      return sqlite3_bind_blob64 (statement, index, bytes, va_arg (*values, gsize),
                                  SQLITE_TRANSIENT);
    default:
      g_error ("“%c” is no type of a parameter", type);
    }
}

static gboolean
bind_all (sqlite3 *db, VmdStatement *statement, GError **error, const char *types, va_list *values)
{
  int index = 0;

  for (const char *type = types; *type != '\0'; type++)
    if (bind_one (statement, ++index, *type, values) != SQLITE_OK)
      return vmd_sqlite_fail (db, error, "use");
  /* What is not bound would be NULL, silently. */
  g_assert (index == sqlite3_bind_parameter_count (statement));
  return TRUE;
}

gboolean
vmd_sqlite_bind (sqlite3 *db, VmdStatement *statement, GError **error, const char *types, ...)
{
  va_list values;
  gboolean bound;

  va_start (values, types);
  bound = bind_all (db, statement, error, types, &values);
  va_end (values);
  return bound;
}

int
vmd_sqlite_step (sqlite3 *db, VmdStatement *statement, GError **error)
{
  int result = sqlite3_step (statement);

  if (result == SQLITE_ROW || result == SQLITE_DONE)
    return result;
  vmd_sqlite_fail (db, error, sqlite3_stmt_readonly (statement) ? "read" : "write to");
  return -1;
}

gboolean
vmd_sqlite_run (sqlite3 *db, int *changed, GError **error, const char *sql, const char *types, ...)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, sql, error);
  gboolean bound;
  va_list values;
  int result;

  if (statement == NULL)
    return FALSE;
  va_start (values, types);
  bound = bind_all (db, statement, error, types, &values);
  va_end (values);
  if (!bound)
    return FALSE;
  do
    result = vmd_sqlite_step (db, statement, error);
  while (result == SQLITE_ROW);
  if (result != SQLITE_DONE)
    return FALSE;
  if (changed != NULL)
    *changed = sqlite3_changes (db);
  return TRUE;
}

/* Returns: (transfer full) (nullable): NULL for a NULL */
char *
vmd_sqlite_dup_text (VmdStatement *statement, int column)
{
  return g_strdup ((const char *) sqlite3_column_text (statement, column));
}

guint64
vmd_sqlite_get_unsigned (VmdStatement *statement, int column, guint64 maximum)
{
  gint64 value = sqlite3_column_int64 (statement, column);

  return value < 0 || (guint64) value > maximum ? 0 : (guint64) value;
}

gpointer
vmd_sqlite_load_one (sqlite3 *db, VmdSqliteReader reader, GError **error, const char *sql,
                     const char *types, ...)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, sql, error);
  gboolean bound;
  va_list values;

  if (statement == NULL)
    return NULL;
  va_start (values, types);
  bound = bind_all (db, statement, error, types, &values);
  va_end (values);
  if (!bound || vmd_sqlite_step (db, statement, error) != SQLITE_ROW)
    return NULL;
  return reader (statement);
}

GPtrArray *
vmd_sqlite_load_all (sqlite3 *db, VmdSqliteReader reader, GDestroyNotify destroy, GError **error,
                     const char *sql, const char *types, ...)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (destroy);
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, sql, error);
  gboolean bound;
  va_list values;
  int result;

  if (statement == NULL)
    return NULL;
  va_start (values, types);
  bound = bind_all (db, statement, error, types, &values);
  va_end (values);
  if (!bound)
    return NULL;
  while ((result = vmd_sqlite_step (db, statement, error)) == SQLITE_ROW)
    g_ptr_array_add (rows, reader (statement));
  return result == SQLITE_DONE ? g_steal_pointer (&rows) : NULL;
}
