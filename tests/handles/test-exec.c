/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "import-support.h"

#include "base/vmd-poll-private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Commands in guests: how they end, by themselves and with their VM. */

typedef struct
{
  Call call; /* first */
  VmdExecSpec *spec;
  VmdExecResult *outcome;
  int output; /* our end of its standard output */
} Exec;

static gboolean
run_exec (Call *call, GError **error)
{
  Exec *exec = (Exec *) call;

  exec->outcome = vmd_vm_exec (call->vm, exec->spec, call->job, call->cancellable, error);
  return exec->outcome != NULL;
}

static void
exec_begin (Exec *exec, VmdVm *vm, const char *script)
{
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  exec->output = ends[0];
  exec->spec = vmd_exec_spec_new (argv);
  vmd_exec_spec_take_streams (exec->spec, -1, ends[1], -1);
  exec->call.run = run_exec;
  exec->call.vm = vm;
  call_begin (&exec->call);
}

static void
expect_output (Exec *exec, const char *text)
{
  char buffer[100] = "";
  gsize length = 0;

  while (strstr (buffer, text) == NULL)
    {
      gssize n = read (exec->output, buffer + length, sizeof buffer - 1 - length);

      g_assert_cmpint (n, >, 0);
      length += n;
    }
}

static void
exec_clear (Exec *exec)
{
  char byte;

  /* Its streams are closed, whatever became of it. */
  g_assert_cmpint (read (exec->output, &byte, 1), ==, 0);
  close (exec->output);
  g_clear_object (&exec->outcome);
  g_object_unref (exec->spec);
}

static void
test_status (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");

  for (guint i = 0; i < 3; i++)
    {
      static const int statuses[] = { 0, 7, 255 };
      g_autofree char *script = g_strdup_printf ("echo out; exit %d", statuses[i]);
      Exec exec = { .output = -1 };

      exec_begin (&exec, vm, script);
      call_assert_good (&exec.call);
      expect_output (&exec, "out\n");
      g_assert_cmpint (vmd_exec_result_get_exit_status (exec.outcome), ==, statuses[i]);
      exec_clear (&exec);
    }
}

/* Beside a stalled import, and beside each other. */
static void
test_beside_import (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Import import = { .source_fd = -1 };
  Exec slow = { .output = -1 }, quick = { .output = -1 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&import, vm, "/tree");
  wait_until_stalled (vm);
  slow.call.cancellable = cancellable;
  exec_begin (&slow, vm, "echo begun; exec sleep 1000");
  expect_output (&slow, "begun");
  exec_begin (&quick, vm, "echo quick");
  call_assert_good (&quick.call);
  expect_output (&quick, "quick");
  exec_clear (&quick);
  g_cancellable_cancel (cancellable);
  call_assert_failed (&slow.call, VMD_ERROR_CANCELLED);
  exec_clear (&slow);
  tell_guest (vm, "stall-write", NULL);
  import_assert_good (&import);
}

static const struct
{
  const char *name;
  gboolean (*run) (Call *call, GError **error);
} enders[] = {
  { "stop", run_stop }, { "kill", run_kill }, { "restart", run_restart }, { "delete", run_delete }
};

static void
test_ended_by (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Exec exec = { .output = -1 };
  Call call = { .run = enders[GPOINTER_TO_UINT (data)].run,
                .vm = vm,
                .grace = HANG_SECONDS * 1000,
                .readiness = VMD_READINESS_LAUNCHED,
                .force = TRUE };

  exec_begin (&exec, vm, "echo begun; exec sleep 1000");
  expect_output (&exec, "begun");
  call_begin (&call);
  call_assert_failed (&exec.call, VMD_ERROR_VM_STOPPED);
  call_assert_good (&call);
  exec_clear (&exec);
}

static void
test_wrong_state (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Exec exec = { .output = -1 };

  exec_begin (&exec, vm, "true");
  call_assert_failed (&exec.call, VMD_ERROR_WRONG_STATE);
  exec_clear (&exec);
}

/* A command that comes while the VM boots is run when it can be. */
static void
test_while_booting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdJob) job = vmd_manager_begin_job (fixture->manager, "exec", "vm", NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  Exec exec = { .call.job = job, .output = -1 };

  set_script (fixture, "ready hang\n");
  vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  exec_begin (&exec, vm, "echo at last");
  wait_for_phase (job, "waiting for the guest");
  set_script (fixture, "");
  call_assert_good (&exec.call);
  expect_output (&exec, "at last");
  exec_clear (&exec);
}

static void
test_bad_input (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  const char *const argv[] = { "true", NULL };
  const char *const environment[] = { "no variable", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (GError) error = NULL;

  vmd_exec_spec_set_environment (spec, environment);
  g_assert_null (vmd_vm_exec (vm, spec, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
}

static void
exec_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (VmdExecResult) outcome = NULL;
  g_autoptr (GError) error = NULL;

  outcome = vmd_vm_exec_finish (VMD_VM (source), result, &error);
  g_assert_no_error (error);
  *(int *) data = vmd_exec_result_get_exit_status (outcome);
}

static void
test_async (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  const char *const argv[] = { "sh", "-c", "exit 42", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  int status = -1;

  vmd_vm_exec_async (vm, spec, NULL, NULL, exec_done_cb, &status);
  while (status < 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (status, ==, 42);
}

int
main (int argc, char **argv)
{
  int status;

  import_support_begin ();
  handles_test_init (&argc, &argv);
  add_test ("/exec/status", test_status);
  add_test ("/exec/beside-import", test_beside_import);
  for (guint i = 0; i < G_N_ELEMENTS (enders); i++)
    {
      g_autofree char *path = g_strdup_printf ("/exec/ended-by/%s", enders[i].name);

      add_test_with (path, GUINT_TO_POINTER (i), test_ended_by);
    }
  add_test ("/exec/wrong-state", test_wrong_state);
  add_test ("/exec/while-booting", test_while_booting);
  add_test ("/exec/bad-input", test_bad_input);
  add_test ("/exec/async", test_async);
  status = handles_test_run ();
  import_support_end ();
  return status;
}
