/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-rows-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-device-rows-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS                                                                                    \
  "id, name, image_name, image, kernel, vcpus, memory, disk_size, network, backend, created,"      \
  " launch, reason, bad, deleted, ssh_server"

void
vmd_vm_row_free (VmdVmRow *row)
{
  g_free (row->id);
  g_free (row->name);
  g_free (row->image_name);
  g_free (row->image);
  g_free (row->ssh_server);
  g_free (row->kernel);
  g_free (row->network);
  g_free (row->backend);
  g_free (row->reason);
  g_free (row);
}

VmdVmRow *
vmd_vm_row_copy (const VmdVmRow *row)
{
  VmdVmRow *copy = g_memdup2 (row, sizeof *row);

  copy->id = g_strdup (row->id);
  copy->name = g_strdup (row->name);
  copy->image_name = g_strdup (row->image_name);
  copy->image = g_strdup (row->image);
  copy->ssh_server = g_strdup (row->ssh_server);
  copy->kernel = g_strdup (row->kernel);
  copy->network = g_strdup (row->network);
  copy->backend = g_strdup (row->backend);
  copy->reason = g_strdup (row->reason);
  return copy;
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdVmRow *row = g_new0 (VmdVmRow, 1);

  row->id = vmd_sqlite_dup_text (statement, 0);
  row->name = vmd_sqlite_dup_text (statement, 1);
  row->image_name = vmd_sqlite_dup_text (statement, 2);
  row->image = vmd_sqlite_dup_text (statement, 3);
  row->kernel = vmd_sqlite_dup_text (statement, 4);
  row->vcpus = vmd_sqlite_get_unsigned (statement, 5, G_MAXUINT);
  row->memory = vmd_sqlite_get_unsigned (statement, 6, G_MAXINT64);
  row->disk_size = vmd_sqlite_get_unsigned (statement, 7, G_MAXINT64);
  row->network = vmd_sqlite_dup_text (statement, 8);
  row->backend = vmd_sqlite_dup_text (statement, 9);
  row->created = sqlite3_column_int64 (statement, 10);
  row->launch = vmd_sqlite_get_unsigned (statement, 11, G_MAXINT64);
  row->reason = vmd_sqlite_dup_text (statement, 12);
  row->bad = sqlite3_column_int64 (statement, 13) != 0;
  row->deleted = sqlite3_column_int64 (statement, 14) != 0;
  row->ssh_server = vmd_sqlite_dup_text (statement, 15);
  return row;
}

static gpointer
read_id (VmdStatement *statement)
{
  return vmd_sqlite_dup_text (statement, 0);
}

/* FALSE with EXISTS when another VM than @id has the name. */
static gboolean
check_name (sqlite3 *db, const char *id, const char *name, GError **error)
{
  GError *failure = NULL;
  g_autofree char *other = vmd_sqlite_load_one (
      db, read_id, &failure, "SELECT id FROM vms WHERE name = ? AND NOT deleted AND id IS NOT ?",
      "ss", name, id);

  if (other != NULL)
    return vmd_fail (error, VMD_ERROR_EXISTS,
                     "There is a VM “%s” already (%s): choose another name, or delete that one",
                     name, other);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

/* A VM is a device by its name too, which must not be another one's. */
static gboolean
check_no_device (sqlite3 *db, const char *name, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VmdDeviceRow) device = vmd_device_row_load (db, name, &failure);

  if (device != NULL)
    return vmd_fail (error, VMD_ERROR_EXISTS,
                     "There is a device “%s” already: choose another name, or remove that one",
                     name);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

static gboolean
is_given (const char *text)
{
  return text != NULL && *text != '\0';
}

/* A backend that needs no image and no kernel names none. */
static gboolean
check_image_and_kernel (sqlite3 *db, const VmdVmRow *row, GError **error)
{
  g_autoptr (VmdKernelRow) kernel = NULL;
  GError *failure = NULL;
  guint count = 1;

  /* By digest: the name may point elsewhere by now, but the file stays while anybody refers to
   * it. */
  if (is_given (row->image) && !vmd_image_digest_count (db, row->image, &count, error))
    return FALSE;
  if (count == 0)
    return vmd_fail (error, VMD_ERROR_NOT_FOUND,
                     "The image “%s” was deleted or replaced meanwhile: try again, or choose"
                     " another one",
                     row->image_name != NULL ? row->image_name : row->image);
  if (!is_given (row->kernel))
    return TRUE;
  kernel = vmd_kernel_row_load (db, row->kernel, &failure);
  if (kernel != NULL)
    return TRUE;
  if (failure == NULL)
    return vmd_fail (error, VMD_ERROR_NOT_FOUND,
                     "There is no kernel %s: import it, or choose another one", row->kernel);
  g_propagate_error (error, failure);
  return FALSE;
}

gboolean
vmd_vm_row_insert (sqlite3 *db, const VmdVmRow *row, GError **error)
{
  return check_name (db, row->id, row->name, error) && check_no_device (db, row->name, error) &&
         check_image_and_kernel (db, row, error) &&
         vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO vms (" COLUMNS ")"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         "sssssiiissiisiis", row->id, row->name, row->image_name, row->image,
                         row->kernel, (gint64) row->vcpus, (gint64) row->memory,
                         (gint64) row->disk_size, row->network, row->backend, row->created,
                         (gint64) row->launch, row->reason, (gint64) row->bad,
                         (gint64) row->deleted, row->ssh_server) &&
         vmd_device_row_insert (db, row->id, TRUE, 0, row->created, error);
}

VmdVmRow *
vmd_vm_row_load (sqlite3 *db, const char *id, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error, "SELECT " COLUMNS " FROM vms WHERE id = ?", "s",
                              id);
}

GPtrArray *
vmd_vm_row_load_all (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_vm_row_free, error,
                              "SELECT " COLUMNS " FROM vms ORDER BY id", "");
}

static gboolean
fail_not_found (const char *id, GError **error)
{
  return vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no VM %s (any more)", id);
}

static gboolean
check_exists (sqlite3 *db, const char *id, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VmdVmRow) row = vmd_vm_row_load (db, id, &failure);

  if (row != NULL && !row->deleted)
    return TRUE;
  if (failure == NULL)
    return fail_not_found (id, error);
  g_propagate_error (error, failure);
  return FALSE;
}

gboolean
vmd_vm_row_update (sqlite3 *db, const VmdVmRow *row, GError **error)
{
  return check_exists (db, row->id, error) && check_name (db, row->id, row->name, error) &&
         vmd_sqlite_run (db, NULL, error,
                         "UPDATE vms SET name = ?, vcpus = ?, memory = ?, disk_size = ?,"
                         " network = ? WHERE id = ? AND NOT deleted",
                         "siiiss", row->name, (gint64) row->vcpus, (gint64) row->memory,
                         (gint64) row->disk_size, row->network, row->id);
}

gboolean
vmd_vm_row_set_reason (sqlite3 *db, const char *id, const char *reason, gboolean bad,
                       GError **error)
{
  int changed;

  if (!vmd_sqlite_run (db, &changed, error, "UPDATE vms SET reason = ?, bad = ? WHERE id = ?",
                       "sis", reason, (gint64) bad, id))
    return FALSE;
  return changed > 0 || fail_not_found (id, error);
}

gboolean
vmd_vm_row_tombstone (sqlite3 *db, const char *id, GError **error)
{
  int changed;

  if (!vmd_sqlite_run (db, &changed, error, "UPDATE vms SET deleted = 1 WHERE id = ?", "s", id))
    return FALSE;
  return changed > 0 ? vmd_device_row_remove (db, id, error) : fail_not_found (id, error);
}

/* The claim under which it is deleted goes too: there is nothing left that it could be on. */
gboolean
vmd_vm_row_remove (sqlite3 *db, const char *id, GError **error)
{
  static const char *const statements[] = {
    "DELETE FROM workspaces WHERE vm = ?", "DELETE FROM launch_resources WHERE vm = ?",
    "DELETE FROM launches WHERE vm = ?",   "DELETE FROM transitions WHERE vm = ?",
    "DELETE FROM vms WHERE id = ?",
  };

  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    if (!vmd_sqlite_run (db, NULL, error, statements[i], "s", id))
      return FALSE;
  return vmd_device_row_remove (db, id, error);
}
