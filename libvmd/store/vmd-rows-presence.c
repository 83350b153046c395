/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-rows-private.h"

#include "vmd-sqlite-private.h"

void
vmd_presence_row_free (VmdPresenceRow *row)
{
  g_free (row->device);
  g_free (row->peer);
  g_free (row);
}

static gpointer
read_presence (VmdStatement *statement)
{
  VmdPresenceRow *row = g_new0 (VmdPresenceRow, 1);

  row->device = vmd_sqlite_dup_text (statement, 0);
  row->generation = vmd_sqlite_get_unsigned (statement, 1, G_MAXINT64);
  row->connected = sqlite3_column_int64 (statement, 2) != 0;
  row->since = sqlite3_column_int64 (statement, 3);
  row->peer = vmd_sqlite_dup_text (statement, 4);
  return row;
}

VmdPresenceRow *
vmd_presence_row_load (sqlite3 *db, const char *device, GError **error)
{
  return vmd_sqlite_load_one (db, read_presence, error,
                              "SELECT device, generation, connected, since, peer FROM presence"
                              " WHERE device = ?",
                              "s", device);
}

/* Of one generation, being gone comes after being there. */
gboolean
vmd_presence_row_put (sqlite3 *db, const VmdPresenceRow *row, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO presence (device, generation, connected, since, peer)"
                         " SELECT id, ?, ?, ?, ? FROM devices WHERE id = ?"
                         " ON CONFLICT (device) DO UPDATE SET generation = excluded.generation,"
                         " connected = excluded.connected, since = excluded.since,"
                         " peer = excluded.peer WHERE excluded.generation > generation"
                         " OR (excluded.generation = generation AND NOT excluded.connected)",
                         "iiiss", (gint64) row->generation, (gint64) row->connected, row->since,
                         row->peer, row->device);
}

gboolean
vmd_presence_row_begin_epoch (sqlite3 *db, guint64 *epoch, GError **error)
{
  g_autoptr (VmdStatement) statement = NULL;

  if (!vmd_sqlite_run (db, NULL, error, "UPDATE presence SET connected = 0 WHERE connected", "") ||
      !vmd_sqlite_run (db, NULL, error, "UPDATE config_counter SET epoch = epoch + 1", ""))
    return FALSE;
  statement = vmd_sqlite_prepare (db, "SELECT epoch FROM config_counter", error);
  if (statement == NULL || vmd_sqlite_step (db, statement, error) != SQLITE_ROW)
    return FALSE;
  *epoch = vmd_sqlite_get_unsigned (statement, 0, G_MAXINT64);
  return TRUE;
}

void
vmd_applied_row_free (VmdAppliedRow *row)
{
  g_free (row->device);
  g_free (row->status);
  g_free (row->message);
  g_free (row);
}

static gpointer
read_applied (VmdStatement *statement)
{
  VmdAppliedRow *row = g_new0 (VmdAppliedRow, 1);

  row->device = vmd_sqlite_dup_text (statement, 0);
  row->version = vmd_sqlite_get_unsigned (statement, 1, G_MAXINT64);
  row->status = vmd_sqlite_dup_text (statement, 2);
  row->message = vmd_sqlite_dup_text (statement, 3);
  row->time = sqlite3_column_int64 (statement, 4);
  return row;
}

VmdAppliedRow *
vmd_applied_row_load (sqlite3 *db, const char *device, GError **error)
{
  return vmd_sqlite_load_one (db, read_applied, error,
                              "SELECT device, version, status, message, time FROM device_applied"
                              " WHERE device = ?",
                              "s", device);
}

gboolean
vmd_applied_row_put (sqlite3 *db, const VmdAppliedRow *row, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO device_applied (device, version, status, message, time)"
                         " VALUES (?, ?, ?, ?, ?)"
                         " ON CONFLICT (device) DO UPDATE SET version = excluded.version,"
                         " status = excluded.status, message = excluded.message,"
                         " time = excluded.time",
                         "sissi", row->device, (gint64) row->version, row->status, row->message,
                         row->time);
}
