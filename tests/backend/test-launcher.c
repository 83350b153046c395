/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The launcher: what a program inherits, and that none is left over when vmd dies between the fork
 * and the commit of its row (LESSONS 41b, 41d). This program is also the one that is launched
 * (--report), and the vmd that dies (--drive). */

#include "backend-fixture.h"

#include "backend/vmd-launcher-private.h"
#include "base/vmd-fault-private.h"
#include "base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self_path;

/* What the launched program finds. */
static int
report (void)
{
  g_autofree char *directory = g_get_current_dir ();
  g_autofree char *input = g_file_read_link ("/proc/self/fd/0", NULL);
  struct sigaction pipe_action;
  sigset_t blocked;
  int n_blocked = 0;

  sigprocmask (SIG_BLOCK, NULL, &blocked);
  for (int signal = 1; signal < NSIG; signal++)
    n_blocked += sigismember (&blocked, signal) == 1;
  sigaction (SIGPIPE, NULL, &pipe_action);
  g_print ("descriptors");
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      g_print (" %d", fd);
  g_print ("\nleads its session: %d\n", getsid (0) == getpid ());
  g_print ("umask: %03o\n", (guint) umask (0));
  g_print ("blocked signals: %d\n", n_blocked);
  g_print ("ignores SIGPIPE: %d\n", pipe_action.sa_handler == SIG_IGN);
  g_print ("directory: %s\n", directory);
  g_print ("input: %s\n", input);

  return 7;
}

static VmdLauncher *
hold (const char *const *argv, const char *log, const int *fds, guint n_fds)
{
  const VmdLauncherSpec spec = { .argv = argv, .log = log, .fds = fds, .n_fds = n_fds };
  g_autoptr (GError) error = NULL;
  VmdLauncher *launcher = vmd_launcher_hold (&spec, &error);

  g_assert_no_error (error);

  return launcher;
}

static void
wait_ended (VmdLauncher *launcher)
{
  struct pollfd ended = { .fd = vmd_launcher_get_pidfd (launcher), .events = POLLIN };
  g_autoptr (GError) error = NULL;

  vmd_poll (&ended, 1, NULL, vmd_deadline_in (HANG_MILLISECONDS), "it ends", &error);
  g_assert_no_error (error);
}

static gpointer
idle_thread (gpointer data)
{
  vmd_poll (NULL, 0, data, VMD_NO_DEADLINE, "the test runs", NULL);

  return NULL;
}

static void
test_inherited (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autofree char *log = g_build_filename (fixture->vm_dir, "log", NULL);
  const char *const argv[] = { self_path, "--report", NULL };
  g_autoptr (GCancellable) done = g_cancellable_new ();
  GThread *thread = g_thread_new ("idle", idle_thread, done);
  g_autoptr (VmdLauncher) launcher = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  vmd_autofd int inheritable = open ("/dev/null", O_RDONLY);
  vmd_autofd int high = fcntl (inheritable, F_DUPFD, 200);
  const int fds[] = { high, inheritable };

  signal (SIGPIPE, SIG_IGN);
  launcher = hold (argv, log, fds, G_N_ELEMENTS (fds));
  g_assert_true (vmd_process_id_is_alive (vmd_launcher_get_process (launcher)));
  vmd_launcher_release (launcher, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  wait_ended (launcher);
  signal (SIGPIPE, SIG_DFL);
  g_cancellable_cancel (done);
  g_thread_join (thread);

  g_assert_false (vmd_launcher_check (launcher, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BACKEND);
  g_assert_nonnull (strstr (error->message, "ended with exit status 7: "));
  g_assert_nonnull (strstr (error->message, "input: /dev/null"));
  g_file_get_contents (log, &text, NULL, NULL);
  g_assert_cmpstr (text, ==,
                   "descriptors 0 1 2 3 4\n"
                   "leads its session: 1\n"
                   "umask: 077\n"
                   "blocked signals: 0\n"
                   "ignores SIGPIPE: 0\n"
                   "directory: /\n"
                   "input: /dev/null\n");
}

/* One that is not released never runs, and is gone with its launcher. */
static void
test_held (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autofree char *log = g_build_filename (fixture->vm_dir, "log", NULL);
  const char *const argv[] = { self_path, "--report", NULL };
  VmdLauncher *launcher = hold (argv, log, NULL, 0);
  VmdProcessId process = *vmd_launcher_get_process (launcher);
  g_autofree char *text = NULL;

  g_assert_true (vmd_launcher_check (launcher, NULL));
  vmd_launcher_free (launcher);
  g_assert_cmpint (vmd_process_id_open (&process), <, 0);
  g_file_get_contents (log, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, "");
  g_assert_cmpuint (count_children (), ==, 0);
}

static void
test_killed_at_the_gate (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autofree char *log = g_build_filename (fixture->vm_dir, "log", NULL);
  const char *const argv[] = { self_path, "--report", NULL };
  g_autoptr (VmdLauncher) launcher = hold (argv, log, NULL, 0);
  g_autoptr (GError) error = NULL;

  kill (vmd_launcher_get_process (launcher)->pid, SIGKILL);
  wait_ended (launcher);
  g_assert_false (
      vmd_launcher_release (launcher, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BACKEND);
  g_assert_nonnull (strstr (error->message, "killed by signal 9"));
}

static void
test_no_program (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autofree char *log = g_build_filename (fixture->vm_dir, "log", NULL);
  const char *const argv[] = { "/nonexistent/program", NULL };
  g_autoptr (VmdLauncher) launcher = hold (argv, log, NULL, 0);
  g_autoptr (GError) error = NULL;

  g_assert_false (
      vmd_launcher_release (launcher, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "program"));
}

/* Siblings that wait at the same time have each other's gates only for a moment: each ends by
 * itself when the parent gives it up. */
static void
test_siblings (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  const char *const argv[] = { "/bin/true", NULL };
  VmdLauncher *launchers[16];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (launchers); i++)
    {
      g_autofree char *log = g_strdup_printf ("%s/log-%u", fixture->vm_dir, i);

      launchers[i] = hold (argv, log, NULL, 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (launchers); i += 2)
    vmd_launcher_release (launchers[i], NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (launchers); i++)
    vmd_launcher_free (launchers[i]);
  g_assert_cmpuint (count_children (), ==, 0);
}

/* Where the driver keeps its records; the file "committed" is there when the row is. */
static gboolean
record_resource (gpointer data, const char *kind, const char *name, GError **error)
{
  return TRUE;
}

static gboolean
record_process (gpointer data, const VmdProcessId *process, GError **error)
{
  BackendFixture *fixture = data;
  g_autofree char *path = g_build_filename (fixture->directory, "committed", NULL);
  g_autofree char *text = g_strdup_printf ("%d", (int) process->pid);

  if (g_getenv ("VMD_TEST_DIE_UNCOMMITTED") != NULL)
    kill (getpid (), SIGKILL);

  return g_file_set_contents (path, text, -1, error);
}

/* The vmd that dies: spawns below @directory. */
static int
drive (const char *directory)
{
  BackendFixture fixture = { .directory = (char *) directory };
  g_autofree char *vm_dir = g_build_filename (directory, "vm", NULL);
  g_autofree char *runtime_dir = g_build_filename (directory, "run", NULL);
  const VmdLaunchRecorder recorder = { record_resource, record_process, &fixture };
  const VmdLaunchPlan plan = { .vm_id = "0123456789abcdef0123456789abcdef",
                               .vm_name = "one",
                               .launch = 1,
                               .network = "none",
                               .vm_dir = vm_dir,
                               .runtime_dir = runtime_dir };
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdMachine) machine = vmd_backend_spawn (backend, &plan, &recorder, NULL,
                                                      vmd_deadline_in (HANG_MILLISECONDS), &error);

  g_assert_no_error (error);
  g_assert_nonnull (machine);

  return 0;
}

/* Runs the driver with one variable set; its wait status. */
static int
run_driver (BackendFixture *fixture, const char *variable, const char *value)
{
  pid_t pid = fork ();
  int status = -1;

  if (pid == 0)
    {
      setenv (variable, value, 1);
      execl (self_path, self_path, "--drive", fixture->directory, NULL);
      _exit (126);
    }
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;

  return status;
}

/* What the driver left is ours now, since we are the reaper of its kin. All of it must end by
 * itself, but for the one that is recorded. Returns whether one is. */
static gboolean
collect_orphans (BackendFixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->directory, "committed", NULL);
  g_autofree char *text = NULL;
  pid_t recorded = 0;

  if (g_file_get_contents (path, &text, NULL, NULL))
    recorded = atoi (text);
  /* Alive, or at its end: both are as they should be. */
  if (recorded > 0)
    kill (recorded, SIGKILL);
  alarm (HANG_MILLISECONDS / 1000);
  while (waitpid (-1, NULL, 0) > 0 || errno == EINTR)
    ;
  alarm (0);
  g_unlink (path);

  return recorded > 0;
}

static void
assert_killed (int status)
{
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
}

static void
test_lesson_41b (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();

  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  assert_killed (run_driver (fixture, "VMD_TEST_DIE_UNCOMMITTED", "1"));
  g_assert_false (collect_orphans (fixture));
}

#ifdef VMD_FAULT_POINTS
static void
test_lesson_41b_everywhere (void)
{
  guint n_before = 0;
  guint n_after = 0;
  int status = -1;

  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  for (guint n = 1; status != 0; n++)
    {
      g_autoptr (BackendFixture) fixture = backend_fixture_new ();
      g_autofree char *fault = g_strdup_printf ("launch-*:%u:kill", n);

      status = run_driver (fixture, "VMD_FAULT", fault);
      if (status != 0)
        assert_killed (status);
      if (collect_orphans (fixture))
        n_after++;
      else
        n_before++;
    }
  /* Points on both sides of the commit were hit; the last run is the one that none stopped. */
  g_assert_cmpuint (n_before, >, 1);
  g_assert_cmpuint (n_after, >, 2);
}
#endif

int
main (int argc, char **argv)
{
  self_path = realpath ("/proc/self/exe", NULL);
  if (argc == 2 && g_str_equal (argv[1], "--report"))
    return report ();
  if (argc == 3 && g_str_equal (argv[1], "--drive"))
    return drive (argv[2]);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/launcher/inherited", test_inherited);
  g_test_add_func ("/launcher/held", test_held);
  g_test_add_func ("/launcher/killed-at-the-gate", test_killed_at_the_gate);
  g_test_add_func ("/launcher/no-program", test_no_program);
  g_test_add_func ("/launcher/siblings", test_siblings);
  g_test_add_func ("/launcher/lesson-41b-dead-before-the-commit", test_lesson_41b);
#ifdef VMD_FAULT_POINTS
  g_test_add_func ("/launcher/lesson-41b-dead-anywhere", test_lesson_41b_everywhere);
#endif

  return g_test_run ();
}
