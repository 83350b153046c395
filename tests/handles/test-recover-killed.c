/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "recover-support.h"

#include "base/vmd-fault-private.h"

#include <stdio.h>

/* Opening a state directory after whoever had it open was killed, at whatever moment. */

/* -- Survival -- */

/* Starts two and waits to be killed. */
static int
run_two (const char *state_dir)
{
  g_autoptr (VmdManager) manager = vmd_manager_open (state_dir, "fake", NULL, NULL);
  static const char *const names[] = { "first", "second" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (VmdVm) vm = create_vm (manager, names[i]);
      g_autofree char *boot_id = NULL;

      if (!vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, NULL))
        return 1;
      boot_id = vmd_vm_dup_guest_boot_id (vm);
      printf ("%" G_GINT64_FORMAT " %s\n", vmd_vm_get_pid (vm), boot_id);
    }
  fflush (stdout);
  getchar ();
  return 1;
}

static void
test_lesson_18_running_survives_kill (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "first", "second" };
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GDataInputStream) stream = NULL;
  char *lines[2];

  close_manager (fixture);
  process = run_self (fixture, "--two", NULL, NULL);
  stream = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      lines[i] = g_data_input_stream_read_line (stream, NULL, NULL, NULL);
      g_assert_nonnull (lines[i]);
    }
  kill_and_wait (process);
  open_again (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (VmdVm) vm = find (fixture, names[i]);
      g_autofree char *boot_id = vmd_vm_dup_guest_boot_id (vm);
      g_autofree char *line =
          g_strdup_printf ("%" G_GINT64_FORMAT " %s", vmd_vm_get_pid (vm), boot_id);

      g_assert_cmpstr (line, ==, lines[i]);
      assert_state (vm, VMD_VM_RUNNING);
      wait_for (vm, is_provisioned, NULL);
      g_free (lines[i]);
    }
}

/* -- kill -9, anywhere -- */

/* The life of a VM. */
static int
run_cycle (const char *state_dir)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdManager) manager = vmd_manager_open (state_dir, "fake", NULL, &error);
  g_autoptr (VmdVm) vm = NULL;

  g_assert_no_error (error);
  vm = create_vm (manager, "vm");
  if (!vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error) ||
      !vmd_vm_restart (vm, 1000, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error) ||
      !vmd_vm_stop (vm, 1000, NULL, NULL, NULL, &error) ||
      !vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error))
    g_printerr ("The cycle was broken: %s\n", error->message);
  vmd_manager_close (manager);
  return error == NULL ? 0 : 1;
}

static gboolean
is_settled (const VmdVmSnapshot *now, gconstpointer data)
{
  return vmd_vm_snapshot_get_verb (now) == NULL &&
         (vmd_vm_snapshot_is_running (now) || now->launch == NULL);
}

/* LESSONS 13: it runs, or it is stopped, and nothing else. Then it can be deleted, and nothing is
 * left. */
static void
assert_recovered (Fixture *fixture)
{
  g_autoptr (GListModel) vms = NULL;
  g_autoptr (GListModel) devices = NULL;
  g_autofree char *runtime_dir = NULL;

  open_again (fixture);
  vms = vmd_manager_list_vms (fixture->manager);
  for (guint i = 0; i < g_list_model_get_n_items (vms); i++)
    {
      g_autoptr (VmdVm) vm = g_list_model_get_item (vms, i);
      g_autoptr (GError) error = NULL;

      wait_for (vm, is_settled, NULL);
      g_assert_cmpint (vmd_vm_get_state (vm), !=, VMD_VM_ERROR);
      vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpint (count_left_over (fixture), ==, 0);
  /* A guest's device goes with its VM, and its tokens with it. */
  devices = vmd_manager_list_devices (fixture->manager);
  g_assert_cmpuint (g_list_model_get_n_items (devices), ==, 0);
  runtime_dir = g_strdup (vmd_manager_get_runtime_dir (fixture->manager));
  close_manager (fixture);
  wait_for_orphans ();
}

#ifdef VMD_FAULT_POINTS

/* The names of all points that a life passes, in their order. */
static GStrv
list_points (Fixture *fixture)
{
  g_autofree char *log = g_build_filename (fixture->directory, "faults", NULL);
  g_autoptr (GSubprocess) process = run_self (fixture, "--cycle", NULL, log);
  g_autofree char *text = NULL;

  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  g_assert_true (g_file_get_contents (log, &text, NULL, NULL));
  return g_strsplit (g_strchomp (text), "\n", -1);
}

/* Each name is killed at where it is passed first; and of the rest there are as many as time
 * allows. */
static GArray *
choose_points (const char *const *points)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GArray *chosen = g_array_new (FALSE, FALSE, sizeof (guint));
  guint n_points = g_strv_length ((GStrv) points);
  guint step = g_test_slow () ? 1 : 1 + n_points / 50;

  for (guint i = 0; i < n_points; i++)
    {
      guint at = i + 1;

      if (g_hash_table_add (seen, (gpointer) points[i]) || i % step == 0)
        g_array_append_val (chosen, at);
    }
  g_test_message ("%u points of %u names, killed at %u", n_points, g_hash_table_size (seen),
                  chosen->len);
  return chosen;
}

static void
test_lesson_13_killed_at_each_point (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) points = NULL;
  g_autoptr (GArray) chosen = NULL;

  close_manager (fixture);
  points = list_points (fixture);
  wait_for_orphans ();
  g_assert_true (g_strv_contains ((const char *const *) points, "launch-token"));
  chosen = choose_points ((const char *const *) points);
  g_assert_cmpuint (chosen->len, >, 50);
  for (guint i = 0; i < chosen->len; i++)
    {
      g_autofree char *fault = g_strdup_printf ("*:%u:kill", g_array_index (chosen, guint, i));
      g_autoptr (GSubprocess) process = run_self (fixture, "--cycle", fault, NULL);

      g_assert_true (g_subprocess_wait (process, NULL, NULL));
      assert_recovered (fixture);
    }
}

#endif

/* The same without fault points: killed when its Nth change of a row is seen. */
typedef struct
{
  GMutex mutex;
  GCond changed;
  guint n_changes;
  gboolean has_ended;
  GSubprocess *process;
} Changes;

static void
count_change_cb (VmdStore *store, sqlite3 *db, VmdRowKind kind, const char *id, gpointer data)
{
  Changes *changes = data;

  g_mutex_lock (&changes->mutex);
  changes->n_changes += id != NULL;
  g_cond_signal (&changes->changed);
  g_mutex_unlock (&changes->mutex);
}

/* Or for the end of who makes them: several commits that are seen at once count as one. */
static void
wait_for_change (Changes *changes, guint n)
{
  gint64 limit = g_get_monotonic_time () + HANG_SECONDS * G_USEC_PER_SEC;

  g_mutex_lock (&changes->mutex);
  while (changes->n_changes < n && !changes->has_ended)
    if (!g_cond_wait_until (&changes->changed, &changes->mutex, limit))
      g_error ("%u changes were seen, and not %u", changes->n_changes, n);
  g_mutex_unlock (&changes->mutex);
}

static gpointer
watch_for_end (gpointer data)
{
  Changes *changes = data;

  g_subprocess_wait (changes->process, NULL, NULL);
  g_mutex_lock (&changes->mutex);
  changes->has_ended = TRUE;
  g_cond_signal (&changes->changed);
  g_mutex_unlock (&changes->mutex);
  return NULL;
}

static void
test_lesson_13_killed_at_each_change (Fixture *fixture, gconstpointer data)
{
  close_manager (fixture);
  for (guint at = 1; at <= 20; at++)
    {
      Changes changes = { .n_changes = 0 };
      g_autoptr (GSubprocess) process = NULL;
      VmdStore *store = vmd_store_open (fixture->state_dir, NULL);
      GThread *watcher;

      g_mutex_init (&changes.mutex);
      g_cond_init (&changes.changed);
      g_assert_nonnull (store);
      vmd_store_observe (store, count_change_cb, NULL, &changes);
      process = run_self (fixture, "--cycle", NULL, NULL);
      changes.process = process;
      watcher = g_thread_new ("watch", watch_for_end, &changes);
      wait_for_change (&changes, at);
      g_subprocess_force_exit (process);
      g_thread_join (watcher);
      vmd_store_close (store);
      g_assert_finalize_object (store);
      g_cond_clear (&changes.changed);
      g_mutex_clear (&changes.mutex);
      assert_recovered (fixture);
    }
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--two"))
    return run_two (argv[2]);
  if (argc == 3 && g_str_equal (argv[1], "--cycle"))
    return run_cycle (argv[2]);
  handles_test_init (&argc, &argv);
  adopt_orphans ();
  add_test ("/recover/lesson-18-running-survives-kill", test_lesson_18_running_survives_kill);
#ifdef VMD_FAULT_POINTS
  add_test ("/recover/lesson-13-killed-at-each-point", test_lesson_13_killed_at_each_point);
#endif
  add_test ("/recover/lesson-13-killed-at-each-change", test_lesson_13_killed_at_each_change);
  return handles_test_run ();
}
