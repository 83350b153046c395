/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-rows-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "vmd-sqlite-private.h"

#include <string.h>

#define COLUMNS "id, device, hash, label, created, expires"

void
vmd_token_row_free (VmdTokenRow *row)
{
  g_free (row->id);
  g_free (row->device);
  g_free (row->label);
  g_free (row);
}

/* A hash that is damaged is all zeros: no secret has that one. */
static gpointer
read_row (VmdStatement *statement)
{
  VmdTokenRow *row = g_new0 (VmdTokenRow, 1);

  row->id = vmd_sqlite_dup_text (statement, 0);
  row->device = vmd_sqlite_dup_text (statement, 1);
  if (sqlite3_column_bytes (statement, 2) == sizeof row->hash)
    memcpy (row->hash, sqlite3_column_blob (statement, 2), sizeof row->hash);
  row->label = vmd_sqlite_dup_text (statement, 3);
  row->created = sqlite3_column_int64 (statement, 4);
  row->expires = sqlite3_column_int64 (statement, 5);
  return row;
}

gboolean
vmd_token_row_insert (sqlite3 *db, const VmdTokenRow *row, GError **error)
{
  int changed;

  if (!vmd_fault_point ("config-row", error) ||
      !vmd_sqlite_run (db, &changed, error,
                       "INSERT INTO device_tokens (" COLUMNS ")"
                       " SELECT ?, id, ?, ?, ?, ? FROM devices WHERE id = ?",
                       "sbsiis", row->id, row->hash, sizeof row->hash, row->label, row->created,
                       row->expires, row->device))
    return FALSE;
  return changed > 0 ||
         vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no device %s (any more)", row->device);
}

GPtrArray *
vmd_token_row_load_of_device (sqlite3 *db, const char *device, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_token_row_free, error,
                              "SELECT " COLUMNS " FROM device_tokens WHERE device = ?"
                              " ORDER BY created, id",
                              "s", device);
}

gboolean
vmd_token_row_remove (sqlite3 *db, const char *device, const char *id, GError **error)
{
  int changed;

  if (!vmd_sqlite_run (db, &changed, error, "DELETE FROM device_tokens WHERE device = ? AND id = ?",
                       "ss", device, id))
    return FALSE;
  return changed > 0 ||
         vmd_fail (error, VMD_ERROR_NOT_FOUND, "Device “%s” has no token %s", device, id);
}

gboolean
vmd_token_row_remove_labelled (sqlite3 *db, const char *device, const char *label, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "DELETE FROM device_tokens WHERE device = ? AND label = ?", "ss", device,
                         label);
}
