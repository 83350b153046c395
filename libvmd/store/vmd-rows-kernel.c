/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-rows-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS "version, source, size, is_default, created"

void
vmd_kernel_row_free (VmdKernelRow *row)
{
  g_free (row->version);
  g_free (row->source);
  g_free (row);
}

VmdKernelRow *
vmd_kernel_row_copy (const VmdKernelRow *row)
{
  VmdKernelRow *copy = g_memdup2 (row, sizeof *row);

  copy->version = g_strdup (row->version);
  copy->source = g_strdup (row->source);
  return copy;
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdKernelRow *row = g_new0 (VmdKernelRow, 1);

  row->version = vmd_sqlite_dup_text (statement, 0);
  row->source = vmd_sqlite_dup_text (statement, 1);
  row->size = vmd_sqlite_get_unsigned (statement, 2, G_MAXINT64);
  row->is_default = sqlite3_column_int64 (statement, 3) != 0;
  row->created = sqlite3_column_int64 (statement, 4);
  return row;
}

/* Inserts, or replaces what is said of this version. There is one default at the most. */
gboolean
vmd_kernel_row_put (sqlite3 *db, const VmdKernelRow *row, GError **error)
{
  if (row->is_default &&
      !vmd_sqlite_run (db, NULL, error,
                       "UPDATE kernels SET is_default = 0 WHERE is_default AND version != ?", "s",
                       row->version))
    return FALSE;
  return vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO kernels (" COLUMNS ") VALUES (?, ?, ?, ?, ?)"
                         " ON CONFLICT (version) DO UPDATE SET source = excluded.source,"
                         " size = excluded.size, is_default = excluded.is_default,"
                         " created = excluded.created",
                         "ssiii", row->version, row->source, (gint64) row->size,
                         (gint64) row->is_default, row->created);
}

VmdKernelRow *
vmd_kernel_row_load (sqlite3 *db, const char *version, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error,
                              "SELECT " COLUMNS " FROM kernels WHERE version = ?", "s", version);
}

GPtrArray *
vmd_kernel_row_load_all (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_kernel_row_free, error,
                              "SELECT " COLUMNS " FROM kernels ORDER BY version", "");
}

static gpointer
read_name (VmdStatement *statement)
{
  return vmd_sqlite_dup_text (statement, 0);
}

/* FALSE with IN_USE, naming the VMs that boot it. */
static gboolean
check_unused (sqlite3 *db, const char *version, GError **error)
{
  g_autofree char *list = NULL;
  g_autoptr (GPtrArray) vms =
      vmd_sqlite_load_all (db, read_name, g_free, error,
                           "SELECT name FROM vms WHERE kernel = ? ORDER BY name", "s", version);

  if (vms == NULL)
    return FALSE;
  if (vms->len == 0)
    return TRUE;
  g_ptr_array_add (vms, NULL);
  list = g_strjoinv ("”, “", (char **) vms->pdata);
  return vmd_fail (error, VMD_ERROR_IN_USE, "The kernel %s is in use by “%s”: delete them first",
                   version, list);
}

/* IN_USE, naming the VMs (tombstoned ones too); NOT_FOUND. */
gboolean
vmd_kernel_row_remove (sqlite3 *db, const char *version, GError **error)
{
  int changed;

  if (!check_unused (db, version, error) ||
      !vmd_sqlite_run (db, &changed, error, "DELETE FROM kernels WHERE version = ?", "s", version))
    return FALSE;
  return changed > 0 || vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no kernel %s", version);
}
