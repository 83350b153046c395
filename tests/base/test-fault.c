/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static gboolean
pass (const char *name)
{
  g_autoptr (GError) error = NULL;
  gboolean passed = vmd_fault_point (name, &error);

  if (passed)
    {
      g_assert_no_error (error);
      return TRUE;
    }
  g_assert_error (error, VMD_ERROR, VMD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, name));
  return FALSE;
}

static void
test_nth (void)
{
  vmd_fault_arm ("write:3");
  g_assert_true (pass ("write"));
  g_assert_true (pass ("read"));
  g_assert_true (pass ("write"));
  g_assert_false (pass ("write"));
  g_assert_true (pass ("write"));
  g_assert_cmpuint (vmd_fault_count (), ==, 5);
}

static void
test_from_nth_on (void)
{
  vmd_fault_arm ("write:2+:fail");
  g_assert_true (pass ("write"));
  for (guint i = 0; i < 5; i++)
    g_assert_false (pass ("write"));
  g_assert_true (pass ("read"));
}

static void
test_pattern (void)
{
  vmd_fault_arm ("store-*:2");
  g_assert_true (pass ("store-begin"));
  g_assert_true (pass ("start-begin"));
  g_assert_false (pass ("store-commit"));
  vmd_fault_arm ("*:1+");
  g_assert_false (pass ("anything"));
}

static void
test_disarmed (void)
{
  vmd_fault_arm ("write");
  g_assert_false (pass ("write"));
  vmd_fault_arm (NULL);
  g_assert_true (pass ("write"));
  g_assert_cmpuint (vmd_fault_count (), ==, 1);
  vmd_fault_arm ("");
  g_assert_true (pass ("write"));
}

static int
run_in_child (const char *specification, int wait_flags)
{
  pid_t child = fork ();
  int status;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      vmd_fault_arm (specification);
      _exit (vmd_fault_point ("write", NULL) ? 3 : 4);
    }
  g_assert_cmpint (waitpid (child, &status, wait_flags), ==, child);
  if (WIFSTOPPED (status))
    {
      int ignored;

      kill (child, SIGKILL);
      g_assert_cmpint (waitpid (child, &ignored, 0), ==, child);
    }
  return status;
}

static void
test_actions (void)
{
  int status = run_in_child ("write:1:kill", 0);

  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  status = run_in_child ("write:1:stop", WUNTRACED);
  g_assert_true (WIFSTOPPED (status) && WSTOPSIG (status) == SIGSTOP);
  status = run_in_child ("write:2:kill", 0);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 3);
  status = run_in_child ("write:1:fail", 0);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 4);
}

static void
test_log (void)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "vmd-fault-XXXXXX", NULL);
  g_autofree char *text = NULL;
  int fd = g_mkstemp (path);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  vmd_fault_arm (NULL);
  g_setenv ("VMD_FAULT_LOG", path, TRUE);
  pass ("one");
  pass ("two");
  pass ("one");
  g_unsetenv ("VMD_FAULT_LOG");
  pass ("three");
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "one\ntwo\none\n");
  g_assert_no_errno (g_unlink (path));
}

/* What the environment says counts from the first point on: this program again, with it set. */
static void
test_environment (void)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;

  g_subprocess_launcher_setenv (launcher, "VMD_FAULT", "write:2", TRUE);
  process = g_subprocess_launcher_spawn (launcher, &error, self, "--pass", NULL);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 2);
}

static int
count_passages (void)
{
  int n = 1;

  while (vmd_fault_point ("write", NULL) && n < 10)
    n++;
  return n;
}

int
main (int argc, char **argv)
{
  if (argc == 2 && g_str_equal (argv[1], "--pass"))
    return count_passages ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fault/nth", test_nth);
  g_test_add_func ("/fault/from-nth-on", test_from_nth_on);
  g_test_add_func ("/fault/pattern", test_pattern);
  g_test_add_func ("/fault/disarmed", test_disarmed);
  g_test_add_func ("/fault/actions", test_actions);
  g_test_add_func ("/fault/log", test_log);
  g_test_add_func ("/fault/environment", test_environment);
  return g_test_run ();
}
