/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-rows-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS "name, digest, size, virtual_size, source, ssh_server, created"

void
vmd_image_row_free (VmdImageRow *row)
{
  g_free (row->name);
  g_free (row->digest);
  g_free (row->source);
  g_free (row->ssh_server);
  g_free (row);
}

VmdImageRow *
vmd_image_row_copy (const VmdImageRow *row)
{
  VmdImageRow *copy = g_memdup2 (row, sizeof *row);

  copy->name = g_strdup (row->name);
  copy->digest = g_strdup (row->digest);
  copy->source = g_strdup (row->source);
  copy->ssh_server = g_strdup (row->ssh_server);
  return copy;
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdImageRow *row = g_new0 (VmdImageRow, 1);

  row->name = vmd_sqlite_dup_text (statement, 0);
  row->digest = vmd_sqlite_dup_text (statement, 1);
  row->size = vmd_sqlite_get_unsigned (statement, 2, G_MAXINT64);
  row->virtual_size = vmd_sqlite_get_unsigned (statement, 3, G_MAXINT64);
  row->source = vmd_sqlite_dup_text (statement, 4);
  row->ssh_server = vmd_sqlite_dup_text (statement, 5);
  row->created = sqlite3_column_int64 (statement, 6);
  return row;
}

gboolean
vmd_image_row_put (sqlite3 *db, const VmdImageRow *row, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO images (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)"
                         " ON CONFLICT (name) DO UPDATE SET digest = excluded.digest,"
                         " size = excluded.size, virtual_size = excluded.virtual_size,"
                         " source = excluded.source, ssh_server = excluded.ssh_server,"
                         " created = excluded.created",
                         "ssiissi", row->name, row->digest, (gint64) row->size,
                         (gint64) row->virtual_size, row->source, row->ssh_server, row->created);
}

VmdImageRow *
vmd_image_row_load (sqlite3 *db, const char *name, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error, "SELECT " COLUMNS " FROM images WHERE name = ?",
                              "s", name);
}

GPtrArray *
vmd_image_row_load_all (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_image_row_free, error,
                              "SELECT " COLUMNS " FROM images ORDER BY name", "");
}

static gpointer
read_name (VmdStatement *statement)
{
  return vmd_sqlite_dup_text (statement, 0);
}

/* FALSE with IN_USE, naming the VMs that were made from it. A VM that is being deleted may still
 * have the file open. */
static gboolean
check_unused (sqlite3 *db, const char *name, GError **error)
{
  g_autofree char *list = NULL;
  g_autoptr (GPtrArray) vms = vmd_sqlite_load_all (
      db, read_name, g_free, error,
      "SELECT vms.name FROM vms JOIN images ON vms.image = images.digest WHERE images.name = ?"
      " ORDER BY vms.name",
      "s", name);

  if (vms == NULL)
    return FALSE;
  if (vms->len == 0)
    return TRUE;
  g_ptr_array_add (vms, NULL);
  list = g_strjoinv ("”, “", (char **) vms->pdata);
  return vmd_fail (error, VMD_ERROR_IN_USE, "The image “%s” is in use by “%s”: delete them first",
                   name, list);
}

gboolean
vmd_image_row_remove (sqlite3 *db, const char *name, GError **error)
{
  int changed;

  if (!check_unused (db, name, error) ||
      !vmd_sqlite_run (db, &changed, error, "DELETE FROM images WHERE name = ?", "s", name))
    return FALSE;
  return changed > 0 || vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no image “%s”", name);
}

gboolean
vmd_image_digest_count (sqlite3 *db, const char *digest, guint *count, GError **error)
{
  g_autoptr (VmdStatement) statement =
      vmd_sqlite_prepare (db,
                          "SELECT (SELECT count(*) FROM images WHERE digest = ?1)"
                          " + (SELECT count(*) FROM vms WHERE image = ?1)",
                          error);

  if (statement == NULL || !vmd_sqlite_bind (db, statement, error, "s", digest) ||
      vmd_sqlite_step (db, statement, error) != SQLITE_ROW)
    return FALSE;
  *count = vmd_sqlite_get_unsigned (statement, 0, G_MAXUINT);
  return TRUE;
}
