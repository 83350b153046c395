/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-program-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-process-private.h"
#include "base/vmd-state-dir-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE 60000

static gboolean
run_shell (const char *script, char **output, gint64 deadline, GError **error)
{
  const char *argv[] = { "/bin/sh", "-c", script, NULL };

  return vmd_program_run (argv, NULL, output, NULL, deadline, error);
}

static char *
get_output (const char *script)
{
  g_autoptr (GError) error = NULL;
  char *output = NULL;

  g_assert_true (run_shell (script, &output, vmd_deadline_in (MINUTE), &error));
  g_assert_no_error (error);
  g_assert_nonnull (output);
  return output;
}

static void
assert_fails (const char *script, VmdError code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;

  g_assert_false (run_shell (script, &output, vmd_deadline_in (MINUTE), &error));
  g_assert_error (error, VMD_ERROR, (int) code);
  g_assert_null (output);
  if (message != NULL)
    g_assert_cmpstr (error->message, ==, message);
}

static void
test_output (void)
{
  g_autofree char *text = get_output ("printf 'a\\nb'; echo noise >&2");
  g_autofree char *nothing = get_output ("exit 0");
  g_autofree char *much = get_output ("head -c 3000000 /dev/zero | tr '\\0' x");
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (text, ==, "a\nb");
  g_assert_cmpstr (nothing, ==, "");
  g_assert_cmpuint (strlen (much), ==, 3000000);
  g_assert_true (run_shell ("echo unwanted", NULL, vmd_deadline_in (MINUTE), &error));
  g_assert_no_error (error);
}

/* It asks nobody: no input, no terminal, a session of its own. */
static void
test_input (void)
{
  g_autofree char *input = get_output ("cat; readlink /proc/self/fd/0");
  g_autofree char *session =
      get_output ("test $(ps -o sid= -p $$) = $$ && (: </dev/tty) 2>/dev/null "
                  "|| echo none");
  g_autofree char *descriptors = get_output ("exec ls /proc/self/fd | wc -l");

  g_assert_cmpstr (input, ==, "/dev/null\n");
  g_assert_cmpstr (session, ==, "none\n");
  g_assert_cmpstr (g_strstrip (descriptors), ==, "4");
}

static void
test_directory (void)
{
  const char *argv[] = { "/bin/pwd", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;

  g_assert_true (vmd_program_run (argv, "/", &output, NULL, vmd_deadline_in (MINUTE), &error));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "/\n");
  g_assert_false (vmd_program_run (argv, "/nowhere", NULL, NULL, vmd_deadline_in (MINUTE), &error));
  g_assert_nonnull (error);
}

static void
test_failure (void)
{
  assert_fails ("exit 3", VMD_ERROR_FAILED, "sh failed with exit status 3");
  assert_fails ("echo partial; echo broken >&2; exit 1", VMD_ERROR_FAILED,
                "sh failed with exit status 1: broken");
  assert_fails ("kill -TERM $$", VMD_ERROR_FAILED, "sh was killed by signal 15");
  assert_fails ("printf '\\377\\n' >&2; exit 1", VMD_ERROR_FAILED,
                "sh failed with exit status 1: \357\277\275");
}

/* Of what it complained of, the end. */
static void
test_last_words (void)
{
  assert_fails ("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i >&2; done; exit 1",
                VMD_ERROR_FAILED,
                "sh failed with exit status 1: line 5; line 6; line 7; line 8; line 9; line 10; "
                "line 11; line 12");
  assert_fails ("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2; exit 1",
                VMD_ERROR_FAILED, NULL);
}

static void
test_missing (void)
{
  const char *argv[] = { "/nowhere/program", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_program_run (argv, NULL, NULL, NULL, vmd_deadline_in (MINUTE), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_MISSING_PROGRAM);
}

/* A FIFO that a script writes to when it is under way, and with what. */
typedef struct
{
  char *directory;
  char *path;
  int fd;
} Signpost;

static void
signpost_set_up (Signpost *self, gconstpointer data)
{
  self->directory = g_dir_make_tmp ("vmd-program-XXXXXX", NULL);
  self->path = g_build_filename (self->directory, "fifo", NULL);
  g_assert_no_errno (mkfifo (self->path, 0600));
  self->fd = open (self->path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (self->fd, >=, 0);
}

static void
signpost_tear_down (Signpost *self, gconstpointer data)
{
  close (self->fd);
  g_assert_true (vmd_remove_tree (self->directory, NULL));
  g_free (self->path);
  g_free (self->directory);
}

static pid_t
signpost_read (Signpost *self)
{
  char text[32] = "";
  gssize n = read (self->fd, text, sizeof text - 1);

  g_assert_cmpint (n, >, 0);
  return (pid_t) g_ascii_strtoll (text, NULL, 10);
}

/* A grandchild tells its pid, and both stay. */
static char *
make_lasting_script (Signpost *self)
{
  return g_strdup_printf ("sh -c 'echo $$ >%s; exec sleep 1000' & wait", self->path);
}

static void
wait_until_gone (pid_t pid)
{
  VmdProcessId id;

  while (vmd_process_id_read (pid, &id))
    g_thread_yield ();
}

typedef struct
{
  Signpost *signpost;
  GCancellable *cancellable;
  pid_t pid;
} Watch;

static gpointer
cancel_once_under_way (gpointer data)
{
  Watch *watch = data;

  watch->pid = signpost_read (watch->signpost);
  g_cancellable_cancel (watch->cancellable);
  return NULL;
}

static void
test_cancel (Signpost *self, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *script = make_lasting_script (self);
  const char *argv[] = { "/bin/sh", "-c", script, NULL };
  Watch watch = { self, cancellable, 0 };
  GThread *thread = g_thread_new ("watch", cancel_once_under_way, &watch);
  g_autoptr (GError) error = NULL;

  g_assert_false (
      vmd_program_run (argv, NULL, NULL, cancellable, vmd_deadline_in (MINUTE), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
  wait_until_gone (watch.pid);
  g_clear_error (&error);
  g_assert_false (
      vmd_program_run (argv, NULL, NULL, cancellable, vmd_deadline_in (MINUTE), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

static void
test_late (Signpost *self, gconstpointer data)
{
  g_autofree char *script = make_lasting_script (self);
  g_autoptr (GError) error = NULL;

  g_assert_false (run_shell (script, NULL, vmd_deadline_in (300), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "sh runs"));
  /* It may have been too late to be under way at all. */
  if (vmd_poll (&(struct pollfd){ .fd = self->fd, .events = POLLIN }, 1, NULL, 0, "reading", NULL))
    wait_until_gone (signpost_read (self));
}

/* One that never pauses can be ended too. */
static void
test_late_and_loud (void)
{
  const char *const scripts[] = { "exec yes >&2", "exec yes >&2 & exec yes >&2" };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (run_shell (scripts[i], NULL, vmd_deadline_in (200), &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
    }
  assert_fails ("exec yes", VMD_ERROR_FAILED, "sh writes more than 16 MiB");
}

/* What it leaves behind may keep the pipes open: the program's own end counts. */
static void
test_leaves_a_daemon (void)
{
  g_autofree char *output = get_output ("sleep 1000 & echo $!");
  VmdProcessId id;

  g_assert_true (vmd_process_id_read ((pid_t) g_ascii_strtoll (output, NULL, 10), &id));
  g_assert_true (vmd_process_id_kill (&id, SIGKILL, NULL));
}

static void
test_find (void)
{
  g_autofree char *directory = g_dir_make_tmp ("vmd-program-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "vmd-source", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *shell = vmd_program_find ("sh", &error);
  g_autofree char *found = NULL;

  g_assert_no_error (error);
  g_assert_true (g_path_is_absolute (shell));
  g_assert_null (vmd_program_find ("vmd-no-such-program", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_MISSING_PROGRAM);
  g_clear_error (&error);

  g_setenv ("VMD_LIBEXECDIR", directory, TRUE);
  g_assert_true (g_file_set_contents (path, "#!/bin/sh\n", -1, NULL));
  g_assert_no_errno (g_chmod (path, 0700));
  found = vmd_helper_find ("vmd-source", &error);
  g_assert_cmpstr (found, ==, path);
  g_assert_null (vmd_helper_find ("vmd-no-such-program", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_MISSING_PROGRAM);
  g_assert_nonnull (strstr (error->message, directory));
  g_unsetenv ("VMD_LIBEXECDIR");
  g_assert_true (vmd_remove_tree (directory, NULL));
}

#define add_signpost_test(path, function)                                                          \
  g_test_add (path, Signpost, NULL, signpost_set_up, function, signpost_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/program-run/output", test_output);
  g_test_add_func ("/program-run/input", test_input);
  g_test_add_func ("/program-run/directory", test_directory);
  g_test_add_func ("/program-run/failure", test_failure);
  g_test_add_func ("/program-run/last-words", test_last_words);
  g_test_add_func ("/program-run/missing", test_missing);
  add_signpost_test ("/program-run/cancel", test_cancel);
  add_signpost_test ("/program-run/late", test_late);
  g_test_add_func ("/program-run/late-and-loud", test_late_and_loud);
  g_test_add_func ("/program-run/leaves-a-daemon", test_leaves_a_daemon);
  g_test_add_func ("/program-run/find", test_find);
  return g_test_run ();
}
