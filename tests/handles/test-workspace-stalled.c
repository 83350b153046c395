/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "import-support.h"

/* Imports that stand still in the middle: nobody is kept waiting by one, and whoever ends the VM,
 * or gives the import up, ends it at once. */

/* LESSONS 1: the lock of the VM can be taken, and let go of, as if there were no import. */
static void
test_vm_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new ("test", "test");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Import import = { .source_fd = -1 };

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  vmd_lock_request_add (request, VMD_LOCK_VM, vmd_vm_get_id (vm), VMD_LOCK_EXCLUSIVE);
  lock = vmd_manager_try_lock (fixture->manager, request, &error);
  g_assert_no_error (error);
  vmd_lock_release (lock);
  g_assert_false (call_ends_within (&import.call, 0));
  tell_guest (vm, "stall-write", NULL);
  import_assert_good (&import);
  g_assert_true (has_tree (vm, "/tree"));
}

/* LESSONS 1: set has its answer at once, since a VM that runs cannot be changed; and so has the
 * step that is shown a lock. Neither ends the import. */
static void
test_set (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Import import = { .source_fd = -1 };
  Call set = { .run = run_set, .vm = vm, .spec = spec };

  vmd_vm_spec_set_vcpus (spec, 3);
  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  call_begin (&set);
  call_assert_failed (&set, VMD_ERROR_WRONG_STATE);
  lock = vmd_vm_lock (vm, "test", "test", NULL, &error);
  g_assert_no_error (error);
  g_assert_false (vmd_vm_configure (vm, lock, spec, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  vmd_lock_release (lock);
  g_assert_false (call_ends_within (&import.call, 0));
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), !=, 3);
  tell_guest (vm, "stall-write", NULL);
  import_assert_good (&import);
}

/* LESSONS 1: what set waits for is a stop, here one of a guest that does not go off; never the
 * import that the stop has ended. */
static void
test_set_after_stop (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  Import import = { .source_fd = -1 };
  g_autoptr (GError) error = NULL;
  Call stop = { .run = run_stop, .vm = vm, .grace = HANG_SECONDS * 1000 };
  Call set = { .run = run_set, .vm = vm, .spec = spec };

  vmd_vm_spec_set_vcpus (spec, 3);
  set_script (fixture, "off hang\n");
  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  call_begin (&stop);
  wait_for_verb (vm, "stop");
  call_begin (&set);
  import_assert_failed (&import, VMD_ERROR_VM_STOPPED);
  vmd_vm_kill (vm, NULL, NULL, &error);
  g_assert_no_error (error);
  call_assert_good (&stop);
  call_assert_good (&set);
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 3);
}

static const struct
{
  const char *name;
  gboolean (*run) (Call *call, GError **error);
} enders[] = {
  { "stop", run_stop }, { "kill", run_kill }, { "restart", run_restart }, { "delete", run_delete }
};

/* LESSONS 1: whoever ends the VM is not kept waiting, and ends the import. */
static void
test_ended_by (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Import import = { .source_fd = -1 };
  Call call = { .run = enders[GPOINTER_TO_UINT (data)].run,
                .vm = vm,
                .grace = HANG_SECONDS * 1000,
                .readiness = VMD_READINESS_LAUNCHED,
                .force = TRUE };

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  call_begin (&call);
  import_assert_failed (&import, VMD_ERROR_VM_STOPPED);
  call_assert_good (&call);
  assert_guest_clean (vm, "/tree");
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);
}

/* A guest that hangs in the flush of what it was sent. */
static void
test_hung_flush (Fixture *fixture, gconstpointer data)
{
  const gboolean is_killed = GPOINTER_TO_INT (data);
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdJob) job =
      vmd_manager_begin_job (fixture->manager, "import", "vm", NULL, NULL, NULL);
  Import import = { .call.job = job, .source_fd = -1 };
  Call kill = { .run = run_kill, .vm = vm };

  tell_guest (vm, "stall-read", "");
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  g_assert_cmpstr (vmd_job_get_phase (job), ==, "flushing");
  if (is_killed)
    call_begin (&kill);
  else
    vmd_job_cancel (job);
  import_assert_failed (&import, is_killed ? VMD_ERROR_VM_STOPPED : VMD_ERROR_CANCELLED);
  if (is_killed)
    call_assert_good (&kill);
  assert_guest_clean (vm, "/tree");
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);
}

/* The same when another process does it. */
static void
test_ended_by_another (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdManager) another = open_another (fixture);
  g_autoptr (VmdVm) same = find_same (another, vm);
  Import import = { .source_fd = -1 };
  Call call = { .run = run_stop, .vm = same, .grace = HANG_SECONDS * 1000 };

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  call_begin (&call);
  import_assert_failed (&import, VMD_ERROR_VM_STOPPED);
  call_assert_good (&call);
  assert_guest_clean (vm, "/tree");
  g_clear_object (&same);
  vmd_manager_close (another);
}

static void
test_hypervisor_dies (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Import import = { .source_fd = -1 };

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  g_assert_cmpint (kill ((pid_t) vmd_vm_get_pid (vm), SIGKILL), ==, 0);
  import_assert_failed (&import, VMD_ERROR_VM_STOPPED);
  assert_guest_clean (vm, "/tree");
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);
}

/* LESSONS 37, 16: a VM of the same name, where the old one was; it gets nothing of the stream, and
 * the old one no row. */
static void
test_vm_replaced (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdVm) replacement = NULL;
  g_autoptr (GError) error = NULL;
  Import import = { .source_fd = -1 };

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  replacement = create_running (fixture, "vm");
  import_assert_failed (&import, VMD_ERROR_VM_STOPPED);
  assert_guest_clean (replacement, "/tree");
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdJob) job =
      vmd_manager_begin_job (fixture->manager, "import", "vm", NULL, NULL, NULL);
  Import by_caller = { .call.cancellable = cancellable, .source_fd = -1 };
  Import by_job = { .call.job = job, .source_fd = -1 };

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&by_caller, vm, "/tree");
  wait_until_stalled (vm);
  g_cancellable_cancel (cancellable);
  import_assert_failed (&by_caller, VMD_ERROR_CANCELLED);
  assert_guest_clean (vm, "/tree");

  import_begin (&by_job, vm, "/tree");
  wait_until_stalled (vm);
  vmd_job_cancel (job);
  import_assert_failed (&by_job, VMD_ERROR_CANCELLED);
  g_assert_cmpint (vmd_job_get_state (job), ==, VMD_JOB_CANCELLED);
  assert_guest_clean (vm, "/tree");
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);
}

static void
test_cancel_connecting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Import import = { .call.cancellable = cancellable, .source_fd = -1 };

  vmd_connection_pool_forget (vmd_manager_get_connection_pool (fixture->manager),
                              vmd_vm_get_id (vm));
  tell_guest (vm, "stall-connect", "");
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  g_cancellable_cancel (cancellable);
  import_assert_failed (&import, VMD_ERROR_CANCELLED);
  assert_guest_clean (vm, "/tree");
}

int
main (int argc, char **argv)
{
  int status;

  import_support_begin ();
  handles_test_init (&argc, &argv);
  add_test ("/workspace/vm-lock", test_vm_lock);
  for (guint i = 0; i < G_N_ELEMENTS (enders); i++)
    {
      g_autofree char *path = g_strdup_printf ("/workspace/ended-by/%s", enders[i].name);

      add_test_with (path, GUINT_TO_POINTER (i), test_ended_by);
    }
  add_test ("/workspace/ended-by/another-process", test_ended_by_another);
  add_test_with ("/workspace/hung-flush/cancel", GINT_TO_POINTER (FALSE), test_hung_flush);
  add_test_with ("/workspace/hung-flush/kill", GINT_TO_POINTER (TRUE), test_hung_flush);
  add_test ("/workspace/set", test_set);
  add_test ("/workspace/set-after-stop", test_set_after_stop);
  add_test ("/workspace/hypervisor-dies", test_hypervisor_dies);
  add_test ("/workspace/vm-replaced", test_vm_replaced);
  add_test ("/workspace/cancel", test_cancel);
  add_test ("/workspace/cancel-connecting", test_cancel_connecting);
  status = handles_test_run ();
  import_support_end ();
  return status;
}
