/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-claim-private.h"

/* From disk to memory: what the store's thread does when a row of this VM has changed. Who lives is
 * asked once, when a process is first heard of; from then on its pidfd tells. */

typedef struct
{
  VmdVmRow *row;
  VmdLaunchRow *launch;
  VmdTransitionRow *transition;
  char *problem;
  gboolean process_alive;
  gboolean owner_alive;
} Rows;

static void
rows_clear (Rows *rows)
{
  g_clear_pointer (&rows->row, vmd_vm_row_free);
  g_clear_pointer (&rows->launch, vmd_launch_row_free);
  g_clear_pointer (&rows->transition, vmd_transition_row_free);
  g_clear_pointer (&rows->problem, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Rows, rows_clear)

static void
load_rows (VmdVm *self, sqlite3 *db, Rows *rows)
{
  g_autoptr (GError) error = NULL;

  rows->row = vmd_vm_row_load (db, self->id, &error);
  if (error == NULL)
    rows->launch = vmd_launch_row_load (db, self->id, &error);
  if (error == NULL)
    rows->transition = vmd_transition_row_load (db, self->id, &error);
  if (error != NULL)
    rows->problem = g_strdup (error->message);
  rows->process_alive = rows->launch != NULL && rows->launch->process.pid > 0 &&
                        vmd_process_id_is_alive (&rows->launch->process);
  rows->owner_alive = rows->transition != NULL && vmd_claim_is_live (rows->transition);
}

static gboolean
is_same_launch (const VmdLaunchRow *a, const VmdLaunchRow *b)
{
  return a != NULL && b != NULL && a->launch == b->launch &&
         vmd_process_id_equal (&a->process, &b->process);
}

static gboolean
is_same_claim (const VmdTransitionRow *a, const VmdTransitionRow *b)
{
  return a != NULL && b != NULL && g_str_equal (a->token, b->token);
}

/* Rows that cannot be read any more leave what is known of them: a process that runs, runs, and
 * nobody's work in it is to end for a disk that fails. */
static void
put_problem (VmdVmSnapshot *next, const Rows *rows)
{
  if (next->row == NULL && rows->row != NULL)
    next->row = vmd_vm_row_copy (rows->row);
  g_free (next->problem);
  next->problem = g_strdup (rows->problem);
}

static gboolean
put_rows (VmdVmSnapshot *next, gconstpointer data)
{
  const Rows *rows = data;

  if (rows->problem != NULL)
    {
      put_problem (next, rows);
      return TRUE;
    }
  if (!is_same_launch (next->launch, rows->launch))
    {
      next->process_alive = rows->process_alive;
      next->paused = FALSE;
      next->ended_on_purpose = FALSE;
      next->readiness = VMD_READINESS_NONE;
      g_clear_error (&next->boot_error);
      g_clear_pointer (&next->exit_reason, g_free);
    }
  /* A claim does not come back to life. That it has died may be seen here before its watch tells,
   * and then that watch is ended. */
  if (!is_same_claim (next->transition, rows->transition) || !rows->owner_alive)
    next->owner_alive = rows->owner_alive;
  g_clear_pointer (&next->row, vmd_vm_row_free);
  next->row = rows->row != NULL ? vmd_vm_row_copy (rows->row) : NULL;
  g_clear_pointer (&next->launch, vmd_launch_row_free);
  next->launch = rows->launch != NULL ? vmd_launch_row_copy (rows->launch) : NULL;
  g_clear_pointer (&next->transition, vmd_transition_row_free);
  next->transition = rows->transition != NULL ? vmd_transition_row_copy (rows->transition) : NULL;
  g_clear_pointer (&next->problem, g_free);
  return TRUE;
}

typedef struct
{
  VmdVm *vm;
  char *token;
} OwnerWatch;

static void
owner_watch_free (gpointer data)
{
  OwnerWatch *watch = data;

  g_object_unref (watch->vm);
  g_free (watch->token);
  g_free (watch);
}

static gboolean
put_owner_dead (VmdVmSnapshot *next, gconstpointer token)
{
  if (!next->owner_alive || next->transition == NULL ||
      !g_str_equal (next->transition->token, token))
    return FALSE;
  next->owner_alive = FALSE;
  return TRUE;
}

static void
owner_exited_cb (const VmdProcessId *process, int wait_status, gpointer data)
{
  OwnerWatch *watch = data;

  vmd_vm_edit (watch->vm, put_owner_dead, watch->token);
}

/* Ends the watch of a process that is no longer meant. Returns what to watch now, if that is
 * new. */
static gboolean
change_process_watch (VmdVm *self, const VmdProcessId *process)
{
  VmdProcessWatcher *watcher = vmd_manager_get_process_watcher (self->manager);
  guint64 old;

  if (self->process_watch != 0 && process != NULL &&
      vmd_process_id_equal (&self->watched_process, process))
    return FALSE;
  old = self->process_watch;
  self->process_watch = 0;
  if (old != 0)
    vmd_process_watcher_unwatch (watcher, old);
  return process != NULL;
}

/* One that is watched stays so until it is called back, though it be gone by now: the end of the
 * watched process reaches the snapshot by that call only, with how it ended. */
static const VmdProcessId *
find_process (VmdVm *self, const Rows *rows)
{
  if (rows->launch == NULL)
    return NULL;
  if (rows->process_alive)
    return &rows->launch->process;
  return self->process_watch != 0 &&
                 vmd_process_id_equal (&self->watched_process, &rows->launch->process)
             ? &rows->launch->process
             : NULL;
}

static void
watch_process (VmdVm *self, const Rows *rows)
{
  const VmdProcessId *process = find_process (self, rows);

  if (!change_process_watch (self, process))
    return;
  self->watched_process = *process;
  self->process_watch =
      vmd_process_watcher_watch (vmd_manager_get_process_watcher (self->manager), process,
                                 vmd_vm_process_exited_cb, g_object_ref (self), g_object_unref);
}

static void
watch_owner (VmdVm *self, const Rows *rows)
{
  VmdProcessWatcher *watcher = vmd_manager_get_process_watcher (self->manager);
  OwnerWatch *watch;
  VmdProcessId us;

  if (rows->owner_alive && g_strcmp0 (self->watched_token, rows->transition->token) == 0)
    return;
  if (self->owner_watch != 0)
    vmd_process_watcher_unwatch (watcher, self->owner_watch);
  self->owner_watch = 0;
  g_clear_pointer (&self->watched_token, g_free);
  vmd_process_id_self (&us);
  if (!rows->owner_alive || vmd_process_id_equal (&us, &rows->transition->owner))
    return;
  watch = g_new0 (OwnerWatch, 1);
  watch->vm = g_object_ref (self);
  watch->token = g_strdup (rows->transition->token);
  self->watched_token = g_strdup (rows->transition->token);
  self->owner_watch = vmd_process_watcher_watch (watcher, &rows->transition->owner, owner_exited_cb,
                                                 watch, owner_watch_free);
}

/* Reads the rows of this VM and puts them into its snapshot. On the store's thread. */
void
vmd_vm_reload (VmdVm *self, sqlite3 *db)
{
  g_auto (Rows) rows = { NULL };

  load_rows (self, db, &rows);
  vmd_vm_edit (self, put_rows, &rows);
  if (rows.problem != NULL ||
      g_cancellable_is_cancelled (vmd_manager_get_cancellable (self->manager)))
    return;
  watch_process (self, &rows);
  watch_owner (self, &rows);
}

/* Ends the watches, at close, after the store's thread. */
void
vmd_vm_unwatch (VmdVm *self)
{
  const Rows none = { NULL };

  change_process_watch (self, NULL);
  watch_owner (self, &none);
}
