/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

/* Locks as proof: steps need one, verbs take one, and nobody may wait for himself. */

static VmdLock *
lock_vm (VmdVm *vm, const char *owner)
{
  g_autoptr (GError) error = NULL;
  VmdLock *lock = vmd_vm_lock (vm, owner, "a test", NULL, &error);

  g_assert_no_error (error);
  return lock;
}

static void
assert_step_refused (VmdVm *vm, VmdLock *lock)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_vcpus (spec, 3);
  g_assert_false (vmd_vm_configure (vm, lock, spec, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_LOCKED);
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 1);
}

/* None, another VM's, the wrong kind, shared, released: each is no proof. */
static void
test_step_needs_its_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVm) other = create_vm (fixture->manager, "other");
  g_autoptr (VmdLock) others = lock_vm (other, "a");
  g_autoptr (VmdLock) workspace = NULL;
  g_autoptr (VmdLock) shared = NULL;
  g_autoptr (VmdLock) released = NULL;
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new ("c", "a test");
  g_autoptr (GError) error = NULL;

  assert_step_refused (vm, NULL);
  assert_step_refused (vm, others);
  workspace = vmd_workspace_lock (vm, "b", "a test", NULL, &error);
  g_assert_no_error (error);
  assert_step_refused (vm, workspace);
  vmd_lock_request_add (request, VMD_LOCK_VM, vmd_vm_get_id (vm), VMD_LOCK_SHARED);
  shared = vmd_manager_lock (fixture->manager, request, NULL, &error);
  g_assert_no_error (error);
  assert_step_refused (vm, shared);
  vmd_lock_release (shared);
  released = lock_vm (vm, "d");
  vmd_lock_release (released);
  assert_step_refused (vm, released);
}

static void
test_step_with_its_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdLock) lock = lock_vm (vm, "a");
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_vcpus (spec, 3);
  vmd_vm_configure (vm, lock, spec, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 3);
  g_assert_true (vmd_lock_is_held (lock));
}

/* A verb that began before the lock was taken: the step does not wait for it. */
static void
test_step_meets_verb (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED };

  set_script (fixture, "launch delay 500\n");
  call_begin (&start);
  wait_for_verb (vm, "start");
  lock = lock_vm (vm, "a");
  vmd_vm_spec_set_vcpus (spec, 3);
  g_assert_false (vmd_vm_configure (vm, lock, spec, &error));
  assert_vmd_error (error, VMD_ERROR_BUSY);
  call_assert_good (&start);
  g_clear_error (&error);
  g_assert_false (vmd_vm_configure (vm, lock, spec, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
}

/* All verbs in a row under one lock, which stays the caller's. */
static void
test_verbs_under_a_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdLock) lock = lock_vm (vm, "a");
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_vcpus (spec, 2);
  vmd_vm_set (vm, spec, lock, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, lock, NULL, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_restart (vm, HANG_SECONDS * 1000, VMD_READINESS_PROVISIONED, lock, NULL, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_stop (vm, HANG_SECONDS * 1000, lock, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vmd_lock_is_held (lock));
  vmd_vm_delete (vm, FALSE, lock, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_verb_with_wrong_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVm) other = create_vm (fixture->manager, "other");
  g_autoptr (VmdLock) lock = lock_vm (other, "a");
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_vm_start (vm, VMD_READINESS_LAUNCHED, lock, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_LOCKED);
  assert_state (vm, VMD_VM_CREATED);
  g_clear_error (&error);
  g_assert_false (vmd_vm_delete (vm, TRUE, lock, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_LOCKED);
}

/* Who holds the lock and does not show it keeps the verb waiting, which can be given up. */
static void
test_verb_waits_for_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdLock) lock = lock_vm (vm, "a");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call given_up = {
    .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED, .cancellable = cancellable
  };
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED };

  call_begin (&given_up);
  g_assert_false (call_ends_within (&given_up, 50));
  g_cancellable_cancel (cancellable);
  call_assert_failed (&given_up, VMD_ERROR_CANCELLED);
  call_begin (&start);
  g_assert_false (call_ends_within (&start, 50));
  vmd_lock_release (lock);
  call_assert_good (&start);
}

static void
test_nested (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdLock) lock = lock_vm (vm, "a");
  g_autoptr (VmdLock) again = NULL;
  g_autoptr (VmdLock) workspace = NULL;
  g_autoptr (GError) error = NULL;

  again = vmd_vm_lock (vm, "a", "a test", NULL, &error);
  g_assert_null (again);
  assert_vmd_error (error, VMD_ERROR_NESTED_LOCK);
  g_clear_error (&error);
  workspace = vmd_workspace_lock (vm, "a", "a test", NULL, &error);
  g_assert_null (workspace);
  assert_vmd_error (error, VMD_ERROR_NESTED_LOCK);
  g_assert_true (vmd_lock_is_held (lock));
}

/* Released under a verb that is at work: it takes effect when that ends. */
static void
test_release_under_verb (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdLock) lock = lock_vm (vm, "a");
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED, .lock = lock };

  set_script (fixture, "launch delay 300\n");
  call_begin (&start);
  wait_for_verb (vm, "start");
  vmd_lock_release (lock);
  g_assert_true (vmd_lock_is_held (lock));
  call_assert_good (&start);
  g_assert_false (vmd_lock_is_held (lock));
}

/* The circle of LESSONS 8: the holder shows the lock to a stop, which ends a start that began
 * before. */
static void
test_stop_under_lock_ends_start (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Call start = { .run = run_start, .vm = vm, .readiness = VMD_READINESS_LAUNCHED };

  set_script (fixture, "launch hang\n");
  call_begin (&start);
  wait_for_verb (vm, "start");
  lock = lock_vm (vm, "a");
  vmd_vm_stop (vm, 0, lock, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_failed (&start, VMD_ERROR_VM_STOPPED);
}

static void
locked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError **error = data;

  g_assert_null (vmd_manager_lock_finish (VMD_MANAGER (source), result, error));
}

static void
test_names_of_images (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "Debian", "../x", "-", "docker.io/debian:12" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (VmdLockRequest) request = vmd_lock_request_new (NULL, "a test");
      GError *errors[3] = { NULL };

      vmd_lock_request_add (request, VMD_LOCK_IMAGE, names[i], VMD_LOCK_SHARED);
      g_assert_null (vmd_manager_lock (fixture->manager, request, NULL, &errors[0]));
      g_assert_null (vmd_manager_try_lock (fixture->manager, request, &errors[1]));
      vmd_manager_lock_async (fixture->manager, request, NULL, locked_cb, &errors[2]);
      while (errors[2] == NULL)
        g_main_context_iteration (NULL, TRUE);
      for (guint j = 0; j < G_N_ELEMENTS (errors); j++)
        {
          assert_vmd_error (errors[j], VMD_ERROR_INVALID_ARGUMENT);
          g_assert_nonnull (strstr (errors[j]->message, names[i]));
          g_clear_error (&errors[j]);
        }
    }
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/locks-proof/step-needs-its-lock", test_step_needs_its_lock);
  add_test ("/locks-proof/step-with-its-lock", test_step_with_its_lock);
  add_test ("/locks-proof/step-meets-verb", test_step_meets_verb);
  add_test ("/locks-proof/verbs-under-a-lock", test_verbs_under_a_lock);
  add_test ("/locks-proof/verb-with-wrong-lock", test_verb_with_wrong_lock);
  add_test ("/locks-proof/verb-waits-for-lock", test_verb_waits_for_lock);
  add_test ("/locks-proof/nested", test_nested);
  add_test ("/locks-proof/release-under-verb", test_release_under_verb);
  add_test ("/locks-proof/stop-under-lock-ends-start", test_stop_under_lock_ends_start);
  add_test ("/locks-proof/names-of-images", test_names_of_images);
  return handles_test_run ();
}
