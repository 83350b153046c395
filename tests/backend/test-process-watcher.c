/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Both process watchers. */

#include "backend-fixture.h"

#include "backend/vmd-left-child-private.h"
#include "backend/vmd-process-watcher-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 1000

/* What callbacks told. */
typedef struct
{
  GMutex mutex;
  GCond cond;
  guint n_exited; /* these under mutex */
  guint n_destroyed;
  int wait_status;
  VmdProcessWatcher *watcher; /* (nullable): let go by a destroy */
} Told;

static void
told_init (Told *told)
{
  *told = (Told){ .wait_status = -2 };
  g_mutex_init (&told->mutex);
  g_cond_init (&told->cond);
}

static void
exited_cb (const VmdProcessId *process, int wait_status, gpointer data)
{
  Told *told = data;

  g_mutex_lock (&told->mutex);
  told->n_exited++;
  told->wait_status = wait_status;
  g_mutex_unlock (&told->mutex);
}

static void
destroyed_cb (gpointer data)
{
  Told *told = data;

  g_clear_object (&told->watcher);
  g_mutex_lock (&told->mutex);
  told->n_destroyed++;
  g_cond_broadcast (&told->cond);
  g_mutex_unlock (&told->mutex);
}

static void
wait_destroyed (Told *told, guint n)
{
  gint64 hang = g_get_monotonic_time () + (gint64) HANG_MILLISECONDS * 1000;

  g_mutex_lock (&told->mutex);
  while (told->n_destroyed < n)
    g_assert_true (g_cond_wait_until (&told->cond, &told->mutex, hang));
  g_mutex_unlock (&told->mutex);
}

/* A child that waits to be killed. */
static pid_t
fork_child (VmdProcessId *process)
{
  pid_t pid = fork ();

  if (pid == 0)
    for (;;)
      pause ();
  g_assert_true (vmd_process_id_read (pid, process));

  return pid;
}

static void
reap (pid_t pid)
{
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

static VmdProcessWatcher *
new_watcher (void)
{
  g_autoptr (GError) error = NULL;
  VmdProcessWatcher *watcher = vmd_pidfd_watcher_new (&error);

  g_assert_no_error (error);

  return watcher;
}

/* A child of the test's own is told of and left to it; one that was launched and left is reaped. */
static void
test_exit (gconstpointer is_left)
{
  g_autoptr (VmdProcessWatcher) watcher = new_watcher ();
  VmdProcessId process;
  pid_t pid = fork_child (&process);
  Told told;

  told_init (&told);
  if (is_left)
    vmd_left_child_add (&process);
  g_assert_cmpuint (vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb),
                    !=, 0);
  kill (pid, SIGTERM);
  wait_destroyed (&told, 1);
  g_assert_cmpuint (told.n_exited, ==, 1);
  if (is_left)
    {
      g_assert_true (WIFSIGNALED (told.wait_status));
      g_assert_cmpint (WTERMSIG (told.wait_status), ==, SIGTERM);
      g_assert_cmpint (waitpid (pid, NULL, WNOHANG), <, 0);
    }
  else
    {
      g_assert_cmpint (told.wait_status, ==, -1);
      reap (pid);
    }
}

/* Dead before it is watched: as a zombie, and gone altogether (LESSONS 14). */
static void
test_already_dead (void)
{
  g_autoptr (VmdProcessWatcher) watcher = new_watcher ();
  VmdProcessId process;
  pid_t pid = fork_child (&process);
  siginfo_t end;
  Told told;

  told_init (&told);
  kill (pid, SIGKILL);
  g_assert_cmpint (waitid (P_PID, (id_t) pid, &end, WEXITED | WNOWAIT), ==, 0);
  vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  wait_destroyed (&told, 1);
  reap (pid);
  vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  wait_destroyed (&told, 2);
  /* The pid lives, but as another process. */
  vmd_process_id_self (&process);
  process.start_time--;
  vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  wait_destroyed (&told, 3);
  g_assert_cmpuint (told.n_exited, ==, 3);
}

static void
test_unwatch (void)
{
  g_autoptr (VmdProcessWatcher) watcher = new_watcher ();
  VmdProcessId process;
  pid_t pid = fork_child (&process);
  Told told, other;
  guint64 id;

  told_init (&told);
  told_init (&other);
  id = vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  vmd_process_watcher_watch (watcher, &process, exited_cb, &other, destroyed_cb);
  vmd_process_watcher_unwatch (watcher, id);
  g_assert_cmpuint (told.n_destroyed, ==, 1);
  kill (pid, SIGKILL);
  wait_destroyed (&other, 1);
  vmd_process_watcher_unwatch (watcher, id);
  g_assert_cmpuint (told.n_exited, ==, 0);
  g_assert_cmpuint (told.n_destroyed, ==, 1);
  reap (pid);
}

/* The process dies while it is unwatched: whichever is first, after the unwatch nothing comes. */
static void
test_unwatch_race (void)
{
  g_autoptr (VmdProcessWatcher) watcher = new_watcher ();

  for (guint i = 0; i < 300; i++)
    {
      VmdProcessId process;
      pid_t pid = fork_child (&process);
      guint n_exited;
      Told told;
      guint64 id;

      told_init (&told);
      id = vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
      kill (pid, SIGKILL);
      vmd_process_watcher_unwatch (watcher, id);
      g_assert_cmpuint (told.n_destroyed, ==, 1);
      n_exited = told.n_exited;
      g_assert_cmpuint (n_exited, <=, 1);
      reap (pid);
    }
}

static void
test_many (void)
{
  g_autoptr (VmdProcessWatcher) watcher = NULL;
  struct rlimit limit;
  guint descriptors;
  pid_t pids[MANY];
  Told told;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < MANY + 100)
    {
      g_test_skip ("too few descriptors are allowed");
      return;
    }
  told_init (&told);
  watcher = new_watcher ();
  descriptors = count_descriptors ();
  for (guint i = 0; i < MANY; i++)
    {
      VmdProcessId process;

      pids[i] = fork_child (&process);
      vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
    }
  for (guint i = 0; i < MANY; i++)
    kill (pids[i], SIGKILL);
  wait_destroyed (&told, MANY);
  g_assert_cmpuint (told.n_exited, ==, MANY);
  for (guint i = 0; i < MANY; i++)
    reap (pids[i]);
  g_assert_cmpuint (count_descriptors (), ==, descriptors);
}

/* No descriptor is left to watch with: it is watched when there is one. */
static void
test_no_descriptors (void)
{
  g_autoptr (VmdProcessWatcher) watcher = new_watcher ();
  VmdProcessId process;
  pid_t pid = fork_child (&process);
  struct rlimit before, none;
  Told told;

  told_init (&told);
  g_assert_true (vmd_process_id_is_alive (&process));
  getrlimit (RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = 3;
  setrlimit (RLIMIT_NOFILE, &none);
  /* Nobody takes it for dead meanwhile. */
  g_assert_true (vmd_process_id_is_alive (&process));
  g_assert_cmpint (vmd_process_id_open (&process), <, 0);
  g_assert_cmpint (errno, ==, EMFILE);
  vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  kill (pid, SIGKILL);
  setrlimit (RLIMIT_NOFILE, &before);
  wait_destroyed (&told, 1);
  g_assert_cmpuint (told.n_exited, ==, 1);
  reap (pid);
}

/* The last reference goes with a callback's data, on the watcher's own thread. */
static void
test_last_reference (void)
{
  VmdProcessWatcher *watcher = new_watcher ();
  VmdProcessId process;
  pid_t pid = fork_child (&process);
  Told told;

  told_init (&told);
  told.watcher = watcher;
  vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  kill (pid, SIGKILL);
  wait_destroyed (&told, 1);
  g_assert_cmpuint (told.n_exited, ==, 1);
  reap (pid);
}

/* What is still watched at the end is dropped without a call. */
static void
test_dropped (void)
{
  VmdProcessWatcher *watcher = new_watcher ();
  VmdProcessId process;
  pid_t pid = fork_child (&process);
  Told told;

  told_init (&told);
  vmd_process_watcher_watch (watcher, &process, exited_cb, &told, destroyed_cb);
  g_object_unref (watcher);
  g_assert_cmpuint (told.n_destroyed, ==, 1);
  g_assert_cmpuint (told.n_exited, ==, 0);
  kill (pid, SIGKILL);
  reap (pid);
}

static void
test_fake (void)
{
  g_autoptr (VmdProcessWatcher) watcher = vmd_fake_watcher_new ();
  VmdProcessId one = { .pid = 1001 };
  VmdProcessId two = { .pid = 1002 };
  Told told, other;
  guint64 id;

  told_init (&told);
  told_init (&other);
  vmd_process_watcher_watch (watcher, &one, exited_cb, &told, destroyed_cb);
  vmd_process_watcher_watch (watcher, &one, exited_cb, &told, destroyed_cb);
  id = vmd_process_watcher_watch (watcher, &two, exited_cb, &other, destroyed_cb);
  vmd_fake_watcher_exit (watcher, 1001, W_EXITCODE (3, 0));
  g_assert_cmpuint (told.n_exited, ==, 2);
  g_assert_cmpuint (told.n_destroyed, ==, 2);
  g_assert_cmpint (WEXITSTATUS (told.wait_status), ==, 3);
  g_assert_cmpuint (other.n_exited, ==, 0);
  vmd_process_watcher_unwatch (watcher, id);
  vmd_fake_watcher_exit (watcher, 1002, 0);
  g_assert_cmpuint (other.n_exited, ==, 0);
  g_assert_cmpuint (other.n_destroyed, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/process-watcher/exit", NULL, test_exit);
  g_test_add_data_func ("/process-watcher/exit-of-one-left", "left", test_exit);
  g_test_add_func ("/process-watcher/already-dead", test_already_dead);
  g_test_add_func ("/process-watcher/unwatch", test_unwatch);
  g_test_add_func ("/process-watcher/unwatch-race", test_unwatch_race);
  g_test_add_func ("/process-watcher/many", test_many);
  g_test_add_func ("/process-watcher/no-descriptors", test_no_descriptors);
  g_test_add_func ("/process-watcher/last-reference", test_last_reference);
  g_test_add_func ("/process-watcher/dropped", test_dropped);
  g_test_add_func ("/process-watcher/fake", test_fake);

  return g_test_run ();
}
