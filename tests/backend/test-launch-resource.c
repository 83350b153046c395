/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The removal of what was recorded, and the script of the fake hypervisor. */

#include "backend-fixture.h"

#include "backend/vmd-fake-script-private.h"
#include "backend/vmd-launch-resource-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
assert_removed (const char *kind, const char *name)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      vmd_launch_resource_remove (kind, name, &error);
      g_assert_no_error (error);
    }
  g_assert_false (g_file_test (name, G_FILE_TEST_EXISTS));
}

static void
test_files (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autofree char *file = g_build_filename (fixture->vm_dir, "file", NULL);
  g_autofree char *below = g_build_filename (file, "below", NULL);
  g_autofree char *inner = g_build_filename (fixture->runtime_dir, "inner", NULL);

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_assert_true (g_file_set_contents (inner, "", 0, NULL));
  assert_removed ("file", below);
  assert_removed ("file", file);
  assert_removed ("socket", file);
  assert_removed ("directory", fixture->runtime_dir);
}

static void
test_refused (void)
{
  static const char *const names[] = {
    "", "1", "x 1", "x 1 2 3", "x 0 1", "x -1 1", "x 99999999999 1", "x 1 y"
  };
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_launch_resource_remove ("tap", "tap0", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_false (vmd_launch_resource_remove ("process", names[i], &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_STORE);
      g_clear_error (&error);
    }
  g_assert_false (vmd_launch_resource_remove ("file", "/proc/1/stat", &error));
  g_assert_nonnull (error);
}

/* A process is ended only if it is the very one (LESSONS 14). */
static void
test_process (void)
{
  pid_t pid = fork ();
  g_autofree char *name = NULL;
  g_autofree char *other_name = NULL;
  VmdProcessId process, other;
  int status = 0;

  if (pid == 0)
    for (;;)
      pause ();
  g_assert_true (vmd_process_id_read (pid, &process));
  other = process;
  other.start_time++;
  name = vmd_launch_resource_dup_process_name (&process);
  other_name = vmd_launch_resource_dup_process_name (&other);
  assert_removed ("process", other_name);
  g_assert_true (vmd_process_id_is_alive (&process));
  g_assert_true (vmd_launch_resource_remove ("process", name, NULL));
  g_assert_false (vmd_process_id_is_alive (&process));
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
  assert_removed ("process", name);
}

static void
assert_order (const char *script, const char *step, VmdFakeAction action, guint number)
{
  g_auto (VmdFakeOrder) order = { 0 };

  vmd_fake_script_parse (script, step, "web", &order);
  g_assert_cmpint (order.action, ==, action);
  g_assert_cmpuint (order.number, ==, number);
}

static void
test_script (void)
{
  const char *script = "# comment\n\nready delay 1000\nready@web hang\noff@db die 3\nsync fail\n"
                       "launch delay 1\nlaunch delay 2\n";

  assert_order (script, "ready", VMD_FAKE_HANG, 0);
  assert_order (script, "off", VMD_FAKE_GO_ON, 0);
  assert_order (script, "sync", VMD_FAKE_FAIL, 0);
  assert_order (script, "launch", VMD_FAKE_DELAY, 2);
  assert_order (script, "laun", VMD_FAKE_GO_ON, 0);
  assert_order ("", "launch", VMD_FAKE_GO_ON, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/launch-resource/files", test_files);
  g_test_add_func ("/launch-resource/refused", test_refused);
  g_test_add_func ("/launch-resource/process", test_process);
  g_test_add_func ("/fake-script/parse", test_script);

  return g_test_run ();
}
