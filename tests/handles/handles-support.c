/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>

/* One for the whole process: the environment must not change while there are threads. */
static char *base;
/* Made by whoever runs poweroff or its like: a fake guest's commands run on this host. */
static char *trap;

/* Puts programs of ours before those that would end the host. */
static void
set_trap (void)
{
  static const char *const names[] = { "poweroff", "halt", "reboot", "shutdown" };
  g_autofree char *programs = g_build_filename (base, "bin", NULL);
  g_autofree char *path = g_strconcat (programs, ":", g_getenv ("PATH"), NULL);
  g_autofree char *script = NULL;

  trap = g_build_filename (base, "trapped", NULL);
  script = g_strdup_printf ("#!/bin/sh\necho \"$0\" >> '%s'\n", trap);
  g_assert_cmpint (g_mkdir (programs, 0700), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *program = g_build_filename (programs, names[i], NULL);
      g_autoptr (GError) error = NULL;

      g_file_set_contents_full (program, script, -1, G_FILE_SET_CONTENTS_NONE, 0700, &error);
      g_assert_no_error (error);
    }
  g_setenv ("PATH", path, TRUE);
}

void
handles_test_init (int *argc, char ***argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *script = NULL;

  g_test_init (argc, argv, NULL);
  base = g_dir_make_tmp ("vmd-handles-XXXXXX", &error);
  g_assert_no_error (error);
  script = g_build_filename (base, "script", NULL);
  g_setenv ("XDG_RUNTIME_DIR", base, TRUE);
  g_setenv ("VMD_FAKE_SCRIPT", script, TRUE);
  set_trap ();
}

int
handles_test_run (void)
{
  g_autoptr (GError) error = NULL;
  int status = g_test_run ();

  vmd_remove_tree (base, &error);
  g_assert_no_error (error);
  g_free (trap);
  g_free (base);
  return status;
}

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  static guint n;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strdup_printf ("%u", n++);

  fixture->directory = g_build_filename (base, name, NULL);
  fixture->state_dir = g_build_filename (fixture->directory, "state", NULL);
  set_script (fixture, "");
  fixture->manager = vmd_manager_open (fixture->state_dir, "fake", NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (fixture->manager);
}

static void
delete_all (VmdManager *manager)
{
  g_autoptr (GListModel) vms = vmd_manager_list_vms (manager);

  for (guint i = 0; i < g_list_model_get_n_items (vms); i++)
    {
      g_autoptr (VmdVm) vm = g_list_model_get_item (vms, i);
      g_autoptr (GError) error = NULL;

      vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
    }
}

static void
assert_empty (const char *parent, const char *name)
{
  g_autofree char *path = g_build_filename (parent, name, NULL);
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);

  if (directory != NULL)
    g_assert_cmpstr (g_dir_read_name (directory), ==, NULL);
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *runtime_dir = NULL;

  if (fixture->manager != NULL)
    {
      delete_all (fixture->manager);
      runtime_dir = g_strdup (vmd_manager_get_runtime_dir (fixture->manager));
      vmd_manager_close (fixture->manager);
      g_clear_object (&fixture->manager);
      assert_empty (runtime_dir, ".");
    }
  g_assert_false (g_file_test (trap, G_FILE_TEST_EXISTS));
  assert_empty (fixture->state_dir, "vms");
  assert_empty (fixture->state_dir, "staging");
  assert_empty (fixture->state_dir, "requests");
  vmd_remove_tree (fixture->directory, &error);
  g_assert_no_error (error);
  g_free (fixture->directory);
  g_free (fixture->state_dir);
}

VmdManager *
open_another (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VmdManager *manager = vmd_manager_open (fixture->state_dir, "fake", NULL, &error);

  g_assert_no_error (error);
  return manager;
}

void
set_script (Fixture *fixture, const char *script)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (g_getenv ("VMD_FAKE_SCRIPT"), script, -1, &error);
  g_assert_no_error (error);
}

VmdVm *
create_vm (VmdManager *manager, const char *name)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;
  VmdVm *vm;

  vmd_vm_spec_set_name (spec, name);
  vm = vmd_manager_create_vm (manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (vm);
  return vm;
}

VmdVm *
create_running (Fixture *fixture, const char *name)
{
  VmdVm *vm = create_vm (fixture->manager, name);
  g_autoptr (GError) error = NULL;

  vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return vm;
}

static gboolean
exists (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->row != NULL;
}

/* A change of another process's takes a moment to be seen. */
VmdVm *
find_same (VmdManager *manager, VmdVm *vm)
{
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);
  VmdVm *same = vmd_manager_lookup_vm (manager, vmd_vm_get_id (vm));

  while (same == NULL && g_get_monotonic_time () < deadline)
    {
      g_thread_yield ();
      same = vmd_manager_lookup_vm (manager, vmd_vm_get_id (vm));
    }
  g_assert_nonnull (same);
  wait_for (same, exists, NULL);
  return same;
}

static gpointer
run_call (gpointer data)
{
  Call *call = data;

  call->result = call->run (call, &call->error);
  g_mutex_lock (&call->mutex);
  call->done = TRUE;
  g_cond_signal (&call->cond);
  g_mutex_unlock (&call->mutex);
  return NULL;
}

void
call_begin (Call *call)
{
  g_mutex_init (&call->mutex);
  g_cond_init (&call->cond);
  call->thread = g_thread_new ("call", run_call, call);
}

gboolean
call_ends_within (Call *call, guint milliseconds)
{
  gint64 deadline = vmd_deadline_in (milliseconds);
  gboolean done;

  g_mutex_lock (&call->mutex);
  while (!call->done && g_cond_wait_until (&call->cond, &call->mutex, deadline))
    ;
  done = call->done;
  g_mutex_unlock (&call->mutex);
  return done;
}

void
call_join (Call *call)
{
  if (!call_ends_within (call, HANG_SECONDS * 1000))
    g_error ("A call has not ended after %d seconds", HANG_SECONDS);
  g_clear_pointer (&call->thread, g_thread_join);
  g_assert_cmpint (call->result, ==, call->error == NULL);
}

void
call_clear (Call *call)
{
  if (call->thread != NULL)
    call_join (call);
  g_clear_error (&call->error);
  g_mutex_clear (&call->mutex);
  g_cond_clear (&call->cond);
}

void
call_assert_good (Call *call)
{
  call_join (call);
  g_assert_no_error (call->error);
  call_clear (call);
}

void
call_assert_failed (Call *call, VmdError code)
{
  call_join (call);
  assert_vmd_error (call->error, code);
  call_clear (call);
}

gboolean
run_start (Call *call, GError **error)
{
  return vmd_vm_start (call->vm, call->readiness, call->lock, call->job, call->cancellable, error);
}

gboolean
run_stop (Call *call, GError **error)
{
  return vmd_vm_stop (call->vm, call->grace, call->lock, call->job, call->cancellable, error);
}

gboolean
run_restart (Call *call, GError **error)
{
  return vmd_vm_restart (call->vm, call->grace, call->readiness, call->lock, call->job,
                         call->cancellable, error);
}

gboolean
run_kill (Call *call, GError **error)
{
  return vmd_vm_kill (call->vm, call->job, call->cancellable, error);
}

gboolean
run_delete (Call *call, GError **error)
{
  return vmd_vm_delete (call->vm, call->force, call->lock, call->job, call->cancellable, error);
}

gboolean
run_set (Call *call, GError **error)
{
  return vmd_vm_set (call->vm, call->spec, call->lock, call->cancellable, error);
}

gboolean
run_wait_ready (Call *call, GError **error)
{
  return vmd_vm_wait_ready (call->vm, call->readiness, call->cancellable, error);
}

gboolean
run_wait_stopped (Call *call, GError **error)
{
  return vmd_vm_wait_stopped (call->vm, call->cancellable, error);
}

void
wait_for (VmdVm *vm, VmdVmCondition condition, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_vm_wait_until (vm, condition, data, NULL, vmd_deadline_in (HANG_SECONDS * 1000),
                     "waiting in a test", &error);
  g_assert_no_error (error);
}

static gboolean
has_state (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->state == *(const VmdVmState *) data;
}

void
wait_for_state (VmdVm *vm, VmdVmState state)
{
  wait_for (vm, has_state, &state);
}

static gboolean
has_verb (const VmdVmSnapshot *now, gconstpointer verb)
{
  return g_strcmp0 (vmd_vm_snapshot_get_verb (now), verb) == 0;
}

void
wait_for_verb (VmdVm *vm, const char *verb)
{
  wait_for (vm, has_verb, verb);
}

typedef struct
{
  GMutex mutex;
  GCond cond;
} Bell;

static void
ring_cb (VmdJob *job, Bell *bell)
{
  g_mutex_lock (&bell->mutex);
  g_cond_signal (&bell->cond);
  g_mutex_unlock (&bell->mutex);
}

void
wait_for_phase (VmdJob *job, const char *phase)
{
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);
  gulong handler;
  Bell bell;

  g_mutex_init (&bell.mutex);
  g_cond_init (&bell.cond);
  handler = g_signal_connect (job, "changed", G_CALLBACK (ring_cb), &bell);
  g_mutex_lock (&bell.mutex);
  while (!g_str_equal (vmd_job_get_phase (job), phase))
    if (!g_cond_wait_until (&bell.cond, &bell.mutex, MIN (deadline, vmd_deadline_in (50))) &&
        g_get_monotonic_time () > deadline)
      g_error ("The job is %s, and not %s", vmd_job_get_phase (job), phase);
  g_mutex_unlock (&bell.mutex);
  g_signal_handler_disconnect (job, handler);
  g_mutex_clear (&bell.mutex);
  g_cond_clear (&bell.cond);
}

void
assert_state (VmdVm *vm, VmdVmState state)
{
  g_assert_cmpint (vmd_vm_get_state (vm), ==, state);
}

void
assert_reason (VmdVm *vm, const char *reason)
{
  g_autofree char *actual = vmd_vm_dup_reason (vm);

  g_assert_cmpstr (actual, ==, reason);
}
