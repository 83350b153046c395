/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"
#include "store/vmd-sqlite-private.h"

#include <signal.h>
#include <sys/wait.h>

/* Two that meet at a bad moment: a stop and a start that others have joined, news and the watch
 * that brings them, a command and the end of the boot that it waits for, the close and what is
 * left. */

/* A stop has ended the start that was joined: it is not for who joined it to start the VM after
 * all. */
static void
test_stop_ends_joined_start (Fixture *fixture, gconstpointer data)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_START };
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdJob) job =
      vmd_manager_begin_job (fixture->manager, "start", "vm", NULL, NULL, NULL);
  g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled");
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdClaim) claim = NULL;
  Call joined = { .run = run_start, .vm = vm, .job = job };
  VmdClaimMeeting meeting;

  verb = vmd_verb_begin (fixture->manager, NULL, "start", "vm", NULL, &error);
  g_assert_no_error (error);
  claim = vmd_claim_new (vm, &terms, NULL, verb, &meeting, &error);
  g_assert_no_error (error);
  call_begin (&joined);
  wait_for_phase (job, "waiting for another verb");
  vmd_job_abort (vmd_verb_get_job (verb), VMD_ERROR_VM_STOPPED, "stopped");
  vmd_claim_end (claim, cancelled);
  call_assert_failed (&joined, VMD_ERROR_VM_STOPPED);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 0);
}

/* The same across processes, where the outcome cannot be seen: that it was asked to end can. */
static void
test_stop_ends_joined_elsewhere (Fixture *fixture, gconstpointer data)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_START };
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdVm) same = find_same (other, vm);
  g_autoptr (VmdJob) job = vmd_manager_begin_job (other, "start", "vm", NULL, NULL, NULL);
  g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled");
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdClaim) claim = NULL;
  Call joined = { .run = run_start, .vm = same, .job = job };
  Call stop = { .run = run_stop, .vm = vm };
  VmdClaimMeeting meeting;

  verb = vmd_verb_begin (fixture->manager, NULL, "start", "vm", NULL, &error);
  g_assert_no_error (error);
  claim = vmd_claim_new (vm, &terms, NULL, verb, &meeting, &error);
  g_assert_no_error (error);
  call_begin (&joined);
  wait_for_phase (job, "waiting for another verb");
  call_begin (&stop);
  call_assert_failed (&joined, VMD_ERROR_VM_STOPPED);
  vmd_claim_end (claim, cancelled);
  call_assert_good (&stop);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 0);
  vmd_manager_close (other);
}

/* Who joined a stop wants the VM stopped, also when that stop was ended. */
static void
test_joined_stop_goes_on (Fixture *fixture, gconstpointer data)
{
  const VmdClaimTerms terms = { .verb = VMD_CLAIM_STOP };
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdJob) job = vmd_manager_begin_job (fixture->manager, "stop", "vm", NULL, NULL, NULL);
  g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled");
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdClaim) claim = NULL;
  Call joined = { .run = run_stop, .vm = vm, .job = job };
  VmdClaimMeeting meeting;

  verb = vmd_verb_begin (fixture->manager, NULL, "stop", "vm", NULL, &error);
  g_assert_no_error (error);
  claim = vmd_claim_new (vm, &terms, NULL, verb, &meeting, &error);
  g_assert_no_error (error);
  call_begin (&joined);
  wait_for_phase (job, "waiting for another verb");
  vmd_job_abort (vmd_verb_get_job (verb), VMD_ERROR_VM_STOPPED, "deleted");
  vmd_claim_end (claim, cancelled);
  call_assert_good (&joined);
  assert_state (vm, VMD_VM_STOPPED);
}

static gboolean
touch_in_store (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_vm_row_set_reason (db, data, NULL, FALSE, error);
}

/* Whatever row changes between the death of a hypervisor and the news of it, the news come. */
static void
test_reload_before_exit_is_told (Fixture *fixture, gconstpointer data)
{
  VmdProcessWatcher *real = fixture->manager->process_watcher;
  g_autoptr (VmdProcessWatcher) watcher = vmd_fake_watcher_new ();
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVmSnapshot) now = NULL;
  g_autoptr (GError) error = NULL;
  const VmdProcessId *process;

  fixture->manager->process_watcher = watcher;
  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  now = vmd_vm_ref_snapshot (vm);
  process = &now->launch->process;
  g_assert_cmpint (kill (process->pid, SIGKILL), ==, 0);
  while (vmd_process_id_is_alive (process))
    vmd_poll (NULL, 0, NULL, vmd_deadline_in (1), "waiting for a process to die", NULL);
  vmd_store_transact (vmd_manager_get_store (fixture->manager), touch_in_store,
                      (gpointer) vmd_vm_get_id (vm), NULL, &error);
  g_assert_no_error (error);
  vmd_fake_watcher_exit (watcher, process->pid, SIGKILL);
  wait_for_state (vm, VMD_VM_STOPPED);
  assert_reason (vm, "the hypervisor was killed by signal 9 (Killed)");
  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  fixture->manager->process_watcher = real;
}

static gboolean
hide_launches (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_sqlite_run (db, NULL, error, "ALTER TABLE launches RENAME TO hidden", "") &&
         touch_in_store (db, data, error);
}

static gboolean
show_launches (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_sqlite_run (db, NULL, error, "ALTER TABLE hidden RENAME TO launches", "") &&
         touch_in_store (db, data, error);
}

/* A disk that fails to read a record ends nothing that runs. */
static void
test_unreadable_row (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = vmd_manager_get_store (fixture->manager);
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  gpointer id = (gpointer) vmd_vm_get_id (vm);
  gint64 pid = vmd_vm_get_pid (vm);
  g_autoptr (GError) error = NULL;

  vmd_store_transact (store, hide_launches, id, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_ERROR);
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, pid);
  g_assert_cmpint (vmd_vm_get_readiness (vm), ==, VMD_READINESS_PROVISIONED);
  vmd_store_transact (store, show_launches, id, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_RUNNING);
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, pid);
  g_assert_cmpint (vmd_vm_get_readiness (vm), ==, VMD_READINESS_PROVISIONED);
  g_assert_cmpint (kill ((pid_t) pid, SIGKILL), ==, 0);
  wait_for_state (vm, VMD_VM_STOPPED);
}

typedef struct
{
  Call call; /* first */
  VmdExecSpec *spec;
} Exec;

static gboolean
run_exec (Call *call, GError **error)
{
  g_autoptr (VmdExecResult) result =
      vmd_vm_exec (call->vm, ((Exec *) call)->spec, call->job, NULL, error);

  return result != NULL;
}

static const struct
{
  const char *name;
  gboolean (*run) (Call *call, GError **error);
} enders[] = { { "stop", run_stop }, { "kill", run_kill }, { "delete", run_delete } };

/* A command that waits for the boot is ended as one that runs: at once, not with the stop's
 * grace. */
static void
test_boot_is_ended (Fixture *fixture, gconstpointer data)
{
  static const char *const argv[] = { "true", NULL };
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdJob) job = vmd_manager_begin_job (fixture->manager, "exec", "vm", NULL, NULL, NULL);
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (GError) error = NULL;
  Exec exec = { .call = { .run = run_exec, .vm = vm, .job = job }, .spec = spec };
  Call end = { .run = enders[GPOINTER_TO_UINT (data)].run, .vm = vm, .force = TRUE };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  end.grace = 2 * HANG_SECONDS * 1000;
  end.cancellable = cancellable;
  set_script (fixture, "ready hang\noff hang\n");
  vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  call_begin (&exec.call);
  wait_for_phase (job, "waiting for the guest");
  call_begin (&end);
  call_assert_failed (&exec.call, VMD_ERROR_VM_STOPPED);
  g_cancellable_cancel (cancellable);
  call_clear (&end);
}

/* Who waits for a VM that is being restarted waits for the launch to come. */
static void
test_wait_during_restart (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Call restart = { .run = run_restart, .vm = vm, .grace = 300 };
  g_autoptr (GError) error = NULL;

  set_script (fixture, "off hang\n");
  call_begin (&restart);
  wait_for_verb (vm, "restart");
  vmd_vm_wait_ready (vm, VMD_READINESS_PROVISIONED, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 2);
  call_assert_good (&restart);
}

static gboolean
is_settled (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->launch == NULL;
}

/* A program that never runs a main loop gets rid of its manager all the same, whatever the library
 * did by itself. */
static void
test_close_without_main_loop (Fixture *fixture, gconstpointer data)
{
  VmdManager *manager = fixture->manager;
  VmdVm *vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (kill ((pid_t) vmd_vm_get_pid (vm), SIGKILL), ==, 0);
  wait_for (vm, is_settled, NULL);
  vmd_vm_delete (vm, FALSE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  vmd_manager_close (manager);
  g_object_add_weak_pointer (G_OBJECT (manager), (gpointer *) &fixture->manager);
  g_object_unref (vm);
  g_object_unref (manager);
  g_assert_null (fixture->manager);
}

static gboolean
count_claims (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (GPtrArray) claims = vmd_transition_row_load_all (db, error);
  g_autoptr (GPtrArray) launches = vmd_launch_row_load_all (db, error);

  *(guint *) data = claims->len + launches->len;
  return TRUE;
}

static void
assert_no_claims (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdStore) store = vmd_store_open (fixture->state_dir, &error);
  guint n = 0;

  g_assert_no_error (error);
  vmd_store_transact (store, count_claims, &n, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 0);
  vmd_store_close (store);
}

/* A start on a thread of the program's own is undone before the store is closed. */
static void
test_close_during_start (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Call start = { .run = run_start, .vm = vm };

  set_script (fixture, "launch hang\n");
  call_begin (&start);
  wait_for_state (vm, VMD_VM_RUNNING);
  vmd_manager_close (fixture->manager);
  call_join (&start);
  assert_vmd_error (start.error, VMD_ERROR_CANCELLED);
  call_clear (&start);
  g_clear_object (&fixture->manager);
  assert_no_claims (fixture);
  fixture->manager = open_another (fixture);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/crossings/stop-ends-joined-start", test_stop_ends_joined_start);
  add_test ("/crossings/stop-ends-joined-elsewhere", test_stop_ends_joined_elsewhere);
  add_test ("/crossings/joined-stop-goes-on", test_joined_stop_goes_on);
  add_test ("/crossings/reload-before-exit-is-told", test_reload_before_exit_is_told);
  add_test ("/crossings/unreadable-row", test_unreadable_row);
  add_test ("/crossings/close-during-start", test_close_during_start);
  for (guint i = 0; i < G_N_ELEMENTS (enders); i++)
    {
      g_autofree char *path = g_strdup_printf ("/crossings/boot-is-ended-by/%s", enders[i].name);

      add_test_with (path, GUINT_TO_POINTER (i), test_boot_is_ended);
    }
  add_test ("/crossings/wait-during-restart", test_wait_during_restart);
  add_test ("/crossings/close-without-main-loop", test_close_without_main_loop);
  return handles_test_run ();
}
