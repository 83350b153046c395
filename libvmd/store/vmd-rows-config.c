/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-rows-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS "version, is_group, target, revision, author, time, note, own"

static gpointer
read_text (VmdStatement *statement)
{
  return vmd_sqlite_dup_text (statement, 0);
}

static gboolean
run_for_number (sqlite3 *db, VmdStatement *statement, gint64 *number, GError **error)
{
  int result = vmd_sqlite_step (db, statement, error);

  if (result == SQLITE_ROW)
    *number = sqlite3_column_int64 (statement, 0);
  /* To its end: a statement that writes is not done before. */
  while (result == SQLITE_ROW)
    result = vmd_sqlite_step (db, statement, error);
  return result == SQLITE_DONE;
}

gboolean
vmd_config_version_draw (sqlite3 *db, guint64 *version, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (
      db, "UPDATE config_counter SET version = version + 1 RETURNING version", error);
  gint64 drawn = 0;

  if (statement == NULL || !run_for_number (db, statement, &drawn, error))
    return FALSE;
  if (drawn <= 0)
    return vmd_fail (error, VMD_ERROR_STORE_CORRUPT,
                     "The counter of versions in %s is damaged: " VMD_SQLITE_REPAIR,
                     sqlite3_db_filename (db, "main"));
  *version = drawn;
  return TRUE;
}

/* -- Schemas -- */

gboolean
vmd_schema_row_intern (sqlite3 *db, const char *text, gint64 *id, GError **error)
{
  g_autoptr (VmdStatement) statement = NULL;

  if (!vmd_sqlite_run (db, NULL, error,
                       "INSERT INTO schemas (text) VALUES (?) ON CONFLICT DO NOTHING", "s", text))
    return FALSE;
  statement = vmd_sqlite_prepare (db, "SELECT id FROM schemas WHERE text = ?", error);
  return statement != NULL && vmd_sqlite_bind (db, statement, error, "s", text) &&
         run_for_number (db, statement, id, error);
}

char *
vmd_schema_row_load (sqlite3 *db, gint64 id, GError **error)
{
  return vmd_sqlite_load_one (db, read_text, error, "SELECT text FROM schemas WHERE id = ?", "i",
                              id);
}

gboolean
vmd_schema_row_drop_unused (sqlite3 *db, gint64 id, GError **error)
{
  return id == 0 || (vmd_fault_point ("config-row", error) &&
                     vmd_sqlite_run (db, NULL, error,
                                     "DELETE FROM schemas WHERE id = ?1"
                                     " AND NOT EXISTS (SELECT 1 FROM devices WHERE schema = ?1)",
                                     "i", id));
}

/* -- History -- */

void
vmd_history_row_free (VmdHistoryRow *row)
{
  g_free (row->target);
  g_free (row->author);
  g_free (row->note);
  g_free (row->own);
  g_free (row);
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdHistoryRow *row = g_new0 (VmdHistoryRow, 1);

  row->version = vmd_sqlite_get_unsigned (statement, 0, G_MAXINT64);
  row->is_group = sqlite3_column_int64 (statement, 1) != 0;
  row->target = vmd_sqlite_dup_text (statement, 2);
  row->revision = vmd_sqlite_get_unsigned (statement, 3, G_MAXINT64);
  row->author = vmd_sqlite_dup_text (statement, 4);
  row->time = sqlite3_column_int64 (statement, 5);
  row->note = vmd_sqlite_dup_text (statement, 6);
  row->own = vmd_sqlite_dup_text (statement, 7);
  return row;
}

/* Revisions of one target have no gaps, so what is too old is found by its number. */
gboolean
vmd_history_row_insert (sqlite3 *db, const VmdHistoryRow *row, GError **error)
{
  return vmd_fault_point ("config-row", error) &&
         vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO config_history (" COLUMNS ")"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         "iisisiss", (gint64) row->version, (gint64) row->is_group, row->target,
                         (gint64) row->revision, row->author, row->time, row->note, row->own) &&
         (row->revision <= VMD_HISTORY_KEPT ||
          vmd_sqlite_run (db, NULL, error,
                          "DELETE FROM config_history WHERE is_group = ? AND target = ?"
                          " AND revision <= ?",
                          "isi", (gint64) row->is_group, row->target,
                          (gint64) row->revision - VMD_HISTORY_KEPT));
}

/* The versions first, alone: what would be sorted besides may be 64 KiB each. */
GPtrArray *
vmd_history_row_load_of_device (sqlite3 *db, const char *device, guint limit, GError **error)
{
  return vmd_sqlite_load_all (
      db, read_row, (GDestroyNotify) vmd_history_row_free, error,
      "SELECT " COLUMNS " FROM config_history WHERE version IN ("
      "  SELECT version FROM config_history WHERE is_group = 0 AND target = ?1"
      "  UNION ALL SELECT version FROM group_members JOIN config_history"
      "   ON is_group = 1 AND target = group_members.device_group WHERE device = ?1"
      "  ORDER BY version DESC LIMIT ?2) ORDER BY version DESC",
      "si", device, (gint64) limit);
}

GPtrArray *
vmd_history_row_load_of_group (sqlite3 *db, const char *group, guint limit, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_history_row_free, error,
                              "SELECT " COLUMNS " FROM config_history"
                              " WHERE is_group = 1 AND target = ?"
                              " ORDER BY revision DESC LIMIT ?",
                              "si", group, (gint64) limit);
}

/* One of a group's, for a device that is in it, is as good as its own: then what the device itself
 * had at that time is meant. */
char *
vmd_history_row_load_own (sqlite3 *db, gboolean is_group, const char *target, guint64 version,
                          GError **error)
{
  GError *failure = NULL;
  char *own = vmd_sqlite_load_one (
      db, read_text, &failure,
      "SELECT own FROM config_history WHERE is_group = ?1 AND target = ?2 AND version <= ?3"
      " AND EXISTS (SELECT 1 FROM config_history AS named WHERE named.version = ?3"
      "  AND ((named.is_group = ?1 AND named.target = ?2) OR (named.is_group AND NOT ?1 AND EXISTS"
      "   (SELECT 1 FROM group_members WHERE device = ?2 AND device_group = named.target))))"
      " ORDER BY revision DESC LIMIT 1",
      "isi", (gint64) is_group, target, (gint64) MIN (version, G_MAXINT64));

  if (own != NULL || failure != NULL)
    {
      if (failure != NULL)
        g_propagate_error (error, failure);
      return own;
    }
  vmd_fail (error, VMD_ERROR_NOT_FOUND,
            "There is no version %" G_GUINT64_FORMAT " of “%s”, or it is too long ago: the history"
            " shows those there are",
            version, target);
  return NULL;
}
