/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-rows-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS "vm, path, repository, head, branch, mode, manifest, launch, files, bytes, imported"

void
vmd_workspace_row_free (VmdWorkspaceRow *row)
{
  g_free (row->vm);
  g_free (row->path);
  g_free (row->repository);
  g_free (row->head);
  g_free (row->branch);
  g_free (row->mode);
  g_free (row->manifest);
  g_free (row);
}

VmdWorkspaceRow *
vmd_workspace_row_copy (const VmdWorkspaceRow *row)
{
  VmdWorkspaceRow *copy = g_memdup2 (row, sizeof *row);

  copy->vm = g_strdup (row->vm);
  copy->path = g_strdup (row->path);
  copy->repository = g_strdup (row->repository);
  copy->head = g_strdup (row->head);
  copy->branch = g_strdup (row->branch);
  copy->mode = g_strdup (row->mode);
  copy->manifest = g_strdup (row->manifest);
  return copy;
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdWorkspaceRow *row = g_new0 (VmdWorkspaceRow, 1);

  row->vm = vmd_sqlite_dup_text (statement, 0);
  row->path = vmd_sqlite_dup_text (statement, 1);
  row->repository = vmd_sqlite_dup_text (statement, 2);
  row->head = vmd_sqlite_dup_text (statement, 3);
  row->branch = vmd_sqlite_dup_text (statement, 4);
  row->mode = vmd_sqlite_dup_text (statement, 5);
  row->manifest = vmd_sqlite_dup_text (statement, 6);
  row->launch = vmd_sqlite_get_unsigned (statement, 7, G_MAXINT64);
  row->files = vmd_sqlite_get_unsigned (statement, 8, G_MAXINT64);
  row->bytes = vmd_sqlite_get_unsigned (statement, 9, G_MAXINT64);
  row->imported = sqlite3_column_int64 (statement, 10);
  return row;
}

static gboolean
fail_stopped (const VmdWorkspaceRow *row, const char *why, GError **error)
{
  return vmd_fail (error, VMD_ERROR_VM_STOPPED,
                   "The import into %s of VM %s came to nothing: the VM %s", row->path, row->vm,
                   why);
}

/* Has a live owner claimed the end of the launch? A restart claims that of the launch it found, not
 * that of the one it makes: hence the comparison. */
static gboolean
is_ending (const VmdTransitionRow *claim, guint64 launch)
{
  static const char *const ending[] = { "stop", "kill", "restart", "delete", NULL };

  return claim != NULL && g_strv_contains (ending, claim->verb) && launch <= claim->launch &&
         vmd_process_id_is_alive (&claim->owner);
}

/* What SQL cannot see: which processes live. The rows cannot change before the write, which is in
 * the same transaction. */
static gboolean
check_processes (sqlite3 *db, const VmdWorkspaceRow *row, GError **error)
{
  g_autoptr (VmdTransitionRow) claim = NULL;
  g_autoptr (VmdLaunchRow) launch = NULL;
  GError *failure = NULL;

  launch = vmd_launch_row_load (db, row->vm, &failure);
  if (failure == NULL)
    claim = vmd_transition_row_load (db, row->vm, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (launch == NULL || !vmd_process_id_is_alive (&launch->process))
    return fail_stopped (row, "does not run any more", error);
  if (is_ending (claim, row->launch))
    return fail_stopped (row, "is being stopped, killed, restarted or deleted", error);
  return TRUE;
}

#define THE_LAUNCH_IS_CURRENT                                                                      \
  "EXISTS (SELECT 1 FROM vms JOIN launches ON launches.vm = vms.id"                                \
  " WHERE vms.id = ? AND NOT vms.deleted AND vms.launch = ? AND launches.launch = ?)"

static gboolean
update (sqlite3 *db, const VmdWorkspaceRow *row, int *changed, GError **error)
{
  return vmd_sqlite_run (db, changed, error,
                         "UPDATE workspaces SET repository = ?, head = ?, branch = ?, mode = ?,"
                         " manifest = ?, launch = ?, files = ?, bytes = ?, imported = ?"
                         " WHERE vm = ? AND path = ? AND " THE_LAUNCH_IS_CURRENT,
                         "sssssiiiisssii", row->repository, row->head, row->branch, row->mode,
                         row->manifest, (gint64) row->launch, (gint64) row->files,
                         (gint64) row->bytes, row->imported, row->vm, row->path, row->vm,
                         (gint64) row->launch, (gint64) row->launch);
}

static gboolean
insert (sqlite3 *db, const VmdWorkspaceRow *row, int *changed, GError **error)
{
  return vmd_sqlite_run (db, changed, error,
                         "INSERT INTO workspaces (" COLUMNS ")"
                         " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE " THE_LAUNCH_IS_CURRENT
                         " AND NOT EXISTS (SELECT 1 FROM workspaces WHERE vm = ? AND path = ?)",
                         "sssssssiiiisiiss", row->vm, row->path, row->repository, row->head,
                         row->branch, row->mode, row->manifest, (gint64) row->launch,
                         (gint64) row->files, (gint64) row->bytes, row->imported, row->vm,
                         (gint64) row->launch, (gint64) row->launch, row->vm, row->path);
}

gboolean
vmd_workspace_row_write (sqlite3 *db, const VmdWorkspaceRow *row, GError **error)
{
  int changed;

  /* Nothing updated means that there is no such row yet, or that the condition fails; in the second
   * case the insert does nothing either. */
  if (!check_processes (db, row, error) || !update (db, row, &changed, error) ||
      (changed == 0 && !insert (db, row, &changed, error)))
    return FALSE;
  return changed > 0 || fail_stopped (row, "was stopped, restarted or deleted meanwhile", error);
}

gboolean
vmd_workspace_row_restore (sqlite3 *db, const VmdWorkspaceRow *row, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "UPDATE workspaces SET repository = ?, head = ?, branch = ?, mode = ?,"
                         " manifest = ?, launch = ?, files = ?, bytes = ?, imported = ?"
                         " WHERE vm = ? AND path = ?",
                         "sssssiiiiss", row->repository, row->head, row->branch, row->mode,
                         row->manifest, (gint64) row->launch, (gint64) row->files,
                         (gint64) row->bytes, row->imported, row->vm, row->path);
}

VmdWorkspaceRow *
vmd_workspace_row_load (sqlite3 *db, const char *vm, const char *path, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error,
                              "SELECT " COLUMNS " FROM workspaces WHERE vm = ? AND path = ?", "ss",
                              vm, path);
}

GPtrArray *
vmd_workspace_row_load_all (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_workspace_row_free, error,
                              "SELECT " COLUMNS " FROM workspaces ORDER BY vm, path", "");
}

/* One that is not there counts as removed. */
gboolean
vmd_workspace_row_remove (sqlite3 *db, const char *vm, const char *path, GError **error)
{
  return vmd_sqlite_run (db, NULL, error, "DELETE FROM workspaces WHERE vm = ? AND path = ?", "ss",
                         vm, path);
}
