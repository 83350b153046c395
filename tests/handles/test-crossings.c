/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

/* Two that meet at a bad moment: a stop and a start that others have joined, news and the watch that
 * brings them, a command and the end of the boot that it waits for, the close and what is left. */

/* A stop has ended the start that was joined: it is not for who joined it to start the VM after all. */
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

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/crossings/stop-ends-joined-start", test_stop_ends_joined_start);
  add_test ("/crossings/joined-stop-goes-on", test_joined_stop_goes_on);
  return handles_test_run ();
}
