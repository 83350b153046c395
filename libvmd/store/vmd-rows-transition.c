/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-rows-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-sqlite-private.h"

#define COLUMNS "vm, verb, launch, boot_id, pid, start_time, token, who, since, cancel"

void
vmd_transition_row_free (VmdTransitionRow *row)
{
  g_free (row->vm);
  g_free (row->verb);
  g_free (row->token);
  g_free (row->who);
  g_free (row);
}

VmdTransitionRow *
vmd_transition_row_copy (const VmdTransitionRow *row)
{
  VmdTransitionRow *copy = g_memdup2 (row, sizeof *row);

  copy->vm = g_strdup (row->vm);
  copy->verb = g_strdup (row->verb);
  copy->token = g_strdup (row->token);
  copy->who = g_strdup (row->who);
  return copy;
}

static gpointer
read_row (VmdStatement *statement)
{
  VmdTransitionRow *row = g_new0 (VmdTransitionRow, 1);

  row->vm = vmd_sqlite_dup_text (statement, 0);
  row->verb = vmd_sqlite_dup_text (statement, 1);
  row->launch = vmd_sqlite_get_unsigned (statement, 2, G_MAXINT64);
  g_strlcpy (row->owner.boot_id, (const char *) sqlite3_column_text (statement, 3),
             sizeof row->owner.boot_id);
  row->owner.pid = vmd_sqlite_get_unsigned (statement, 4, G_MAXINT);
  row->owner.start_time = vmd_sqlite_get_unsigned (statement, 5, G_MAXINT64);
  row->token = vmd_sqlite_dup_text (statement, 6);
  row->who = vmd_sqlite_dup_text (statement, 7);
  row->since = sqlite3_column_int64 (statement, 8);
  row->cancel = sqlite3_column_int64 (statement, 9) != 0;
  return row;
}

VmdTransitionRow *
vmd_transition_row_load (sqlite3 *db, const char *vm, GError **error)
{
  return vmd_sqlite_load_one (db, read_row, error,
                              "SELECT " COLUMNS " FROM transitions WHERE vm = ?", "s", vm);
}

GPtrArray *
vmd_transition_row_load_all (sqlite3 *db, GError **error)
{
  return vmd_sqlite_load_all (db, read_row, (GDestroyNotify) vmd_transition_row_free, error,
                              "SELECT " COLUMNS " FROM transitions ORDER BY vm", "");
}

/* Tombstoned VMs can be claimed: their deletion is. */
static gboolean
check_vm (sqlite3 *db, const char *vm, GError **error)
{
  GError *failure = NULL;
  g_autoptr (VmdVmRow) row = vmd_vm_row_load (db, vm, &failure);

  if (row != NULL)
    return TRUE;
  if (failure == NULL)
    return vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no VM %s (any more)", vm);
  g_propagate_error (error, failure);
  return FALSE;
}

/* Looked at and written in one write transaction, so nobody can come between. */
gboolean
vmd_transition_row_claim (sqlite3 *db, const VmdTransitionRow *row, VmdTransitionRow **holder,
                          GError **error)
{
  g_autoptr (VmdTransitionRow) claimed = NULL;
  GError *failure = NULL;

  *holder = NULL;
  claimed = vmd_transition_row_load (db, row->vm, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (claimed != NULL && vmd_process_id_is_alive (&claimed->owner))
    {
      vmd_fail (error, VMD_ERROR_BUSY, "VM %s is busy: %s is at work on it, for %s", row->vm,
                claimed->verb, claimed->who);
      *holder = g_steal_pointer (&claimed);
      return FALSE;
    }
  return check_vm (db, row->vm, error) &&
         vmd_sqlite_run (db, NULL, error, "DELETE FROM transitions WHERE vm = ?", "s", row->vm) &&
         vmd_sqlite_run (db, NULL, error,
                         "INSERT INTO transitions (" COLUMNS ")"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         "ssisiissii", row->vm, row->verb, (gint64) row->launch, row->owner.boot_id,
                         (gint64) row->owner.pid, (gint64) row->owner.start_time, row->token,
                         row->who, row->since, (gint64) row->cancel);
}

/* A claim that is gone, or another one by now, is left alone: what was wanted has happened. */
gboolean
vmd_transition_row_request_cancel (sqlite3 *db, const char *vm, const char *token, GError **error)
{
  return vmd_sqlite_run (db, NULL, error,
                         "UPDATE transitions SET cancel = 1 WHERE vm = ? AND token = ?"
                         " AND NOT cancel",
                         "ss", vm, token);
}

gboolean
vmd_transition_row_release (sqlite3 *db, const char *vm, const char *token, GError **error)
{
  return vmd_sqlite_run (db, NULL, error, "DELETE FROM transitions WHERE vm = ? AND token = ?",
                         "ss", vm, token);
}
