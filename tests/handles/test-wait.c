/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"
#include "import-support.h"

#include <string.h>

/* Waiting for a guest, and for its end. */

static void
test_does_not_run (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_vm_wait_stopped (vm, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (vmd_vm_wait_ready (vm, VMD_READINESS_LAUNCHED, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
}

static gboolean
has_booted_to_agent (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->launch != NULL && now->launch->guest_boot_id != NULL;
}

/* Launched, and provisioned, are two things. */
static void
test_boots_slowly (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  Call wait = { .run = run_wait_ready, .vm = vm, .readiness = VMD_READINESS_PROVISIONED };

  set_script (fixture, "ready hang\n");
  vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_vm_get_readiness (vm), <, VMD_READINESS_PROVISIONED);
  g_assert_true (vmd_vm_wait_ready (vm, VMD_READINESS_LAUNCHED, NULL, &error));
  call_begin (&wait);
  g_assert_false (call_ends_within (&wait, 50));
  vmd_vm_kill (vm, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_failed (&wait, VMD_ERROR_VM_STOPPED);
}

/* A start that is past its launch: a stop ends its waiting, and the guest powers off in order. */
static void
test_stop_while_booting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_PROVISIONED };

  set_script (fixture, "ready hang\n");
  call_begin (&start);
  wait_for_state (vm, VMD_VM_RUNNING);
  wait_for_verb (vm, NULL);
  vmd_vm_stop (vm, HANG_SECONDS * 1000, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_failed (&start, VMD_ERROR_VM_STOPPED);
  assert_reason (vm, "stopped");
}

/* The waiting ends with the stop's claim, and not only with the guest, which here never powers
 * off. */
static void
test_stop_ends_wait_at_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_PROVISIONED };
  Call stop = { .run = run_stop, .vm = vm, .grace = 2 * HANG_SECONDS * 1000 };

  set_script (fixture, "ready hang\noff hang\n");
  call_begin (&start);
  wait_for_state (vm, VMD_VM_RUNNING);
  wait_for_verb (vm, NULL);
  call_begin (&stop);
  call_assert_failed (&start, VMD_ERROR_VM_STOPPED);
  assert_state (vm, VMD_VM_RUNNING);
  wait_for_verb (vm, "stop");
  vmd_vm_kill (vm, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_good (&stop);
}

/* Given up while it boots: only the waiting ends. */
static void
test_cancel_while_booting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call start = {
    .run = run_start, .vm = vm, .readiness = VMD_READINESS_PROVISIONED, .cancellable = cancellable
  };

  set_script (fixture, "ready hang\n");
  call_begin (&start);
  wait_for_state (vm, VMD_VM_RUNNING);
  wait_for_verb (vm, NULL);
  g_cancellable_cancel (cancellable);
  call_assert_failed (&start, VMD_ERROR_CANCELLED);
  assert_state (vm, VMD_VM_RUNNING);
}

/* The guest's own words are in the error, which keeps their code, and the VM is left to be looked
 * at. */
static void
test_guest_complains (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;

  fixture->manager->boot_timeout = 600;
  set_script (fixture, "status fail broken-seed\n");
  g_assert_false (vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_GUEST);
  g_assert_nonnull (strstr (error->message, "broken-seed"));
  assert_state (vm, VMD_VM_RUNNING);
}

/* It ends while somebody waits for it. */
static void
test_dies_while_booting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_PROVISIONED };

  set_script (fixture, "ready hang\n");
  call_begin (&start);
  wait_for_state (vm, VMD_VM_RUNNING);
  wait_for_verb (vm, NULL);
  g_assert_cmpint (kill ((pid_t) vmd_vm_get_pid (vm), SIGKILL), ==, 0);
  call_join (&start);
  assert_vmd_error (start.error, VMD_ERROR_BACKEND);
  g_assert_nonnull (strstr (start.error->message, "killed by signal 9"));
  call_clear (&start);
}

/* A guest that does not become ready in its time: the error says how far it came. */
static void
test_boot_times_out (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  g_autofree char *reason = NULL;

  fixture->manager->boot_timeout = 600;
  set_script (fixture, "ready hang\n");
  g_assert_false (vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_BOOT_FAILED);
  g_assert_nonnull (strstr (error->message, "did not become ready"));
  assert_state (vm, VMD_VM_RUNNING);
  reason = vmd_vm_dup_reason (vm);
  g_assert_cmpstr (reason, ==, error->message);
}

/* A guest whose logins take longer than the first of them may: each gets more time than the one
 * before, and in the end one gets enough. */
static void
test_logs_in_slowly (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;

  tell_guest (vm, "slow-connect", "2500");
  g_assert_true (vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
}

static void
test_wait_stopped (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;
  Call wait = { .run = run_wait_stopped, .vm = vm };

  wait_for (vm, has_booted_to_agent, NULL);
  call_begin (&wait);
  g_assert_false (call_ends_within (&wait, 50));
  vmd_vm_kill (vm, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_good (&wait);
}

/* Every wait ends when the manager closes. */
static void
test_close_ends_waits (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdVm) same = find_same (other, vm);
  Call wait = { .run = run_wait_stopped, .vm = same };

  wait_for_state (same, VMD_VM_RUNNING);
  call_begin (&wait);
  g_assert_false (call_ends_within (&wait, 50));
  vmd_manager_close (other);
  call_assert_failed (&wait, VMD_ERROR_CANCELLED);
  assert_state (vm, VMD_VM_RUNNING);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/wait/does-not-run", test_does_not_run);
  add_test ("/wait/boots-slowly", test_boots_slowly);
  add_test ("/wait/stop-while-booting", test_stop_while_booting);
  add_test ("/wait/stop-ends-wait-at-once", test_stop_ends_wait_at_once);
  add_test ("/wait/cancel-while-booting", test_cancel_while_booting);
  add_test ("/wait/guest-complains", test_guest_complains);
  add_test ("/wait/dies-while-booting", test_dies_while_booting);
  add_test ("/wait/boot-times-out", test_boot_times_out);
  add_test ("/wait/logs-in-slowly", test_logs_in_slowly);
  add_test ("/wait/wait-stopped", test_wait_stopped);
  add_test ("/wait/close-ends-waits", test_close_ends_waits);
  return handles_test_run ();
}
