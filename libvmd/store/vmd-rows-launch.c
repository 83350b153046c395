/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-rows-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS "vm, launch, boot_id, pid, start_time, socket, port, guest_boot_id, started"

void
vmd_launch_row_free (VmdLaunchRow *row)
{
  g_free (row->vm);
  g_free (row->socket);
  g_free (row->guest_boot_id);
  g_free (row);
}

VmdLaunchRow *
vmd_launch_row_copy (const VmdLaunchRow *row)
{
  VmdLaunchRow *copy = g_memdup2 (row, sizeof *row);

  copy->vm = g_strdup (row->vm);
  copy->socket = g_strdup (row->socket);
  copy->guest_boot_id = g_strdup (row->guest_boot_id);
  return copy;
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdLaunchRow *row = g_new0 (VmdLaunchRow, 1);

  row->vm = vmd_sqlite_dup_text (statement, 0);
  row->launch = vmd_sqlite_get_unsigned (statement, 1, G_MAXINT64);
  g_strlcpy (row->process.boot_id, (const char *) sqlite3_column_text (statement, 2),
             sizeof row->process.boot_id);
  row->process.pid = vmd_sqlite_get_unsigned (statement, 3, G_MAXINT);
  row->process.start_time = vmd_sqlite_get_unsigned (statement, 4, G_MAXINT64);
  row->socket = vmd_sqlite_dup_text (statement, 5);
  row->port = vmd_sqlite_get_unsigned (statement, 6, G_MAXUINT16);
  row->guest_boot_id = vmd_sqlite_dup_text (statement, 7);
  row->started = sqlite3_column_int64 (statement, 8);
  return row;
}

VmdLaunchRow *
vmd_launch_row_load (sqlite3 *db, const char *vm, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error, "SELECT " COLUMNS " FROM launches WHERE vm = ?",
                              "s", vm);
}

GPtrArray *
vmd_launch_row_load_all (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_launch_row_free, error,
                              "SELECT " COLUMNS " FROM launches ORDER BY vm", "");
}

/* FALSE unless there is such a VM, and no launch of it. */
static gboolean
check_can_begin (sqlite3 *db, const char *vm, GError **error)
{
  g_autoptr (VmdLaunchRow) launch = NULL;
  g_autoptr (VmdVmRow) row = NULL;
  GError *failure = NULL;

  row = vmd_vm_row_load (db, vm, &failure);
  if (failure == NULL && (row == NULL || row->deleted))
    return vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no VM %s (any more)", vm);
  if (failure == NULL)
    launch = vmd_launch_row_load (db, vm, &failure);
  if (failure == NULL && launch != NULL)
    return vmd_fail (error, VMD_ERROR_WRONG_STATE,
                     "Launch %" G_GUINT64_FORMAT " of VM “%s” has not ended", launch->launch,
                     row->name);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

/* Why it stopped the last time is of no interest any more; why its record is bad, is. */
guint64
vmd_launch_row_begin (sqlite3 *db, const char *vm, const char *socket, gint64 started,
                      GError **error)
{
  g_autoptr (VmdLaunchRow) launch = NULL;

  if (!check_can_begin (db, vm, error) ||
      !vmd_sqlite_run (db, NULL, error,
                       "UPDATE vms SET launch = launch + 1, reason = iif (bad, reason, NULL)"
                       " WHERE id = ?",
                       "s", vm) ||
      !vmd_sqlite_run (db, NULL, error,
                       "INSERT INTO launches (" COLUMNS ")"
                       " SELECT id, launch, '', 0, 0, ?, 0, NULL, ? FROM vms WHERE id = ?",
                       "sis", socket, started, vm))
    return 0;
  launch = vmd_launch_row_load (db, vm, error);
  return launch != NULL ? launch->launch : 0;
}

static gboolean
check_changed (int changed, const char *vm, guint64 launch, GError **error)
{
  return changed > 0 || vmd_fail (error, VMD_ERROR_WRONG_STATE,
                                  "Launch %" G_GUINT64_FORMAT " of VM %s has ended", launch, vm);
}

gboolean
vmd_launch_row_set_process (sqlite3 *db, const char *vm, guint64 launch,
                            const VmdProcessId *process, GError **error)
{
  int changed;

  return vmd_sqlite_run (db, &changed, error,
                         "UPDATE launches SET boot_id = ?, pid = ?, start_time = ?"
                         " WHERE vm = ? AND launch = ?",
                         "siisi", process->boot_id, (gint64) process->pid,
                         (gint64) process->start_time, vm, (gint64) launch) &&
         check_changed (changed, vm, launch, error);
}

gboolean
vmd_launch_row_set_port (sqlite3 *db, const char *vm, guint64 launch, guint port, GError **error)
{
  int changed;

  return vmd_sqlite_run (db, &changed, error,
                         "UPDATE launches SET port = ? WHERE vm = ? AND launch = ?", "isi",
                         (gint64) port, vm, (gint64) launch) &&
         check_changed (changed, vm, launch, error);
}

gboolean
vmd_launch_row_set_guest_boot_id (sqlite3 *db, const char *vm, guint64 launch, const char *boot_id,
                                  GError **error)
{
  int changed;

  return vmd_sqlite_run (db, &changed, error,
                         "UPDATE launches SET guest_boot_id = ? WHERE vm = ? AND launch = ?", "ssi",
                         boot_id, vm, (gint64) launch) &&
         check_changed (changed, vm, launch, error);
}

gboolean
vmd_launch_row_end (sqlite3 *db, const char *vm, guint64 launch, const char *reason,
                    gboolean *changed, GError **error)
{
  int ended;

  /* The resources first: they refer to the launch. A launch that is not the current one has
   * none. */
  if (!vmd_sqlite_run (db, NULL, error, "DELETE FROM launch_resources WHERE vm = ? AND launch = ?",
                       "si", vm, (gint64) launch) ||
      !vmd_sqlite_run (db, &ended, error, "DELETE FROM launches WHERE vm = ? AND launch = ?", "si",
                       vm, (gint64) launch))
    return FALSE;
  if (changed != NULL)
    *changed = ended > 0;
  return ended == 0 ||
         vmd_sqlite_run (db, NULL, error, "UPDATE vms SET reason = ? WHERE id = ? AND NOT bad",
                         "ss", reason, vm);
}

/* -- What a launch made -- */

void
vmd_resource_free (VmdResource *resource)
{
  g_free (resource->kind);
  g_free (resource->name);
  g_free (resource);
}

static gpointer
read_resource (VmdStatement *statement)
{
  VmdResource *resource = g_new0 (VmdResource, 1);

  resource->kind = vmd_sqlite_dup_text (statement, 0);
  resource->name = vmd_sqlite_dup_text (statement, 1);
  return resource;
}

/* Fails with WRONG_STATE when the launch has ended: then the thing must not be made. */
gboolean
vmd_resource_record (sqlite3 *db, const char *vm, guint64 launch, const char *kind,
                     const char *name, GError **error)
{
  int changed;

  /* SELECT … WHERE before ON CONFLICT: the launch is looked for either way. The update that changes
   * nothing is there to be counted. */
  return vmd_sqlite_run (db, &changed, error,
                         "INSERT INTO launch_resources (vm, launch, kind, name)"
                         " SELECT vm, launch, ?, ? FROM launches WHERE vm = ? AND launch = ?"
                         " ON CONFLICT (vm, launch, kind, name) DO UPDATE SET name = excluded.name",
                         "sssi", kind, name, vm, (gint64) launch) &&
         check_changed (changed, vm, launch, error);
}

gboolean
vmd_resource_forget (sqlite3 *db, const char *vm, guint64 launch, const char *kind,
                     const char *name, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "DELETE FROM launch_resources"
                         " WHERE vm = ? AND launch = ? AND kind = ? AND name = ?",
                         "siss", vm, (gint64) launch, kind, name);
}

GPtrArray *
vmd_resource_load (sqlite3 *db, const char *vm, guint64 launch, GError **error)
{
  return vmd_sqlite_load_all (db, read_resource, (GDestroyNotify) vmd_resource_free, error,
                              "SELECT kind, name FROM launch_resources WHERE vm = ? AND launch = ?"
                              " ORDER BY id",
                              "si", vm, (gint64) launch);
}
