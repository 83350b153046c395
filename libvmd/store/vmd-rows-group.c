/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-rows-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS                                                                                    \
  "device_groups.name, device_groups.created, device_groups.own, device_groups.version,"           \
  " device_groups.revision"

void
vmd_group_row_free (VmdGroupRow *row)
{
  g_free (row->name);
  g_free (row->own);
  g_free (row);
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdGroupRow *row = g_new0 (VmdGroupRow, 1);

  row->name = vmd_sqlite_dup_text (statement, 0);
  row->created = sqlite3_column_int64 (statement, 1);
  row->own = vmd_sqlite_dup_text (statement, 2);
  row->version = vmd_sqlite_get_unsigned (statement, 3, G_MAXINT64);
  row->revision = vmd_sqlite_get_unsigned (statement, 4, G_MAXINT64);
  return row;
}

static gpointer
read_text (VmdStatement *statement)
{
  return vmd_sqlite_dup_text (statement, 0);
}

gboolean
vmd_group_row_insert (sqlite3 *db, const char *name, gint64 created, GError **error)
{
  VmdHistoryRow history = { .is_group = TRUE,
                            .target = (char *) name,
                            .revision = 1,
                            .author = (char *) "",
                            .time = created,
                            .note = (char *) "created",
                            .own = (char *) "{}" };
  GError *failure = NULL;
  g_autoptr (VmdGroupRow) row = vmd_group_row_load (db, name, &failure);

  if (row != NULL)
    return vmd_fail (error, VMD_ERROR_EXISTS, "There is a group “%s” already", name);
  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  return vmd_config_version_draw (db, &history.version, error) &&
         vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO device_groups (name, created, own, version, revision)"
                         " VALUES (?, ?, ?, ?, ?)",
                         "sisii", name, created, history.own, (gint64) history.version,
                         (gint64) history.revision) &&
         vmd_history_row_insert (db, &history, error);
}

VmdGroupRow *
vmd_group_row_load (sqlite3 *db, const char *name, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error,
                              "SELECT " COLUMNS " FROM device_groups WHERE name = ?", "s", name);
}

GPtrArray *
vmd_group_row_load_names (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_text, g_free, error,
                              "SELECT name FROM device_groups ORDER BY name", "");
}

GPtrArray *
vmd_group_row_load_of_device (sqlite3 *db, const char *device, GError **error)
{
  return vmd_sqlite_load_all (
      db, read_row, (GDestroyNotify) vmd_group_row_free, error,
      "SELECT " COLUMNS " FROM group_members"
      " JOIN device_groups ON device_groups.name = group_members.device_group"
      " WHERE group_members.device = ? ORDER BY group_members.device_group",
      "s", device);
}

gboolean
vmd_group_row_update (sqlite3 *db, const VmdGroupRow *row, GError **error)
{
  return vmd_fault_point ("config-row", error) &&
         vmd_sqlite_run (db, NULL, error,
                         "UPDATE device_groups SET own = ?, version = ?, revision = ?"
                         " WHERE name = ?",
                         "siis", row->own, (gint64) row->version, (gint64) row->revision,
                         row->name);
}

gboolean
vmd_group_row_remove (sqlite3 *db, const char *name, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "DELETE FROM config_history WHERE is_group AND target = ?", "s", name) &&
         vmd_fault_point ("config-row", error) &&
         vmd_sqlite_run (db, NULL, error, "DELETE FROM device_groups WHERE name = ?", "s", name);
}

/* -- Members -- */

gboolean
vmd_member_row_add (sqlite3 *db, const char *group, const char *device, gint64 now,
                    gboolean *changed, GError **error)
{
  int count;

  if (!vmd_fault_point ("config-row", error) ||
      !vmd_sqlite_run (db, &count, error,
                       "INSERT INTO group_members (device, device_group, since) VALUES (?, ?, ?)"
                       " ON CONFLICT DO NOTHING",
                       "ssi", device, group, now))
    return FALSE;
  *changed = count > 0;
  return TRUE;
}

gboolean
vmd_member_row_remove (sqlite3 *db, const char *group, const char *device, gboolean *changed,
                       GError **error)
{
  int count;

  if (!vmd_fault_point ("config-row", error) ||
      !vmd_sqlite_run (db, &count, error,
                       "DELETE FROM group_members WHERE device = ? AND device_group = ?", "ss",
                       device, group))
    return FALSE;
  *changed = count > 0;
  return TRUE;
}

GPtrArray *
vmd_member_row_load_devices (sqlite3 *db, const char *group, GError **error)
{
  return vmd_sqlite_load_all (db, read_text, g_free, error,
                              "SELECT device FROM group_members WHERE device_group = ?"
                              " ORDER BY device",
                              "s", group);
}

/* No device gets more than the longest of all own values, the longest groups and the longest schema
 * together: a bound that is read in one sweep, where the members would be looked up one by one. */
static gboolean
load_bound (sqlite3 *db, gint64 *bound, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (
      db,
      "SELECT (SELECT coalesce (max (length (CAST (own AS BLOB))), 0) FROM devices)"
      " + (SELECT coalesce (max (length (CAST (text AS BLOB))), 0) FROM schemas)"
      " + (SELECT coalesce (sum (size), 0) FROM (SELECT length (CAST (own AS BLOB)) AS size"
      "    FROM device_groups ORDER BY size DESC LIMIT ?))",
      error);

  if (statement == NULL ||
      !vmd_sqlite_bind (db, statement, error, "i", (gint64) VMD_MAX_GROUPS_OF_DEVICE) ||
      vmd_sqlite_step (db, statement, error) != SQLITE_ROW)
    return FALSE;
  *bound = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* A schema's defaults are within its text. */
GPtrArray *
vmd_member_row_load_large (sqlite3 *db, const char *group, gsize size, GError **error)
{
  gint64 bound;

  if (!load_bound (db, &bound, error))
    return NULL;
  if (bound <= (gint64) size)
    return g_ptr_array_new ();
  return vmd_sqlite_load_all (
      db, read_text, g_free, error,
      "SELECT devices.id FROM group_members AS member"
      " CROSS JOIN devices ON devices.id = member.device WHERE member.device_group = ?"
      " AND length (CAST (devices.own AS BLOB))"
      "  + coalesce ((SELECT length (CAST (schemas.text AS BLOB)) FROM schemas"
      "              WHERE schemas.id = devices.schema), 0)"
      "  + (SELECT sum (length (CAST (device_groups.own AS BLOB))) FROM group_members AS other"
      "     CROSS JOIN device_groups ON device_groups.name = other.device_group"
      "     WHERE other.device = devices.id) > ? ORDER BY devices.id",
      "si", group, (gint64) size);
}

void
vmd_group_schema_free (VmdGroupSchema *schema)
{
  g_free (schema->device);
  g_free (schema);
}

static gpointer
read_schema (VmdStatement *statement)
{
  VmdGroupSchema *schema = g_new0 (VmdGroupSchema, 1);

  schema->schema = sqlite3_column_int64 (statement, 0);
  schema->device = vmd_sqlite_dup_text (statement, 1);
  return schema;
}

/* Where no device has a schema nothing is looked through. */
GPtrArray *
vmd_group_schema_load (sqlite3 *db, const char *group, GError **error)
{
  return vmd_sqlite_load_all (db, read_schema, (GDestroyNotify) vmd_group_schema_free, error,
                              "SELECT devices.schema, min (devices.id) FROM group_members"
                              " CROSS JOIN devices ON devices.id = group_members.device"
                              " WHERE group_members.device_group = ?"
                              " AND devices.schema IS NOT NULL"
                              " AND EXISTS (SELECT 1 FROM schemas) GROUP BY devices.schema",
                              "s", group);
}
