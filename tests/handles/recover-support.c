/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "recover-support.h"

#include "store/vmd-sqlite-private.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What waits to be delivered has references, on VMs and so on their manager. */
void
close_manager (Fixture *fixture)
{
  vmd_manager_close (fixture->manager);
  g_clear_object (&fixture->manager);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
open_again (Fixture *fixture)
{
  g_assert_null (fixture->manager);
  fixture->manager = open_another (fixture);
}

VmdVm *
find (Fixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  VmdVm *vm = vmd_manager_find_vm (fixture->manager, name, &error);

  g_assert_no_error (error);
  return vm;
}

gboolean
is_provisioned (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->readiness == VMD_READINESS_PROVISIONED;
}

static gboolean
count_in_store (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (
      db,
      "SELECT (SELECT count(*) FROM launches) + (SELECT count(*) FROM launch_resources)"
      " + (SELECT count(*) FROM transitions)",
      error);

  g_assert_cmpint (vmd_sqlite_step (db, statement, error), ==, SQLITE_ROW);
  *(gint64 *) data = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

gint64
count_left_over (Fixture *fixture)
{
  gint64 n = -1;

  g_assert_true (vmd_store_transact (vmd_manager_get_store (fixture->manager), count_in_store, &n,
                                     NULL, NULL));
  return n;
}

GSubprocess *
run_self (Fixture *fixture, const char *verb, const char *fault, const char *fault_log)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  if (fault != NULL)
    g_subprocess_launcher_setenv (launcher, "VMD_FAULT", fault, TRUE);
  if (fault_log != NULL)
    g_subprocess_launcher_setenv (launcher, "VMD_FAULT_LOG", fault_log, TRUE);
  process = g_subprocess_launcher_spawn (launcher, &error, self, verb, fixture->state_dir, NULL);
  g_assert_no_error (error);
  return process;
}

void
adopt_orphans (void)
{
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));
}

void
wait_for_orphans (void)
{
  alarm (HANG_SECONDS);
  while (waitpid (-1, NULL, 0) > 0)
    ;
  g_assert_cmpint (errno, ==, ECHILD);
  alarm (0);
}

void
kill_and_wait (GSubprocess *process)
{
  g_subprocess_force_exit (process);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
}
