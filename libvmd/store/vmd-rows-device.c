/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-rows-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "vmd-sqlite-private.h"

void
vmd_device_row_free (VmdDeviceRow *row)
{
  g_free (row->id);
  g_free (row->own);
  g_free (row);
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdDeviceRow *row = g_new0 (VmdDeviceRow, 1);

  row->id = vmd_sqlite_dup_text (statement, 0);
  row->is_guest = sqlite3_column_int64 (statement, 1) != 0;
  row->created = sqlite3_column_int64 (statement, 2);
  row->schema = sqlite3_column_int64 (statement, 3);
  row->own = vmd_sqlite_dup_text (statement, 4);
  row->version = vmd_sqlite_get_unsigned (statement, 5, G_MAXINT64);
  row->revision = vmd_sqlite_get_unsigned (statement, 6, G_MAXINT64);
  row->effective_version = vmd_sqlite_get_unsigned (statement, 7, G_MAXINT64);
  return row;
}

static gpointer
read_text (VmdStatement *statement)
{
  return vmd_sqlite_dup_text (statement, 0);
}

/* One name means one thing: “config set web” must not have to guess between a VM and a device. */
static gboolean
check_name (sqlite3 *db, const char *id, GError **error)
{
  GError *failure = NULL;
  g_autofree char *device = NULL;
  g_autofree char *vm = NULL;

  device =
      vmd_sqlite_load_one (db, read_text, &failure, "SELECT id FROM devices WHERE id = ?", "s", id);
  if (failure == NULL && device == NULL)
    vm = vmd_sqlite_load_one (db, read_text, &failure,
                              "SELECT id FROM vms WHERE name = ? AND NOT deleted", "s", id);
  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (device != NULL)
    return vmd_fail (error, VMD_ERROR_EXISTS, "There is a device “%s” already", id);
  return vm == NULL ||
         vmd_fail (error, VMD_ERROR_EXISTS,
                   "There is a VM “%s”, which is a device under that name already", id);
}

gboolean
vmd_device_row_insert (sqlite3 *db, const char *id, gboolean is_guest, gint64 schema,
                       gint64 created, GError **error)
{
  VmdHistoryRow history = { .target = (char *) id,
                            .revision = 1,
                            .author = (char *) "",
                            .time = created,
                            .note = (char *) "created",
                            .own = (char *) "{}" };

  return (is_guest || check_name (db, id, error)) &&
         vmd_config_version_draw (db, &history.version, error) &&
         vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO devices (id, is_guest, created, schema, own, version,"
                         " revision) VALUES (?, ?, ?, nullif (?, 0), ?, ?, ?)",
                         "siiisii", id, (gint64) is_guest, created, schema, history.own,
                         (gint64) history.version, (gint64) history.revision) &&
         vmd_history_row_insert (db, &history, error);
}

VmdDeviceRow *
vmd_device_row_load (sqlite3 *db, const char *id, GError **error)
{
  return vmd_sqlite_load_one (
      db, read_row, error,
      "SELECT id, is_guest, created, schema, own, version, revision,"
      " max (version, coalesce ((SELECT max (device_groups.version) FROM group_members"
      "  JOIN device_groups ON device_groups.name = group_members.device_group"
      "  WHERE group_members.device = devices.id), 0))"
      " FROM devices WHERE id = ?",
      "s", id);
}

GPtrArray *
vmd_device_row_load_ids (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_text, g_free, error, "SELECT id FROM devices ORDER BY id",
                              "");
}

gboolean
vmd_device_row_update (sqlite3 *db, const VmdDeviceRow *row, GError **error)
{
  return vmd_fault_point ("config-row", error) &&
         vmd_sqlite_run (db, NULL, error,
                         "UPDATE devices SET schema = nullif (?, 0), own = ?, version = ?,"
                         " revision = ? WHERE id = ?",
                         "isiis", row->schema, row->own, (gint64) row->version,
                         (gint64) row->revision, row->id);
}

gboolean
vmd_device_row_remove (sqlite3 *db, const char *id, GError **error)
{
  static const char *const statements[] = {
    "DELETE FROM device_tokens WHERE device = ?",
    "DELETE FROM group_members WHERE device = ?",
    "DELETE FROM device_applied WHERE device = ?",
    "DELETE FROM presence WHERE device = ?",
    "DELETE FROM config_history WHERE NOT is_group AND target = ?",
    "DELETE FROM devices WHERE id = ?",
  };
  GError *failure = NULL;
  g_autoptr (VmdDeviceRow) row = vmd_device_row_load (db, id, &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (row == NULL)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    if (!vmd_fault_point ("config-row", error) ||
        !vmd_sqlite_run (db, NULL, error, statements[i], "s", id))
      return FALSE;
  return vmd_schema_row_drop_unused (db, row->schema, error);
}
