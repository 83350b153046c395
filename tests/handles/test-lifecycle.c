/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"

#include <string.h>
#include <unistd.h>

/* Create, start, stop, restart, kill, delete, set: what they do, and how the states are derived. */

static void
kill_hypervisor (VmdVm *vm)
{
  g_assert_cmpint (kill ((pid_t) vmd_vm_get_pid (vm), SIGKILL), ==, 0);
}

static void
test_states (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  g_autofree char *boot_id = NULL;
  gint64 pid;

  assert_state (vm, VMD_VM_CREATED);
  g_assert_cmpint (vmd_vm_get_readiness (vm), ==, VMD_READINESS_NONE);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 0);
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, 0);

  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_RUNNING);
  assert_reason (vm, NULL);
  g_assert_cmpint (vmd_vm_get_readiness (vm), ==, VMD_READINESS_PROVISIONED);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 1);
  g_assert_cmpuint (vmd_vm_get_ssh_port (vm), >, 0);
  g_assert_cmpint (vmd_vm_get_started (vm), >=, vmd_vm_get_created (vm));
  pid = vmd_vm_get_pid (vm);
  g_assert_cmpint (kill ((pid_t) pid, 0), ==, 0);
  boot_id = vmd_vm_dup_guest_boot_id (vm);
  g_assert_nonnull (boot_id);

  vmd_vm_stop (vm, HANG_SECONDS * 1000, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_STOPPED);
  assert_reason (vm, "stopped");
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, 0);
  g_assert_cmpint (vmd_vm_get_readiness (vm), ==, VMD_READINESS_NONE);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 1);
  g_assert_cmpint (kill ((pid_t) pid, 0), ==, -1);

  vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 2);
  assert_reason (vm, NULL);
}

/* Verbs on a VM in whose state they make no sense. */
static void
test_wrong_state (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_vm_stop (vm, 0, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_clear_error (&error);
  g_assert_false (vmd_vm_kill (vm, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_clear_error (&error);
  g_assert_cmpint (vmd_vm_open_console (vm, &error), ==, -1);
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_clear_error (&error);
  g_assert_cmpint (vmd_vm_open_log (vm, &error), ==, -1);
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_clear_error (&error);
  g_assert_false (vmd_vm_delete (vm, FALSE, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_clear_error (&error);
  vmd_vm_spec_set_vcpus (spec, 2);
  g_assert_false (vmd_vm_set (vm, spec, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 1);
  assert_state (vm, VMD_VM_RUNNING);
}

static void
test_kill (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  vmd_vm_kill (vm, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_STOPPED);
  assert_reason (vm, "killed");
}

static gboolean
has_exited (const VmdVmSnapshot *now, gconstpointer data)
{
  return !vmd_vm_snapshot_is_running (now);
}

/* The signal waits for nobody: here somebody has the VM's lock, and a stop waits for a guest that
 * does not power off. */
static void
test_kill_needs_no_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Call stop = { .run = run_stop, .vm = vm, .grace = HANG_SECONDS * 1000 };
  Call killing = { .run = run_kill, .vm = vm };
  gint64 begun;

  set_script (fixture, "off hang\n");
  call_begin (&stop);
  wait_for_verb (vm, "stop");
  lock = vmd_vm_lock (vm, NULL, "a test", NULL, &error);
  g_assert_no_error (error);
  begun = g_get_monotonic_time ();
  call_begin (&killing);
  wait_for (vm, has_exited, NULL);
  g_test_message ("killed within %" G_GINT64_FORMAT " µs", g_get_monotonic_time () - begun);
  call_assert_good (&stop);
  vmd_lock_release (lock);
  call_assert_good (&killing);
  assert_state (vm, VMD_VM_STOPPED);
}

/* Nobody asked for it: stopped with the reason, at once, and all of it cleared away. */
static void
test_hypervisor_dies (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  kill_hypervisor (vm);
  wait_for_state (vm, VMD_VM_STOPPED);
  assert_reason (vm, "the hypervisor was killed by signal 9 (Killed)");
  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_RUNNING);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 2);
}

static gboolean
has_no_launch (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->launch == NULL;
}

/* The row of a launch goes by itself when the process is gone, and the reason stays. */
static void
test_settles_by_itself (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *runtime_dir =
      vmd_manager_dup_vm_runtime_dir (fixture->manager, vmd_vm_get_id (vm));

  g_assert_true (g_file_test (runtime_dir, G_FILE_TEST_IS_DIR));
  kill_hypervisor (vm);
  wait_for (vm, has_no_launch, NULL);
  g_assert_false (g_file_test (runtime_dir, G_FILE_TEST_EXISTS));
  assert_state (vm, VMD_VM_STOPPED);
  assert_reason (vm, "the hypervisor was killed by signal 9 (Killed)");
}

static void
test_guest_powers_off (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdMachine) machine = NULL;
  g_autoptr (GError) error = NULL;

  machine = vmd_vm_ref_machine (vm, NULL, vmd_deadline_in (HANG_SECONDS * 1000), &error);
  g_assert_no_error (error);
  vmd_machine_power_button (machine, NULL, vmd_deadline_in (HANG_SECONDS * 1000), &error);
  g_assert_no_error (error);
  wait_for (vm, has_no_launch, NULL);
  assert_reason (vm, "the hypervisor exited with status 0");
}

static void
test_restart (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *before = vmd_vm_dup_guest_boot_id (vm);
  g_autofree char *after = NULL;
  g_autoptr (GError) error = NULL;

  vmd_vm_restart (vm, HANG_SECONDS * 1000, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_RUNNING);
  after = vmd_vm_dup_guest_boot_id (vm);
  g_assert_cmpstr (before, !=, after);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 2);
}

static void
test_restart_of_stopped (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;

  vmd_vm_restart (vm, 0, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_RUNNING);
}

static void
test_delete (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdVm) found = NULL;
  g_autoptr (VmdVm) next = NULL;
  g_autofree char *vm_dir = vmd_vm_dup_dir (vm);
  g_autoptr (GError) error = NULL;
  pid_t pid = (pid_t) vmd_vm_get_pid (vm);

  g_assert_true (g_file_test (vm_dir, G_FILE_TEST_IS_DIR));
  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (kill (pid, 0), ==, -1);
  g_assert_false (g_file_test (vm_dir, G_FILE_TEST_EXISTS));
  found = vmd_manager_find_vm (fixture->manager, vmd_vm_get_id (vm), &error);
  g_assert_null (found);
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  /* What is gone stays gone, whatever is asked of its handle. */
  g_assert_false (vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (vmd_vm_kill (vm, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  /* Its name is free. */
  next = create_vm (fixture->manager, "vm");
  g_assert_cmpstr (vmd_vm_get_id (next), !=, vmd_vm_get_id (vm));
}

static gboolean
put_image (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_image_row_put (db, data, error);
}

/* Points the name at a file of our making. Returns: (transfer full): its path */
static char *
point_image_at (Fixture *fixture, char letter)
{
  g_autofree char *digest = g_strnfill (64, letter);
  VmdImageRow row = { .name = (char *) "image",
                      .digest = digest,
                      .virtual_size = 1,
                      .source = (char *) "a test",
                      .ssh_server = (char *) "none" };
  char *path = vmd_manager_dup_image_path (fixture->manager, digest);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, "image", -1, &error);
  g_assert_no_error (error);
  vmd_store_transact (vmd_manager_get_store (fixture->manager), put_image, &row, NULL, &error);
  g_assert_no_error (error);
  return path;
}

/* The name points elsewhere by now, so the VM was the last to need its file. */
static void
test_delete_releases_image (Fixture *fixture, gconstpointer data)
{
  g_autofree char *old = point_image_at (fixture, 'a');
  g_autofree char *new = NULL;
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (VmdVm) other = NULL;
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_image (spec, "image");
  vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  other = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  new = point_image_at (fixture, 'b');
  vmd_vm_delete (vm, FALSE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_test (old, G_FILE_TEST_EXISTS));
  vmd_vm_delete (other, FALSE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (new, G_FILE_TEST_EXISTS));
}

static void
test_set (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *network = NULL;

  vmd_vm_spec_set_vcpus (spec, 4);
  vmd_vm_spec_set_memory (spec, (G_GUINT64_CONSTANT (1) << 30) + 1);
  vmd_vm_spec_set_disk_size (spec, G_GUINT64_CONSTANT (5) << 30);
  vmd_vm_spec_set_network (spec, "none");
  vmd_vm_set (vm, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 4);
  g_assert_cmpuint (vmd_vm_get_memory (vm), ==, (G_GUINT64_CONSTANT (1) << 30) + (1 << 20));
  g_assert_cmpuint (vmd_vm_get_disk_size (vm), ==, G_GUINT64_CONSTANT (5) << 30);
  network = vmd_vm_dup_network (vm);
  g_assert_cmpstr (network, ==, "none");
  /* A disk never shrinks, and nothing is changed when anything is wrong. */
  vmd_vm_spec_set_vcpus (spec, 2);
  vmd_vm_spec_set_disk_size (spec, G_GUINT64_CONSTANT (4) << 30);
  g_assert_false (vmd_vm_set (vm, spec, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 4);
  vmd_vm_spec_set_disk_size (spec, G_GUINT64_CONSTANT (5) << 30);
  vmd_vm_spec_set_name (spec, "other");
  g_assert_false (vmd_vm_set (vm, spec, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
}

/* It can be logged in to all the same: its link to SSH leads nowhere else. */
static void
test_without_network (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (VmdGuestAddress) address = NULL;
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_network (spec, "none");
  vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_vm_get_readiness (vm), ==, VMD_READINESS_PROVISIONED);
  address = vmd_vm_dup_address (vm, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (address->port, ==, vmd_vm_get_ssh_port (vm));
}

/* A start that is at work is ended by a stop, and nothing of it is left. */
static void
test_stop_ends_start (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autofree char *vm_dir = vmd_vm_dup_dir (vm);
  g_autoptr (GError) error = NULL;
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED };

  set_script (fixture, "launch hang\n");
  call_begin (&start);
  wait_for_verb (vm, "start");
  vmd_vm_stop (vm, 0, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_failed (&start, VMD_ERROR_VM_STOPPED);
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, 0);
  g_assert_false (g_file_test (vm_dir, G_FILE_TEST_EXISTS));
}

static void
test_start_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call start = {
    .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED, .cancellable = cancellable
  };

  set_script (fixture, "launch hang\n");
  call_begin (&start);
  wait_for_verb (vm, "start");
  g_cancellable_cancel (cancellable);
  call_assert_failed (&start, VMD_ERROR_CANCELLED);
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, 0);
  g_assert_cmpint (vmd_vm_get_state (vm), !=, VMD_VM_RUNNING);
}

/* A hypervisor that ends before it answers: its last words are in the error. */
static void
test_launch_fails (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  g_autofree char *reason = NULL;

  set_script (fixture, "launch fail no such machine\n");
  g_assert_false (vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_BACKEND);
  g_assert_nonnull (strstr (error->message, "no such machine"));
  g_assert_true (g_str_has_prefix (error->message, "Cannot start VM “vm”: "));
  assert_state (vm, VMD_VM_STOPPED);
  reason = vmd_vm_dup_reason (vm);
  g_assert_true (g_str_has_prefix (reason, "it could not be started: "));
  set_script (fixture, "");
  g_clear_error (&error);
  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* Three starts of one VM at once: one launch, and all are content. */
static void
test_starts_join (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Call starts[3];

  set_script (fixture, "launch delay 200\n");
  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      starts[i] = (Call){ .run = run_start, .vm = vm, .readiness = VMD_READINESS_PROVISIONED };
      call_begin (&starts[i]);
      wait_for_verb (vm, "start");
    }
  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    call_assert_good (&starts[i]);
  g_assert_cmpuint (vmd_vm_get_launch (vm), ==, 1);
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static GAsyncResult *
wait_for_result (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static void
test_async (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GAsyncResult) created = NULL;
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GAsyncResult) stopped = NULL;
  g_autoptr (GAsyncResult) deleted = NULL;
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (VmdJob) job = NULL;
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_name (spec, "vm");
  vmd_manager_create_vm_async (fixture->manager, spec, NULL, NULL, done_cb, &created);
  vm = vmd_manager_create_vm_finish (fixture->manager, wait_for_result (&created), &error);
  g_assert_no_error (error);
  job = vmd_manager_begin_job (fixture->manager, "start", "vm", NULL, "my_job", &error);
  g_assert_no_error (error);
  vmd_vm_start_async (vm, VMD_READINESS_PROVISIONED, NULL, job, NULL, done_cb, &started);
  vmd_vm_start_finish (vm, wait_for_result (&started), &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_job_get_state (job), ==, VMD_JOB_DONE);
  vmd_vm_stop_async (vm, HANG_SECONDS * 1000, NULL, NULL, NULL, done_cb, &stopped);
  vmd_vm_stop_finish (vm, wait_for_result (&stopped), &error);
  g_assert_no_error (error);
  vmd_vm_delete_async (vm, FALSE, NULL, NULL, NULL, done_cb, &deleted);
  vmd_vm_delete_finish (vm, wait_for_result (&deleted), &error);
  g_assert_no_error (error);
}

/* What one manager does, another on the same state directory sees. */
static void
test_two_managers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdVm) same = find_same (other, vm);
  g_autoptr (GError) error = NULL;

  wait_for_state (same, VMD_VM_RUNNING);
  g_assert_cmpint (vmd_vm_get_pid (same), ==, vmd_vm_get_pid (vm));
  vmd_vm_wait_ready (same, VMD_READINESS_PROVISIONED, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_stop (same, HANG_SECONDS * 1000, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  wait_for_state (vm, VMD_VM_STOPPED);
  wait_for (vm, has_no_launch, NULL);
  assert_reason (vm, "stopped");
  vmd_manager_close (other);
}

static void
test_log (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;
  vmd_autofd int log = vmd_vm_open_log (vm, &error);
  vmd_autofd int console = -1;
  char byte;

  g_assert_no_error (error);
  g_assert_cmpint (read (log, &byte, 1), ==, 1);
  console = vmd_vm_open_console (vm, &error);
  g_assert_no_error (error);
  g_assert_cmpint (console, >=, 0);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/lifecycle/states", test_states);
  add_test ("/lifecycle/wrong-state", test_wrong_state);
  add_test ("/lifecycle/kill", test_kill);
  add_test ("/lifecycle/kill-needs-no-lock", test_kill_needs_no_lock);
  add_test ("/lifecycle/hypervisor-dies", test_hypervisor_dies);
  add_test ("/lifecycle/settles-by-itself", test_settles_by_itself);
  add_test ("/lifecycle/guest-powers-off", test_guest_powers_off);
  add_test ("/lifecycle/restart", test_restart);
  add_test ("/lifecycle/restart-of-stopped", test_restart_of_stopped);
  add_test ("/lifecycle/delete", test_delete);
  add_test ("/lifecycle/delete-releases-image", test_delete_releases_image);
  add_test ("/lifecycle/set", test_set);
  add_test ("/lifecycle/without-network", test_without_network);
  add_test ("/lifecycle/stop-ends-start", test_stop_ends_start);
  add_test ("/lifecycle/start-cancelled", test_start_cancelled);
  add_test ("/lifecycle/launch-fails", test_launch_fails);
  add_test ("/lifecycle/starts-join", test_starts_join);
  add_test ("/lifecycle/async", test_async);
  add_test ("/lifecycle/two-managers", test_two_managers);
  add_test ("/lifecycle/log", test_log);
  return handles_test_run ();
}
