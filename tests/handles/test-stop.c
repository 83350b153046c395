/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"

#include <unistd.h>

/* The ways in which a guest is asked to power off, and what happens to one that does not. */

/* A guest that does not power off is killed after the grace. */
static void
test_grace (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  set_script (fixture, "off hang\n");
  vmd_vm_stop (vm, 200, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_STOPPED);
  assert_reason (vm, "stopped; it was killed, since its guest did not power off within 200 ms");
}

/* Everything in the guest and its hypervisor hangs. */
static void
test_stop_of_frozen (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (kill ((pid_t) vmd_vm_get_pid (vm), SIGSTOP), ==, 0);
  vmd_vm_stop (vm, 300, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_STOPPED);
}

/* The trap of this test program is what a fake guest would run, so the next test means something.
 * Only looked up: nothing is powered off. */
static void
test_power_off_is_trapped (Fixture *fixture, gconstpointer data)
{
  static const char *const argv[] = { "sh", "-c", "command -v poweroff", NULL };
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdGuestAddress) address = NULL;
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;
  char found[4096] = "";
  int output[2];

  address = vmd_vm_dup_address (vm, &error);
  g_assert_no_error (error);
  g_assert_nonnull (address->fake_root);
  connection = vmd_transport_connect (vmd_manager_get_transport (fixture->manager), address, NULL,
                                      vmd_deadline_in (HANG_SECONDS * 1000), &error);
  g_assert_no_error (error);
  g_assert_cmpint (pipe (output), ==, 0);
  vmd_exec_spec_take_streams (spec, -1, output[1], -1);
  result = vmd_guest_connection_exec (connection, spec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (output[0], found, sizeof found - 1), >, 0);
  close (output[0]);
  g_assert_true (g_str_has_prefix (found, g_getenv ("XDG_RUNTIME_DIR")));
}

/* Without its agent, the power button does. */
static void
test_stop_without_agent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  set_script (fixture, "poweroff hang\n");
  vmd_vm_stop (vm, 2000, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_reason (vm, "stopped");
}

static void
test_stop_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call stop = {
    .run = run_stop, .vm = vm, .grace = HANG_SECONDS * 1000, .cancellable = cancellable
  };

  set_script (fixture, "off hang\n");
  call_begin (&stop);
  wait_for_verb (vm, "stop");
  g_cancellable_cancel (cancellable);
  call_assert_failed (&stop, VMD_ERROR_CANCELLED);
  assert_state (vm, VMD_VM_RUNNING);
  wait_for_verb (vm, NULL);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/stop/grace", test_grace);
  add_test ("/stop/of-frozen", test_stop_of_frozen);
  add_test ("/stop/power-off-is-trapped", test_power_off_is_trapped);
  add_test ("/stop/without-agent", test_stop_without_agent);
  add_test ("/stop/cancelled", test_stop_cancelled);
  return handles_test_run ();
}
