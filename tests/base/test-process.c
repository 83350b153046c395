/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "base/vmd-process-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that does nothing until it is killed, or its parent is gone. */
static pid_t
start_child (const char *name)
{
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child != 0)
    return child;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (name != NULL)
    prctl (PR_SET_NAME, name);
  for (;;)
    pause ();
}

static void
end_child (pid_t child)
{
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
}

static void
test_self (void)
{
  VmdProcessId self, again;

  vmd_process_id_self (&self);
  g_assert_cmpint (self.pid, ==, getpid ());
  g_assert_cmpuint (strlen (self.boot_id), ==, 36);
  g_assert_cmpuint (self.start_time, >, 0);
  g_assert_true (vmd_process_id_read (getpid (), &again));
  g_assert_true (vmd_process_id_equal (&self, &again));
  g_assert_true (vmd_process_id_is_alive (&self));
}

static void
test_nobody (void)
{
  VmdProcessId id = { .pid = 42 };
  VmdProcessId none = { 0 };

  g_assert_false (vmd_process_id_read (0, &id));
  g_assert_false (vmd_process_id_read (-1, &id));
  g_assert_false (vmd_process_id_read (G_MAXINT, &id));
  g_assert_cmpint (id.pid, ==, 42);
  g_assert_false (vmd_process_id_is_alive (&none));
  g_assert_cmpint (vmd_process_id_open (&none), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH);
  g_assert_true (vmd_process_id_kill (&none, SIGKILL, NULL));
}

/* Field 2 of stat is a name that a program chooses. */
static void
test_odd_names (void)
{
  const char *const names[] = { "a) Z 1 (b", "))))", "( ", "x y z", "a)\nR 1" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      pid_t child = start_child (names[i]);
      VmdProcessId id;

      g_assert_true (vmd_process_id_read (child, &id));
      g_assert_cmpint (id.pid, ==, child);
      g_assert_cmpuint (id.start_time, >, 0);
      end_child (child);
    }
}

/* LESSONS 14: another process has the pid now. */
static void
test_lesson_14_pid_reused (void)
{
  pid_t child = start_child (NULL);
  VmdProcessId id, earlier, other_boot;
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_process_id_read (child, &id));
  earlier = other_boot = id;
  earlier.start_time--;
  other_boot.boot_id[0] ^= 1;
  g_assert_true (vmd_process_id_is_alive (&id));
  g_assert_false (vmd_process_id_is_alive (&earlier));
  g_assert_false (vmd_process_id_is_alive (&other_boot));
  g_assert_false (vmd_process_id_equal (&id, &earlier));
  g_assert_false (vmd_process_id_equal (&id, &other_boot));
  g_assert_cmpint (vmd_process_id_open (&earlier), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH);
  /* It counts as gone, and whoever has its pid is left alone. */
  g_assert_true (vmd_process_id_kill (&earlier, SIGKILL, &error));
  g_assert_no_error (error);
  g_assert_true (vmd_process_id_kill (&other_boot, SIGKILL, &error));
  g_assert_true (vmd_process_id_is_alive (&id));
  end_child (child);
}

static gpointer
wait_for_end (gpointer data)
{
  int *pipe_fds = data;
  pid_t id = gettid ();
  char byte;

  g_assert_cmpint (write (pipe_fds[1], &id, sizeof id), ==, sizeof id);
  g_assert_cmpint (read (pipe_fds[2], &byte, 1), ==, 0);
  return NULL;
}

/* The number is a thread's now, which pidfd_open() refuses in a way of its own. */
static void
test_pid_is_a_thread_now (void)
{
  int fds[4];
  g_autoptr (GError) error = NULL;
  VmdProcessId id;
  GThread *thread;
  pid_t number;

  g_assert_no_errno (pipe (fds));
  g_assert_no_errno (pipe (fds + 2));
  vmd_process_id_self (&id);
  thread = g_thread_new ("other", wait_for_end, fds);
  g_assert_cmpint (read (fds[0], &number, sizeof number), ==, sizeof number);
  id.pid = number;
  id.start_time = 1;
  g_assert_cmpint (vmd_process_id_open (&id), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH);
  g_assert_true (vmd_process_id_kill (&id, SIGKILL, &error));
  g_assert_no_error (error);
  close (fds[3]);
  g_thread_join (thread);
  for (guint i = 0; i < 3; i++)
    close (fds[i]);
}

static void
wait_until_ended (pid_t child)
{
  siginfo_t end;

  g_assert_no_errno (waitid (P_PID, (id_t) child, &end, WEXITED | WNOWAIT));
}

static void
test_zombie (void)
{
  pid_t child = start_child (NULL);
  VmdProcessId id, now;
  int status;

  g_assert_true (vmd_process_id_read (child, &id));
  g_assert_false (vmd_process_id_reap (&id, &status));
  g_assert_true (vmd_process_id_kill (&id, SIGTERM, NULL));
  wait_until_ended (child);
  g_assert_false (vmd_process_id_is_alive (&id));
  g_assert_false (vmd_process_id_read (child, &now));
  g_assert_true (vmd_process_id_kill (&id, SIGKILL, NULL));
  g_assert_true (vmd_process_id_reap (&id, &status));
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGTERM);
  g_assert_false (vmd_process_id_reap (&id, &status));
  g_assert_true (vmd_process_id_kill (&id, SIGKILL, NULL));
}

static void
test_reap_exit_status (void)
{
  int fds[2], status = 0;
  VmdProcessId id;
  pid_t child;
  char byte;

  g_assert_no_errno (pipe (fds));
  child = fork ();
  if (child == 0)
    {
      close (fds[1]);
      _exit (read (fds[0], &byte, 1) == 0 ? 7 : 1);
    }
  g_assert_true (vmd_process_id_read (child, &id));
  close (fds[1]);
  wait_until_ended (child);
  g_assert_true (vmd_process_id_reap (&id, &status));
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 7);
  close (fds[0]);
}

static void
test_descriptor (void)
{
  pid_t child = start_child (NULL);
  struct pollfd wait = { .events = POLLIN };
  g_autoptr (GError) error = NULL;
  VmdProcessId id;

  g_assert_true (vmd_process_id_read (child, &id));
  wait.fd = vmd_process_id_open (&id);
  g_assert_cmpint (wait.fd, >=, 0);
  g_assert_false (vmd_poll (&wait, 1, NULL, 0, "it lives", NULL));
  g_assert_true (vmd_process_id_kill (&id, SIGKILL, &error));
  g_assert_no_error (error);
  g_assert_true (vmd_poll (&wait, 1, NULL, vmd_deadline_in (60000), "it ends", &error));
  g_assert_no_error (error);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  close (wait.fd);
}

/* Who we are is known also when nothing can be opened any more. */
static void
test_self_without_descriptors (void)
{
  struct rlimit limit, none;
  VmdProcessId before, now;

  vmd_process_id_self (&before);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  none = limit;
  none.rlim_cur = 0;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  vmd_process_id_self (&now);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_true (vmd_process_id_equal (&before, &now));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process/self", test_self);
  g_test_add_func ("/process/self-without-descriptors", test_self_without_descriptors);
  g_test_add_func ("/process/nobody", test_nobody);
  g_test_add_func ("/process/odd-names", test_odd_names);
  g_test_add_func ("/process/lesson-14-pid-reused", test_lesson_14_pid_reused);
  g_test_add_func ("/process/pid-is-a-thread-now", test_pid_is_a_thread_now);
  g_test_add_func ("/process/zombie", test_zombie);
  g_test_add_func ("/process/reap-exit-status", test_reap_exit_status);
  g_test_add_func ("/process/descriptor", test_descriptor);
  return g_test_run ();
}
