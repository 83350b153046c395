/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-fault-private.h"

/* Every point at which a verb can fail, failed in turn; and every undoing. Afterwards a VM runs or
 * it does not, nobody is at work, and what comes next works. Needs -Dfault_points=true. */

#ifdef VMD_FAULT_POINTS

#  define MAX_POINTS 400

typedef gboolean (*Verb) (VmdVm *vm, GError **error);

static gboolean
start (VmdVm *vm, GError **error)
{
  return vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, error);
}

static gboolean
stop (VmdVm *vm, GError **error)
{
  return vmd_vm_stop (vm, 500, NULL, NULL, NULL, error);
}

static gboolean
restart (VmdVm *vm, GError **error)
{
  return vmd_vm_restart (vm, 500, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, error);
}

static gboolean
kill_vm (VmdVm *vm, GError **error)
{
  return vmd_vm_kill (vm, NULL, NULL, error);
}

static gboolean
delete_vm (VmdVm *vm, GError **error)
{
  return vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, error);
}

typedef struct
{
  Verb verb;
  gboolean runs_before;
} Case;

static void
prepare (VmdVm *vm, gboolean runs)
{
  g_autoptr (GError) error = NULL;

  if (!runs)
    return;
  start (vm, &error);
  g_assert_no_error (error);
}

/* Whatever happened: no claim is left, and a delete takes all of it away. */
static void
assert_can_be_deleted (VmdVm *vm)
{
  g_autofree char *vm_dir = vmd_vm_dup_dir (vm);
  g_autofree char *runtime_dir =
      vmd_manager_dup_vm_runtime_dir (vmd_vm_get_manager (vm), vmd_vm_get_id (vm));
  g_autoptr (GError) error = NULL;

  if (!delete_vm (vm, &error))
    assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_assert_false (g_file_test (vm_dir, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (runtime_dir, G_FILE_TEST_EXISTS));
}

/* What there is when a first VM has come and gone, which opened what stays open. */
static void
take_ledger (Ledger *ledger, Fixture *fixture)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "first");

  prepare (vm, TRUE);
  assert_can_be_deleted (vm);
  ledger_take (ledger, fixture);
}

/* @pattern: of the points; fails the Nth for every N until there is no Nth. */
static void
fail_each (Fixture *fixture, const Case *each, const char *pattern, const char *suffix)
{
  gboolean was_hit = TRUE;
  g_auto (Ledger) before = { 0 };

  take_ledger (&before, fixture);
  for (guint n = 1; was_hit; n++)
    {
      g_autofree char *name = g_strdup_printf ("vm-%u", n);
      g_autofree char *fault = g_strdup_printf ("%s:%u%s", pattern, n, suffix);
      g_autoptr (VmdVm) vm = create_vm (fixture->manager, name);
      g_autoptr (GError) error = NULL;
      gboolean good;
      gint64 pid;

      g_assert_cmpuint (n, <, MAX_POINTS);
      prepare (vm, each->runs_before);
      vmd_fault_arm (fault);
      good = each->verb (vm, &error);
      was_hit = vmd_fault_count () >= n && !good;
      vmd_fault_arm (NULL);
      g_assert_cmpint (good, ==, error == NULL);
      wait_for_verb (vm, NULL);
      pid = vmd_vm_get_pid (vm);
      g_assert_cmpint (pid != 0, ==, vmd_vm_get_state (vm) == VMD_VM_RUNNING);
      assert_can_be_deleted (vm);
      if (pid != 0)
        g_assert_cmpint (kill ((pid_t) pid, 0), ==, -1);
      ledger_assert_becomes (fixture, &before);
    }
}

static void
test_fail_each (Fixture *fixture, gconstpointer data)
{
  fail_each (fixture, data, "*", "");
}

/* From the Nth on everything fails: so does each undoing. */
static void
test_fail_onwards (Fixture *fixture, gconstpointer data)
{
  fail_each (fixture, data, "*", "+");
}

/* Whether that point is what failed. */
static gboolean
is_from (const GError *error, const char *point)
{
  g_autofree char *words = g_strdup_printf ("fault point %s", point);

  return error != NULL && strstr (error->message, words) != NULL;
}

/* A start that failed at one step leaves nothing: no process, no row, no file, no token. */
static void
test_failed_start_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  gboolean was_hit = TRUE, token_was_hit = FALSE;

  for (guint n = 1; was_hit; n++)
    {
      g_autofree char *fault = g_strdup_printf ("launch-*:%u", n);
      g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
      g_autofree char *vm_dir = vmd_vm_dup_dir (vm);
      g_autofree char *runtime_dir =
          vmd_manager_dup_vm_runtime_dir (fixture->manager, vmd_vm_get_id (vm));
      g_autoptr (VmdVmSnapshot) now = NULL;
      g_auto (Ledger) before = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (n, <, MAX_POINTS);
      ledger_take (&before, fixture);
      vmd_fault_arm (fault);
      was_hit = !start (vm, &error);
      vmd_fault_arm (NULL);
      now = vmd_vm_ref_snapshot (vm);
      if (was_hit)
        {
          g_test_message ("%s", error->message);
          token_was_hit = token_was_hit || is_from (error, "launch-token");
          g_assert_cmpint (now->state, !=, VMD_VM_RUNNING);
          g_assert_null (now->launch);
          g_assert_null (now->transition);
          g_assert_false (g_file_test (vm_dir, G_FILE_TEST_EXISTS));
          g_assert_false (g_file_test (runtime_dir, G_FILE_TEST_EXISTS));
          ledger_assert_becomes (fixture, &before);
        }
      g_assert_cmpuint (n, >, was_hit ? 0 : 8);
      assert_can_be_deleted (vm);
    }
  g_assert_true (token_was_hit);
}

/* Each undoing of a start that failed is failed in turn: the others are done all the same, the next
 * start finds nothing in its way, and a delete takes what was left. */
static void
test_each_undo (Fixture *fixture, gconstpointer data)
{
  gboolean was_hit = TRUE, token_was_hit = FALSE;
  g_auto (Ledger) before = { 0 };

  take_ledger (&before, fixture);
  for (guint n = 1; was_hit; n++)
    {
      g_autofree char *fault = g_strdup_printf ("undo-*:%u", n);
      g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (n, <, MAX_POINTS);
      set_script (fixture, "launch fail no such machine\n");
      vmd_fault_arm (fault);
      g_assert_false (start (vm, &error));
      vmd_fault_arm (NULL);
      set_script (fixture, "");
      g_test_message ("%s", error->message);
      was_hit = is_from (error, "undo-");
      token_was_hit = token_was_hit || is_from (error, "undo-token");
      g_assert_cmpuint (n, >, was_hit ? 0 : 2);
      wait_for_verb (vm, NULL);
      g_clear_error (&error);
      start (vm, &error);
      g_assert_no_error (error);
      assert_can_be_deleted (vm);
      ledger_assert_becomes (fixture, &before);
    }
  g_assert_true (token_was_hit);
}

/* The cause comes first, and what went wrong in undoing after it. */
static void
test_undo_errors_are_joined (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) error = NULL;
  const char *cause, *undo;

  set_script (fixture, "launch fail no such machine\n");
  vmd_fault_arm ("undo-*:1+");
  g_assert_false (start (vm, &error));
  vmd_fault_arm (NULL);
  cause = strstr (error->message, "no such machine");
  undo = strstr (error->message, "fault point undo-record");
  g_assert_nonnull (cause);
  g_assert_nonnull (undo);
  g_assert_true (cause < undo);
  set_script (fixture, "");
  g_clear_error (&error);
  start (vm, &error);
  g_assert_no_error (error);
}

/* A deletion that failed half-way is out of the lists, its name is free, and it can be resumed. */
static void
test_delete_resumes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVm) next = NULL;
  g_autoptr (VmdVm) found = NULL;
  g_autoptr (GListModel) vms = NULL;
  g_autoptr (GError) error = NULL;

  vmd_fault_arm ("delete-row");
  g_assert_false (delete_vm (vm, &error));
  vmd_fault_arm (NULL);
  vms = vmd_manager_list_vms (fixture->manager);
  g_assert_cmpuint (g_list_model_get_n_items (vms), ==, 0);
  next = create_vm (fixture->manager, "vm");
  g_clear_error (&error);
  g_assert_false (start (vm, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  found = vmd_manager_find_vm (fixture->manager, vmd_vm_get_id (vm), &error);
  g_assert_no_error (error);
  delete_vm (found, &error);
  g_assert_no_error (error);
}

static const Case cases[] = {
  { start, FALSE },  { stop, TRUE },       { restart, FALSE },  { restart, TRUE },
  { kill_vm, TRUE }, { delete_vm, FALSE }, { delete_vm, TRUE },
};

static const char *const case_names[] = {
  "start", "stop", "restart-of-stopped", "restart", "kill", "delete", "delete-running",
};

static void
add_tests (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *each = g_strdup_printf ("/lifecycle-faults/each/%s", case_names[i]);
      g_autofree char *onwards = g_strdup_printf ("/lifecycle-faults/onwards/%s", case_names[i]);

      add_test_with (each, &cases[i], test_fail_each);
      add_test_with (onwards, &cases[i], test_fail_onwards);
    }
  add_test ("/lifecycle-faults/failed-start-leaves-nothing", test_failed_start_leaves_nothing);
  add_test ("/lifecycle-faults/each-undo", test_each_undo);
  add_test ("/lifecycle-faults/undo-errors-are-joined", test_undo_errors_are_joined);
  add_test ("/lifecycle-faults/delete-resumes", test_delete_resumes);
}

#else

static void
test_not_built (void)
{
  g_test_skip ("configured without -Dfault_points=true");
}

static void
add_tests (void)
{
  g_test_add_func ("/lifecycle-faults/not-built", test_not_built);
}

#endif

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_tests ();
  return handles_test_run ();
}
