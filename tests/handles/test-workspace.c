/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "import-support.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-poll-private.h"

#include <glib/gstdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

/* Imports: what is there afterwards, in the guest and in the store; and nothing in either when they
 * fail. */

static void
test_import (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdJob) job = NULL;
  g_autoptr (VmdWorkspace) workspace = NULL;
  g_autoptr (VmdWorkspace) listed = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *repository = NULL;
  g_autofree char *branch = NULL;
  g_autofree char *head = NULL;
  g_autofree char *mode = NULL;

  job = vmd_manager_begin_job (fixture->manager, "import", "vm", NULL, NULL, &error);
  workspace = vmd_workspace_prepare (vm, "/src/tree", serve_repository (), "full-copy", FALSE, NULL,
                                     job, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (has_tree (vm, "/src/tree"));
  assert_no_staging (vm);

  repository = vmd_workspace_dup_repository (workspace);
  branch = vmd_workspace_dup_branch (workspace);
  head = vmd_workspace_dup_head (workspace);
  mode = vmd_workspace_dup_mode (workspace);
  g_assert_cmpstr (vmd_workspace_get_vm_id (workspace), ==, vmd_vm_get_id (vm));
  g_assert_cmpstr (vmd_workspace_get_path (workspace), ==, "/src/tree");
  g_assert_cmpstr (repository, ==, get_repository ());
  g_assert_cmpstr (branch, ==, "main");
  g_assert_cmpuint (strlen (head), ==, 40);
  g_assert_cmpstr (mode, ==, "full-copy");
  g_assert_cmpuint (vmd_workspace_get_launch (workspace), ==, 1);
  g_assert_cmpuint (vmd_workspace_get_n_files (workspace), ==, 2);
  g_assert_cmpuint (vmd_workspace_get_bytes (workspace), ==, LARGE_SIZE + 6);
  g_assert_cmpint (vmd_workspace_get_imported (workspace), >=, vmd_vm_get_started (vm));
  g_assert_cmpint (vmd_job_get_state (job), ==, VMD_JOB_DONE);
  g_assert_cmpuint (vmd_job_get_bytes_done (job), ==, LARGE_SIZE + 6);
  g_assert_cmpuint (vmd_job_get_bytes_total (job), ==, LARGE_SIZE + 6);
  listed = vmd_manager_lookup_workspace (fixture->manager, vmd_vm_get_id (vm), "/src/tree");
  g_assert_true (listed == workspace);
}

/* What is in the way stays, unless it is to be replaced; then all of it goes. */
static void
test_replace (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *directory = in_guest (vm, "/tree");
  g_autofree char *extra = in_guest (vm, "/tree/extra");
  Import into_directory = { .source_fd = -1 },
         over_directory = { .source_fd = -1, .replace = TRUE };
  Import again = { .source_fd = -1 }, over_workspace = { .source_fd = -1, .replace = TRUE };

  g_assert_cmpint (g_mkdir_with_parents (directory, 0700), ==, 0);
  g_assert_true (g_file_set_contents (extra, "", 0, NULL));
  import_begin (&into_directory, vm, "/tree");
  import_assert_failed (&into_directory, VMD_ERROR_EXISTS);
  g_assert_true (g_file_test (extra, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);

  import_begin (&over_directory, vm, "/tree");
  import_assert_good (&over_directory);
  g_assert_false (g_file_test (extra, G_FILE_TEST_EXISTS));
  g_assert_true (has_tree (vm, "/tree"));

  import_begin (&again, vm, "/tree");
  import_assert_failed (&again, VMD_ERROR_EXISTS);
  import_begin (&over_workspace, vm, "/tree");
  import_assert_good (&over_workspace);
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 1);
  assert_no_staging (vm);
}

static void
check_refused (VmdVm *vm, const char *path, const char *mode, VmdError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
      vmd_workspace_prepare (vm, path, serve_repository (), mode, FALSE, NULL, NULL, NULL, &error));
  assert_vmd_error (error, code);
}

static void
test_bad_input (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  static const char *const paths[] = { "", "tree", "/", "/a/../b", "/a//b", "/a/", "/a\nb" };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    check_refused (vm, paths[i], "full-copy", VMD_ERROR_INVALID_ARGUMENT);
  check_refused (vm, "/tree", "half-copy", VMD_ERROR_INVALID_ARGUMENT);
  check_refused (vm, "/tree", "full-copy", VMD_ERROR_WRONG_STATE);
}

/* A source that is none. */
static void
test_bad_source (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Import gone = { .source_fd = -1 }, babbling = { .source_fd = -1 };
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  close (fds[1]);
  gone.source_fd = fds[0];
  import_begin (&gone, vm, "/tree");
  import_assert_failed (&gone, VMD_ERROR_PROTOCOL);

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_cmpint (write (fds[1], "HTTP/1.1 200 OK\r\n", 17), ==, 17);
  babbling.source_fd = fds[0];
  import_begin (&babbling, vm, "/tree");
  import_assert_failed (&babbling, VMD_ERROR_PROTOCOL);
  close (fds[1]);
  assert_guest_clean (vm, "/tree");
}

static void
test_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdLock) vm_lock = vmd_vm_lock (vm, "test", "test", NULL, NULL);
  g_autoptr (VmdLock) lock = NULL;
  Import wrong = { .call.lock = vm_lock, .source_fd = -1 };
  Import right = { .source_fd = -1 };

  import_begin (&wrong, vm, "/tree");
  import_assert_failed (&wrong, VMD_ERROR_NOT_LOCKED);
  vmd_lock_release (vm_lock);
  lock = vmd_workspace_lock (vm, "test", "test", NULL, NULL);
  right.call.lock = lock;
  import_begin (&right, vm, "/tree");
  import_assert_good (&right);
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_unreachable (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Import import = { .source_fd = -1 };

  tell_guest (vm, "refuse", "");
  import_begin (&import, vm, "/tree");
  import_assert_failed (&import, VMD_ERROR_UNREACHABLE);
  assert_guest_clean (vm, "/tree");
}

/* Cut in the middle, there is nothing; and another try works. */
static void
test_cut (Fixture *fixture, gconstpointer data)
{
  static const char *const points[] = { "0", "512", "100000", "900000" };
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  Import good = { .source_fd = -1 };

  for (guint i = 0; i < G_N_ELEMENTS (points); i++)
    {
      Import import = { .source_fd = -1 };

      tell_guest (vm, "cut-write", points[i]);
      import_begin (&import, vm, "/tree");
      import_assert_failed (&import, VMD_ERROR_UNREACHABLE);
      assert_guest_clean (vm, "/tree");
      g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);
      tell_guest (vm, "cut-write", NULL);
    }
  import_begin (&good, vm, "/tree");
  import_assert_good (&good);
  g_assert_true (has_tree (vm, "/tree"));
}

/* -- several at once -- */

/* How many unpackings there were at once, by the records that each makes and removes. */
static guint
count_most_at_once (int fd)
{
  char events[65536] __attribute__ ((aligned (__alignof__(struct inotify_event))));
  gssize n = read (fd, events, sizeof events);
  guint now = 0, most = 0;

  g_assert_cmpint (n, >, 0);
  for (char *at = events; at < events + n;
       at += sizeof (struct inotify_event) + ((struct inotify_event *) at)->len)
    {
      const struct inotify_event *event = (struct inotify_event *) at;

      now += (event->mask & IN_CREATE) != 0;
      now -= (event->mask & IN_DELETE) != 0;
      most = MAX (most, now);
    }
  g_assert_cmpuint (now, ==, 0);
  return most;
}

/* LESSONS 2: of three imports at once never more than one is in flight. */
static void
test_one_at_a_time (Fixture *fixture, gconstpointer data)
{
  static const char *const paths[] = { "/one", "/two", "/three" };
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *records = in_guest (vm, "var/lib/vmd/staging");
  vmd_autofd int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  VmdJob *jobs[3];
  Import imports[3] = { { .source_fd = -1 }, { .source_fd = -1 }, { .source_fd = -1 } };

  if (fd < 0)
    {
      g_test_skip ("all of this user's watches are in use");
      return;
    }
  g_assert_cmpint (g_mkdir_with_parents (records, 0700), ==, 0);
  g_assert_cmpint (inotify_add_watch (fd, records, IN_CREATE | IN_DELETE), >=, 0);
  tell_guest (vm, "stall-write", STALL_AT);
  for (guint i = 0; i < G_N_ELEMENTS (imports); i++)
    {
      jobs[i] = vmd_manager_begin_job (fixture->manager, "import", "vm", NULL, NULL, NULL);
      imports[i].call.job = jobs[i];
      import_begin (&imports[i], vm, paths[i]);
      if (i == 0)
        wait_until_stalled (vm);
      else
        wait_for_phase (jobs[i], "waiting for the workspace lock");
    }
  g_assert_cmpstr (vmd_job_get_phase (jobs[0]), ==, "sending");
  tell_guest (vm, "stall-write", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (imports); i++)
    {
      import_assert_good (&imports[i]);
      g_assert_true (has_tree (vm, paths[i]));
      g_object_unref (jobs[i]);
    }
  g_assert_cmpuint (count_most_at_once (fd), ==, 1);
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 3);
}

/* Those that wait for their turn end with the VM too, and can be cancelled. */
static void
test_waiting_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdJob) cancelled_job =
      vmd_manager_begin_job (fixture->manager, "import", "vm", NULL, NULL, NULL);
  g_autoptr (VmdJob) waiting_job =
      vmd_manager_begin_job (fixture->manager, "import", "vm", NULL, NULL, NULL);
  Import stalled = { .source_fd = -1 };
  Import cancelled = { .call.job = cancelled_job, .source_fd = -1 };
  Import waiting = { .call.job = waiting_job, .source_fd = -1 };
  g_autoptr (GError) error = NULL;

  tell_guest (vm, "stall-write", STALL_AT);
  import_begin (&stalled, vm, "/one");
  wait_until_stalled (vm);
  import_begin (&cancelled, vm, "/two");
  import_begin (&waiting, vm, "/three");
  wait_for_phase (cancelled_job, "waiting for the workspace lock");
  wait_for_phase (waiting_job, "waiting for the workspace lock");
  vmd_job_cancel (cancelled_job);
  import_assert_failed (&cancelled, VMD_ERROR_CANCELLED);
  vmd_vm_kill (vm, NULL, NULL, &error);
  g_assert_no_error (error);
  import_assert_failed (&stalled, VMD_ERROR_VM_STOPPED);
  import_assert_failed (&waiting, VMD_ERROR_VM_STOPPED);
}

typedef struct
{
  VmdWorkspace *workspace;
  GError *error;
  gboolean done;
} Outcome;

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Outcome *outcome = data;

  outcome->workspace = vmd_workspace_prepare_finish (VMD_VM (source), result, &outcome->error);
  outcome->done = TRUE;
}

static void
test_async (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Outcome good = { NULL }, cancelled = { NULL };

  vmd_workspace_prepare_async (vm, "/tree", serve_repository (), "full-copy", FALSE, NULL, NULL,
                               NULL, prepared_cb, &good);
  g_cancellable_cancel (cancellable);
  vmd_workspace_prepare_async (vm, "/other", serve_repository (), "full-copy", FALSE, NULL, NULL,
                               cancellable, prepared_cb, &cancelled);
  while (!good.done || !cancelled.done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (good.error);
  g_assert_true (has_tree (vm, "/tree"));
  g_clear_object (&good.workspace);
  assert_vmd_error (cancelled.error, VMD_ERROR_CANCELLED);
  g_clear_error (&cancelled.error);
  assert_guest_clean (vm, "/other");
}

/* -- the store fails, or the guest does just after it -- */

#ifdef VMD_FAULT_POINTS
static void
test_fault (Fixture *fixture, gconstpointer data)
{
  const char *point = data;
  g_autofree char *armed = g_strdup_printf ("%s:1", point);
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *mark = in_guest (vm, "/tree/mark");
  g_autoptr (VmdWorkspace) before = NULL;
  g_autoptr (VmdWorkspace) after = NULL;
  Import fresh = { .source_fd = -1 }, good = { .source_fd = -1 };
  Import over = { .source_fd = -1, .replace = TRUE };

  vmd_fault_arm (armed);
  import_begin (&fresh, vm, "/tree");
  import_assert_failed (&fresh, VMD_ERROR_FAILED);
  assert_guest_clean (vm, "/tree");
  g_assert_cmpuint (count_workspaces (fixture->manager), ==, 0);

  vmd_fault_arm (NULL);
  import_begin (&good, vm, "/tree");
  import_assert_good (&good);
  g_assert_true (g_file_set_contents (mark, "", 0, NULL));
  before = vmd_manager_lookup_workspace (fixture->manager, vmd_vm_get_id (vm), "/tree");
  vmd_fault_arm (armed);
  import_begin (&over, vm, "/tree");
  import_assert_failed (&over, VMD_ERROR_FAILED);
  vmd_fault_arm (NULL);
  g_assert_true (g_file_test (mark, G_FILE_TEST_EXISTS));
  assert_no_staging (vm);
  after = vmd_manager_lookup_workspace (fixture->manager, vmd_vm_get_id (vm), "/tree");
  g_assert_cmpint (vmd_workspace_get_imported (after), ==, vmd_workspace_get_imported (before));
}
#endif

int
main (int argc, char **argv)
{
  int status;

  import_support_begin ();
  handles_test_init (&argc, &argv);
  add_test ("/workspace/import", test_import);
  add_test ("/workspace/replace", test_replace);
  add_test ("/workspace/bad-input", test_bad_input);
  add_test ("/workspace/bad-source", test_bad_source);
  add_test ("/workspace/lock", test_lock);
  add_test ("/workspace/unreachable", test_unreachable);
  add_test ("/workspace/cut", test_cut);
  add_test ("/workspace/one-at-a-time", test_one_at_a_time);
  add_test ("/workspace/waiting-ends", test_waiting_ends);
  add_test ("/workspace/async", test_async);
#ifdef VMD_FAULT_POINTS
  add_test_with ("/workspace/fault/record", "workspace-record", test_fault);
  add_test_with ("/workspace/fault/keep", "workspace-keep", test_fault);
  add_test_with ("/workspace/fault/committed", "store-committed", test_fault);
#endif
  status = handles_test_run ();
  import_support_end ();
  return status;
}
