/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "store/vmd-sqlite-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Opening a state directory after whoever had it open is gone, in good order or by kill -9.
 * Hypervisors whose parent is killed become children of this process, so that none can hide. */

/* What waits to be delivered has references, on VMs and so on their manager. */
static void
close_manager (Fixture *fixture)
{
  vmd_manager_close (fixture->manager);
  g_clear_object (&fixture->manager);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
open_again (Fixture *fixture)
{
  g_assert_null (fixture->manager);
  fixture->manager = open_another (fixture);
}

static VmdVm *
find (Fixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  VmdVm *vm = vmd_manager_find_vm (fixture->manager, name, &error);

  g_assert_no_error (error);
  return vm;
}

/* -- What a test does to the rows while no manager is open -- */

static void
run_sql (Fixture *fixture, const char *sql)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, "vmd.db", NULL);
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (db));
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static void
set_launch_process (Fixture *fixture, const VmdProcessId *process)
{
  g_autofree char *sql = g_strdup_printf (
      "UPDATE launches SET boot_id = '%s', pid = %d, start_time = %" G_GUINT64_FORMAT,
      process->boot_id, (int) process->pid, process->start_time);

  run_sql (fixture, sql);
}

static gboolean
count_in_store (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (
      db,
      "SELECT (SELECT count(*) FROM launches) + (SELECT count(*) FROM launch_resources)"
      " + (SELECT count(*) FROM transitions)",
      error);

  g_assert_cmpint (vmd_sqlite_step (db, statement, error), ==, SQLITE_ROW);
  *(gint64 *) data = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* Launches, what they made, claims. */
static gint64
count_left_over (Fixture *fixture)
{
  gint64 n = -1;

  g_assert_true (vmd_store_transact (vmd_manager_get_store (fixture->manager), count_in_store, &n,
                                     NULL, NULL));
  return n;
}

/* -- Processes -- */

static GSubprocess *
run_self (Fixture *fixture, const char *verb, const char *fault, const char *fault_log)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  if (fault != NULL)
    g_subprocess_launcher_setenv (launcher, "VMD_FAULT", fault, TRUE);
  if (fault_log != NULL)
    g_subprocess_launcher_setenv (launcher, "VMD_FAULT_LOG", fault_log, TRUE);
  process = g_subprocess_launcher_spawn (launcher, &error, self, verb, fixture->state_dir, NULL);
  g_assert_no_error (error);
  return process;
}

/* All that the killed have left us have ended too; one that does not end ends the test. */
static void
wait_for_orphans (void)
{
  alarm (HANG_SECONDS);
  while (waitpid (-1, NULL, 0) > 0)
    ;
  g_assert_cmpint (errno, ==, ECHILD);
  alarm (0);
}

static void
kill_and_wait (GSubprocess *process)
{
  g_subprocess_force_exit (process);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
}

/* The process that was killed stays a zombie until somebody looks: it counts as gone all the
 * same. */
static void
kill_hypervisor (pid_t pid)
{
  VmdProcessId process;

  g_assert_true (vmd_process_id_read (pid, &process));
  g_assert_no_errno (kill (pid, SIGKILL));
  while (vmd_process_id_is_alive (&process))
    g_thread_yield ();
}

/* -- Survival -- */

static gboolean
is_provisioned (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->readiness == VMD_READINESS_PROVISIONED;
}

/* LESSONS 18: same hypervisor, same guest, and it can be worked with. */
static void
test_lesson_18_running_survives_close (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) before = create_running (fixture, "vm");
  g_autofree char *boot_id = vmd_vm_dup_guest_boot_id (before);
  gint64 pid = vmd_vm_get_pid (before);
  g_autoptr (VmdVm) after = NULL;
  g_autofree char *boot_id_after = NULL;
  g_autoptr (GError) error = NULL;

  close_manager (fixture);
  open_again (fixture);
  after = find (fixture, "vm");
  assert_state (after, VMD_VM_RUNNING);
  g_assert_cmpint (vmd_vm_get_pid (after), ==, pid);
  boot_id_after = vmd_vm_dup_guest_boot_id (after);
  g_assert_cmpstr (boot_id_after, ==, boot_id);
  wait_for (after, is_provisioned, NULL);
  vmd_vm_stop (after, HANG_SECONDS * 1000, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_state (after, VMD_VM_STOPPED);
}

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

/* One that was adopted and dies is stopped at once, as one's own is. */
static void
test_adopted_is_watched (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) after = NULL;

  g_object_unref (create_running (fixture, "vm"));
  close_manager (fixture);
  open_again (fixture);
  after = find (fixture, "vm");
  assert_state (after, VMD_VM_RUNNING);
  g_assert_no_errno (kill ((pid_t) vmd_vm_get_pid (after), SIGKILL));
  wait_for_state (after, VMD_VM_STOPPED);
}

/* -- Launches that ended meanwhile -- */

static void
assert_cleared (Fixture *fixture, VmdVm *vm)
{
  g_autofree char *runtime_dir =
      vmd_manager_dup_vm_runtime_dir (fixture->manager, vmd_vm_get_id (vm));
  g_autoptr (GError) error = NULL;

  assert_state (vm, VMD_VM_STOPPED);
  g_assert_cmpint (vmd_vm_get_pid (vm), ==, 0);
  g_assert_cmpint (count_left_over (fixture), ==, 0);
  g_assert_false (g_file_test (runtime_dir, G_FILE_TEST_EXISTS));
  vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_lesson_14_hypervisor_gone (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) before = create_running (fixture, "vm");
  pid_t pid = (pid_t) vmd_vm_get_pid (before);
  g_autoptr (VmdVm) after = NULL;

  close_manager (fixture);
  kill_hypervisor (pid);
  open_again (fixture);
  after = find (fixture, "vm");
  assert_cleared (fixture, after);
}

/* The host was restarted, or the pid given to another: that one (here: this very process) must not
 * be taken for the hypervisor, and not be killed. */
static void
test_lesson_14_pid_reused (Fixture *fixture, gconstpointer data)
{
  gboolean other_boot = GPOINTER_TO_INT (data);
  g_autoptr (VmdVm) before = create_running (fixture, "vm");
  pid_t pid = (pid_t) vmd_vm_get_pid (before);
  g_autoptr (VmdVm) after = NULL;
  VmdProcessId us;

  close_manager (fixture);
  kill_hypervisor (pid);
  vmd_process_id_self (&us);
  if (other_boot)
    g_strlcpy (us.boot_id, "00000000-0000-0000-0000-000000000000", sizeof us.boot_id);
  else
    us.start_time--;
  set_launch_process (fixture, &us);
  open_again (fixture);
  after = find (fixture, "vm");
  assert_cleared (fixture, after);
}

static void
test_lesson_14_zombie (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) before = create_running (fixture, "vm");
  pid_t pid = (pid_t) vmd_vm_get_pid (before);
  g_autoptr (VmdVm) after = NULL;
  VmdProcessId zombie;
  pid_t child;

  close_manager (fixture);
  kill_hypervisor (pid);
  child = fork ();
  g_assert_no_errno (child);
  if (child == 0)
    {
      pause ();
      _exit (0);
    }
  g_assert_true (vmd_process_id_read (child, &zombie));
  kill_hypervisor (child);
  set_launch_process (fixture, &zombie);
  open_again (fixture);
  after = find (fixture, "vm");
  assert_cleared (fixture, after);
  waitpid (child, NULL, 0);
}

/* Its row was written, the process never made. */
static void
test_launch_without_process (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) before = create_running (fixture, "vm");
  pid_t pid = (pid_t) vmd_vm_get_pid (before);
  const VmdProcessId none = { .boot_id = "" };
  g_autoptr (VmdVm) after = NULL;

  close_manager (fixture);
  kill_hypervisor (pid);
  set_launch_process (fixture, &none);
  open_again (fixture);
  after = find (fixture, "vm");
  g_assert_cmpint (vmd_vm_get_state (after), !=, VMD_VM_RUNNING);
  g_assert_cmpint (count_left_over (fixture), ==, 0);
}

/* -- Claims -- */

static void
insert_claim (Fixture *fixture, const char *vm, const VmdProcessId *owner)
{
  g_autofree char *sql = g_strdup_printf (
      "INSERT INTO transitions (vm, verb, launch, boot_id, pid, start_time, token, who, since,"
      " cancel) VALUES ('%s', 'stop', 9, '%s', %d, %" G_GUINT64_FORMAT ", 't', 'a test', 1, 0)",
      vm, owner->boot_id, (int) owner->pid, owner->start_time);

  run_sql (fixture, sql);
}

static void
test_void_claim_goes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) before = create_vm (fixture->manager, "vm");
  g_autoptr (VmdVm) after = NULL;
  g_autoptr (GError) error = NULL;
  VmdProcessId dead;

  vmd_process_id_self (&dead);
  dead.start_time++;
  close_manager (fixture);
  insert_claim (fixture, vmd_vm_get_id (before), &dead);
  open_again (fixture);
  g_assert_cmpint (count_left_over (fixture), ==, 0);
  after = find (fixture, "vm");
  vmd_vm_start (after, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_live_claim_stays (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) before = create_vm (fixture->manager, "vm");
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdVm) after = NULL;
  VmdProcessId owner;

  close_manager (fixture);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE, &error, "cat", NULL);
  g_assert_no_error (error);
  g_assert_true (vmd_process_id_read (atoi (g_subprocess_get_identifier (process)), &owner));
  insert_claim (fixture, vmd_vm_get_id (before), &owner);
  open_again (fixture);
  g_assert_cmpint (count_left_over (fixture), ==, 1);
  after = find (fixture, "vm");
  wait_for_verb (after, "stop");
  /* And ends with its owner. */
  kill_and_wait (process);
  wait_for_verb (after, NULL);
}

/* -- Deletions -- */

/* LESSONS 17: whatever is left when a deletion is interrupted, the next open takes away. */
static void
test_lesson_17_deletion_resumes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) deleted = create_running (fixture, "vm");
  g_autofree char *id = g_strdup (vmd_vm_get_id (deleted));
  g_autofree char *vm_dir = vmd_vm_dup_dir (deleted);
  pid_t pid = (pid_t) vmd_vm_get_pid (deleted);
  g_autoptr (VmdVm) same = NULL;
  g_autoptr (VmdVm) gone = NULL;
  VmdProcessId process;

  g_object_unref (create_running (fixture, "kept"));
  g_assert_true (vmd_process_id_read (pid, &process));
  close_manager (fixture);
  run_sql (fixture, "UPDATE vms SET deleted = 1 WHERE name = 'vm'");
  open_again (fixture);
  g_assert_false (vmd_process_id_is_alive (&process));
  g_assert_false (g_file_test (vm_dir, G_FILE_TEST_EXISTS));
  gone = vmd_manager_lookup_vm (fixture->manager, id);
  g_assert_null (gone);
  same = find (fixture, "kept");
  assert_state (same, VMD_VM_RUNNING);
}

/* -- Bad records -- */

/* LESSONS 15: it is shown, with a reason; it hides no other, and nothing is stopped. */
static void
test_lesson_15_bad_record (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "first", "second", "third" };
  pid_t pids[3];

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (VmdVm) vm = create_running (fixture, names[i]);

      pids[i] = (pid_t) vmd_vm_get_pid (vm);
    }
  close_manager (fixture);
  run_sql (fixture, "UPDATE vms SET vcpus = -1 WHERE name = 'second'");
  open_again (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (VmdVm) vm = find (fixture, names[i]);

      assert_state (vm, i == 1 ? VMD_VM_ERROR : VMD_VM_RUNNING);
      g_assert_no_errno (kill (pids[i], 0));
      if (i == 1)
        assert_reason (vm, "its record has no vcpus or no memory");
    }
}

/* An id that leads out of the directory is followed by nobody. */
static void
test_bad_id (Fixture *fixture, gconstpointer data)
{
  g_autofree char *victim = g_build_filename (fixture->state_dir, "victim", NULL);

  close_manager (fixture);
  g_assert_no_errno (g_mkdir (victim, 0700));
  run_sql (fixture, "INSERT INTO vms (id, name, vcpus, memory, disk_size, network, backend,"
                    " created, launch, bad, deleted)"
                    " VALUES ('../victim', 'v', 1, 1, 1, 'none', 'fake', 1, 0, 0, 1)");
  open_again (fixture);
  g_assert_true (g_file_test (victim, G_FILE_TEST_IS_DIR));
  close_manager (fixture);
  run_sql (fixture, "DELETE FROM vms");
  open_again (fixture);
}

/* -- What was being made -- */

static void
test_staging (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ours = vmd_manager_make_staging (fixture->manager, NULL);
  g_autofree char *parent = g_path_get_dirname (ours);
  g_autofree char *theirs = NULL;
  g_autofree char *name = NULL;
  VmdProcessId us;

  vmd_process_id_self (&us);
  name = g_strdup_printf ("%.8s-%d-%" G_GUINT64_FORMAT "-x", us.boot_id, (int) us.pid,
                          us.start_time + 1);
  theirs = g_build_filename (parent, name, NULL);
  g_assert_no_errno (g_mkdir (theirs, 0700));
  close_manager (fixture);
  open_again (fixture);
  g_assert_true (g_file_test (ours, G_FILE_TEST_IS_DIR));
  g_assert_false (g_file_test (theirs, G_FILE_TEST_EXISTS));
  g_assert_true (vmd_remove_tree (ours, NULL));
}

/* The database was lost, and an empty one is in its place: the images are not taken for
 * left-overs. */
static void
test_lost_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *database = g_build_filename (fixture->state_dir, "vmd.db", NULL);
  g_autofree char *digest = g_strnfill (64, 'a');
  g_autofree char *image = vmd_manager_dup_image_path (fixture->manager, digest);

  g_assert_true (g_file_set_contents (image, "x", 1, NULL));
  close_manager (fixture);
  g_assert_no_errno (g_unlink (database));
  open_again (fixture);
  g_assert_true (g_file_test (image, G_FILE_TEST_EXISTS));
}

/* -- What cannot be cleared away -- */

static void
test_failure_keeps_no_other (Fixture *fixture, gconstpointer data)
{
#ifdef VMD_FAULT_POINTS
  static const char *const names[] = { "first", "second", "third" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_object_unref (create_running (fixture, names[i]));
  close_manager (fixture);
  run_sql (fixture, "UPDATE vms SET deleted = 1");
  vmd_fault_arm ("tear-down-process:1");
  open_again (fixture);
  vmd_fault_arm (NULL);
  /* Two are gone, the third is left for the next time. Nothing says which. */
  g_assert_cmpint (count_left_over (fixture), >, 0);
  close_manager (fixture);
  open_again (fixture);
  g_assert_cmpint (count_left_over (fixture), ==, 0);
#else
  g_test_skip ("configured without fault points");
#endif
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
  runtime_dir = g_strdup (vmd_manager_get_runtime_dir (fixture->manager));
  close_manager (fixture);
  wait_for_orphans ();
}

#ifdef VMD_FAULT_POINTS

static guint
count_points (Fixture *fixture)
{
  g_autofree char *log = g_build_filename (fixture->directory, "faults", NULL);
  g_autoptr (GSubprocess) process = run_self (fixture, "--cycle", NULL, log);
  g_autofree char *text = NULL;
  guint n = 0;

  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  g_assert_true (g_file_get_contents (log, &text, NULL, NULL));
  for (const char *at = text; *at != '\0'; at++)
    n += *at == '\n';
  return n;
}

static void
test_lesson_13_killed_at_each_point (Fixture *fixture, gconstpointer data)
{
  guint n_points, step;

  close_manager (fixture);
  n_points = count_points (fixture);
  wait_for_orphans ();
  g_assert_cmpuint (n_points, >, 50);
  step = g_test_slow () ? 1 : 1 + n_points / 50;
  g_test_message ("%u points, every %u. of them", n_points, step);
  for (guint at = 1; at <= n_points; at += step)
    {
      g_autofree char *fault = g_strdup_printf ("*:%u:kill", at);
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
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));
  add_test ("/recover/lesson-18-running-survives-close", test_lesson_18_running_survives_close);
  add_test ("/recover/lesson-18-running-survives-kill", test_lesson_18_running_survives_kill);
  add_test ("/recover/adopted-is-watched", test_adopted_is_watched);
  add_test ("/recover/lesson-14-hypervisor-gone", test_lesson_14_hypervisor_gone);
  add_test_with ("/recover/lesson-14-pid-reused", GINT_TO_POINTER (FALSE),
                 test_lesson_14_pid_reused);
  add_test_with ("/recover/lesson-14-host-restarted", GINT_TO_POINTER (TRUE),
                 test_lesson_14_pid_reused);
  add_test ("/recover/lesson-14-zombie", test_lesson_14_zombie);
  add_test ("/recover/launch-without-process", test_launch_without_process);
  add_test ("/recover/void-claim-goes", test_void_claim_goes);
  add_test ("/recover/live-claim-stays", test_live_claim_stays);
  add_test ("/recover/lesson-17-deletion-resumes", test_lesson_17_deletion_resumes);
  add_test ("/recover/lesson-15-bad-record", test_lesson_15_bad_record);
  add_test ("/recover/bad-id", test_bad_id);
  add_test ("/recover/staging", test_staging);
  add_test ("/recover/lost-database", test_lost_database);
  add_test ("/recover/failure-keeps-no-other", test_failure_keeps_no_other);
#ifdef VMD_FAULT_POINTS
  add_test ("/recover/lesson-13-killed-at-each-point", test_lesson_13_killed_at_each_point);
#endif
  add_test ("/recover/lesson-13-killed-at-each-change", test_lesson_13_killed_at_each_change);
  return handles_test_run ();
}
