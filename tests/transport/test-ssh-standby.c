/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands by for a command, on real servers on the loopback: that it becomes the command, that
 * the command does not notice, and that whatever goes wrong with it, the command runs once. */

#include "exec-session.h"
#include "ssh-server.h"

#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/base/vmd-program-private.h"
#include "libvmd/transport/vmd-ssh-private.h"
#include "tests/file-watch.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#define HANG_LIMIT 60000

/* Said by scripts in the place of vmd-guest. Each takes the whole request, but for the last byte of
 * its length. */
#define SAY_READY "echo 'vmd-guest standby 1'; "
#define TAKE_REQUEST "head -c 5 >/dev/null; "

/* libssh2 looks at the time of day by this function, and thus sees the one that a test wants. */
static gint seconds_ahead; /* atomic */

G_MODULE_EXPORT time_t
time (time_t *copy)
{
  time_t now = g_get_real_time () / G_USEC_PER_SEC + g_atomic_int_get (&seconds_ahead);

  if (copy != NULL)
    *copy = now;
  return now;
}

typedef struct
{
  Server *server; /* NULL: skipped */
  VmdTransport *transport;
  VmdGuestConnection *connection;
} Fixture;

static char *
path_of (Fixture *self, const char *name)
{
  return g_build_filename (self->server->directory, name, NULL);
}

/* With a script in the place of vmd's program, which tells its process id and then does what
 * @script says; NULL: becomes the real one. */
static void
set_up (Fixture *self, ServerKind kind, const char *script)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *program = NULL;
  g_autofree char *text = NULL;

  *self = (Fixture){ .server = server_new (kind) };
  if (self->server == NULL)
    return;
  program = path_of (self, "program");
  text = script != NULL ? g_strdup_printf ("#!/bin/sh\necho $$ >>'%s/pids'\n%s\n",
                                           self->server->directory, script)
                        : g_strdup_printf ("#!/bin/sh\necho $$ >>'%s/pids'\nexec '%s' \"$@\"\n",
                                           self->server->directory, self->server->program);
  g_assert_true (
      g_file_set_contents_full (program, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
  self->transport = vmd_ssh_transport_new (program);
  self->connection = vmd_transport_connect (self->transport, self->server->address, NULL,
                                            vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
  server_warm_up (self->connection);
}

static void
fixture_clear (Fixture *self)
{
  g_clear_object (&self->connection);
  g_clear_object (&self->transport);
  g_clear_pointer (&self->server, server_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

/* The last process that stood by, or 0. */
static int
find_pid (Fixture *self)
{
  g_autofree char *path = path_of (self, "pids");
  g_auto (GStrv) lines = NULL;
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !g_str_has_suffix (text, "\n"))
    return 0;
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  return atoi (lines[g_strv_length (lines) - 1]);
}

/* The one after @before; waited for, since it is started without anybody waiting. */
static int
read_pid_after (Fixture *self, int before)
{
  vmd_autofd int watch = file_watch_new (self->server->directory);
  int pid;

  while ((pid = find_pid (self)) == 0 || pid == before)
    file_watch_wait (watch, HANG_LIMIT);
  return pid;
}

static int
read_pid (Fixture *self)
{
  return read_pid_after (self, 0);
}

static void
expect_end (int pidfd)
{
  struct pollfd ended = { .fd = pidfd, .events = POLLIN };
  g_autoptr (GError) error = NULL;

  vmd_poll (&ended, 1, NULL, vmd_deadline_in (HANG_LIMIT), "waiting for its end", &error);
  g_assert_no_error (error);
}

/* Runs a command that counts itself, by whatever way there is. */
static void
check_runs_once (Fixture *self)
{
  g_autofree char *path = path_of (self, "runs");
  g_autofree char *script = g_strdup_printf ("echo run >>'%s'; echo done; exit 7", path);
  g_autoptr (ExecSession) session = exec_session_new (self->connection, script);
  g_autofree char *runs = NULL;
  g_autofree char *output = NULL;
  int status;

  g_unlink (path);
  output = exec_session_run (session, NULL, &status);
  g_assert_cmpstr (output, ==, "done\n");
  g_assert_cmpint (status, ==, 7);
  g_assert_true (g_file_get_contents (path, &runs, NULL, NULL));
  g_assert_cmpstr (runs, ==, "run\n");
  g_assert_true (vmd_guest_connection_is_usable (self->connection));
}

static void
test_becomes_command (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  for (guint i = 0; self.server != NULL && i < 5; i++)
    {
      int pid = read_pid (&self), status;
      g_autoptr (ExecSession) session = exec_session_new (self.connection, "echo $$");
      g_autofree char *output = exec_session_run (session, NULL, &status);

      g_assert_cmpint (atoi (output), ==, pid);
      g_assert_true (server_stands_by (self.connection));
      /* The next one has been started when its id is another. */
      read_pid_after (&self, pid);
    }
}

/* Who sends one command directly after another has the shell; who then pauses is stood by for. */
static void
test_hurry (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };
  VmdSshAhead *ahead;

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  if (self.server == NULL)
    return;
  ahead = vmd_ssh_connection_get_ahead (VMD_SSH_CONNECTION (self.connection));
  ahead->hurry = G_MAXINT64;
  for (guint i = 0; i < 3; i++)
    {
      check_runs_once (&self);
      g_assert_false (server_stands_by (self.connection));
    }
  ahead->hurry = 0;
  for (guint i = 0; i < 3; i++)
    {
      check_runs_once (&self);
      g_assert_true (server_stands_by (self.connection));
    }
}

/* -- what a command sees -- */

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Sorted, and without what is another for each command and each connection. */
static char *
normalize (const char *output)
{
  static const char *const different[] = { "VMD_EXEC=", "SSH_CLIENT=", "SSH_CONNECTION=" };
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    for (gsize j = 0; j < G_N_ELEMENTS (different); j++)
      if (g_str_has_prefix (lines[i], different[j]))
        lines[i][strlen (different[j])] = '\0';
  qsort (lines, g_strv_length (lines), sizeof *lines, compare_strings);
  return g_strjoinv ("\n", lines);
}

typedef struct
{
  const char *argv[4];
  const char *directory;
  const char *environment[3];
} Case;

/* Output, errors and exit status. */
static char *
observe (VmdGuestConnection *connection, const Case *what)
{
  g_autoptr (ExecSession) session = exec_session_new_for_argv (connection, what->argv);
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;
  g_autofree char *all = NULL;
  int status;

  vmd_exec_spec_set_directory (session->spec, what->directory);
  vmd_exec_spec_set_environment (session->spec, what->environment);
  output = exec_session_run (session, &errors, &status);
  all = g_strdup_printf ("%s\n%s\nstatus %d", output, errors, status);
  return normalize (all);
}

/* What is left of the process that it was: descriptors, signals, group, limits. */
#define LOOK_AROUND                                                                                \
  "pwd; umask; ulimit -a; ls /proc/$$/fd; grep -E '^(SigBlk|SigIgn|Groups|Uid|Gid)' "              \
  "/proc/self/status; "                                                                            \
  "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leads its group; "                             \
  "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo leads its session"

static const Case cases[] = {
  { { "env" } },
  { { "env" }, "/usr/bin" },
  { { "env" }, "/", { "ONE=1 and 'more'", "TWO=$HOME\n`x`" } },
  { { "env" }, "/usr/../usr/bin/", { "PWD=/elsewhere", "UID=5" } },
  { { "env" }, NULL, { "HOME=/usr", "ONE=" } },
  { { "/usr/bin/env" }, NULL, { "PATH=/nowhere", "_=x" } },
  { { "env" }, NULL, { "PATH=/nowhere:/usr/bin" } },
  { { "env" }, NULL, { "PATH=/nowhere" } },
  { { "bin/env" }, "/usr" },
  { { "env" }, "/usr/bin", { "PATH=:/nowhere" } },
  { { "no-such-program", "x" } },
  { { "/no/such/program" }, NULL, { "ONE=1" } },
  { { "env" }, "/no/such/directory" },
  { { "/etc/passwd" } },
  { { "/etc" } },
  { { "-l" } },
  { { "sh", "-c", LOOK_AROUND } },
  { { "sh", "-c", "echo \"$0\" \"$@\"" }, "/tmp" },
  { { "printf", "%s|", "" } },
  { { "sh", "-c", "kill -TERM $$" } },
  { { "sh", "-c", "exit 125" } },
};

static void
test_same_as_by_shell (gconstpointer data)
{
  g_autoptr (VmdTransport) transport = vmd_ssh_transport_new ("/no/such/program");
  g_autoptr (VmdGuestConnection) by_shell = NULL;
  g_auto (Fixture) self = { NULL };
  g_autoptr (GError) error = NULL;

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  if (self.server == NULL)
    return;
  by_shell = vmd_transport_connect (transport, self.server->address, NULL,
                                    vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *expected = observe (by_shell, &cases[i]);
      g_autofree char *seen = NULL;

      g_assert_true (server_stands_by (self.connection));
      g_assert_false (i > 0 && server_stands_by (by_shell));
      seen = observe (self.connection, &cases[i]);
      g_assert_cmpstr (seen, ==, expected);
    }
}

/* A file without "#!" is a script to a shell, and to nobody else. */
static void
test_plain_script (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };
  g_autoptr (ExecSession) session = NULL;
  g_autofree char *path = NULL;
  g_autofree char *output = NULL;
  const char *argv[] = { NULL, "one two", NULL };
  int status;

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  if (self.server == NULL)
    return;
  argv[0] = path = path_of (&self, "script");
  g_assert_true (g_file_set_contents_full (path, "echo \"$1\" $ONE\nexit 9\n", -1,
                                           G_FILE_SET_CONTENTS_NONE, 0700, NULL));
  session = exec_session_new_for_argv (self.connection, argv);
  vmd_exec_spec_set_environment (session->spec, (const char *const[]){ "ONE=1", NULL });
  output = exec_session_run (session, NULL, &status);
  g_assert_cmpstr (output, ==, "one two 1\n");
  g_assert_cmpint (status, ==, 9);
}

/* -- what can go wrong -- */

/* The command runs, once, and so do those after it. */
static void
check_falls_back (gconstpointer kind, const char *script)
{
  g_auto (Fixture) self = { NULL };

  set_up (&self, GPOINTER_TO_UINT (kind), script);
  for (guint i = 0; self.server != NULL && i < 3; i++)
    check_runs_once (&self);
}

static void
test_declines (gconstpointer data)
{
  check_falls_back (data, SAY_READY TAKE_REQUEST "exit 125");
}

static void
test_dies_with_request (gconstpointer data)
{
  check_falls_back (data, SAY_READY TAKE_REQUEST "kill -KILL $$");
}

static void
test_does_not_wait (gconstpointer data)
{
  check_falls_back (data, SAY_READY "exit 0");
}

static void
test_half_a_word (gconstpointer data)
{
  check_falls_back (data, SAY_READY TAKE_REQUEST "printf beg");
}

static void
test_dies_before (gconstpointer data)
{
  check_falls_back (data, "exit 1");
}

static void
test_other_version (gconstpointer data)
{
  check_falls_back (data, "echo 'vmd-guest standby 0'; exec cat");
}

static void
test_silent_end (gconstpointer data)
{
  check_falls_back (data, "exec >/dev/null; exec cat");
}

/* Nothing was asked for: the command waits a little, its successors do not, and what hung is let
 * go. */
static void
test_hangs (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };
  vmd_autofd int pidfd = -1;

  set_up (&self, GPOINTER_TO_UINT (data), "exec cat >/dev/null");
  if (self.server == NULL)
    return;
  pidfd = pidfd_open (read_pid (&self), 0);
  g_assert_cmpint (pidfd, >=, 0);
  check_runs_once (&self);
  g_assert_false (server_stands_by (self.connection));
  check_runs_once (&self);
  expect_end (pidfd);
}

/* It was there, or almost, and was killed while nobody looked. */
static void
test_killed_while_waiting (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  for (guint i = 0; self.server != NULL && i < 3; i++)
    {
      vmd_autofd int pidfd = pidfd_open (read_pid (&self), 0);

      if (pidfd >= 0)
        {
          pidfd_send_signal (pidfd, SIGKILL, NULL, 0);
          expect_end (pidfd);
        }
      check_runs_once (&self);
    }
}

/* It has the request and says nothing: as a command that says nothing, it is waited for until
 * somebody has had enough; and it is not run a second time. */
static void
test_silent_with_request (void)
{
  g_auto (Fixture) self = { NULL };
  g_autoptr (ExecSession) session = NULL;

  set_up (&self, SERVER_OPENSSH, SAY_READY "exec cat >/dev/null");
  if (self.server == NULL)
    return;
  session = exec_session_new (self.connection, "echo never");
  vmd_exec_spec_set_timeout (session->spec, 500);
  exec_session_start (session);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_assert_false (vmd_guest_connection_is_usable (self.connection));
}

static void
test_cancel_with_request (void)
{
  g_auto (Fixture) self = { NULL };
  g_autoptr (ExecSession) session = NULL;
  g_autofree char *script = NULL;
  vmd_autofd int watch = -1;

  set_up (&self, SERVER_OPENSSH,
          SAY_READY "head -c 5 >/dev/null; : >\"${0%/*}/taken\"; exec cat >/dev/null");
  if (self.server == NULL)
    return;
  watch = file_watch_new (self.server->directory);
  script = path_of (&self, "taken");
  session = exec_session_new (self.connection, "echo never");
  exec_session_start (session);
  while (!g_file_test (script, G_FILE_TEST_EXISTS))
    file_watch_wait (watch, HANG_LIMIT);
  g_cancellable_cancel (session->cancellable);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

/* Nobody knows what it has done. */
static void
test_wrong_word (void)
{
  g_auto (Fixture) self = { NULL };
  g_autoptr (ExecSession) session = NULL;

  set_up (&self, SERVER_OPENSSH, SAY_READY TAKE_REQUEST "echo began; exec cat >/dev/null");
  if (self.server == NULL)
    return;
  session = exec_session_new (self.connection, "echo never");
  exec_session_start (session);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_GUEST);
  g_assert_false (vmd_guest_connection_is_usable (self.connection));
}

/* What waits does not outlive the connection, whether that is closed or lost. */
static void
test_ends_with_connection (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };
  vmd_autofd int pidfd = -1;

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  if (self.server == NULL)
    return;
  pidfd = pidfd_open (read_pid (&self), 0);
  g_clear_object (&self.connection);
  if (pidfd >= 0)
    expect_end (pidfd);
}

static void
test_ends_with_server (gconstpointer data)
{
  g_auto (Fixture) self = { NULL };
  g_autoptr (ExecSession) session = NULL;
  vmd_autofd int pidfd = -1;

  set_up (&self, GPOINTER_TO_UINT (data), NULL);
  if (self.server == NULL)
    return;
  pidfd = pidfd_open (read_pid (&self), 0);
  server_signal (self.server, SIGKILL);
  if (pidfd >= 0)
    expect_end (pidfd);
  session = exec_session_new (self.connection, "echo never");
  exec_session_start (session);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_UNREACHABLE);
}

/* What was asked for ahead of time is as good after hours: the channel of a connection that has no
 * more than that, and what stands by. */
static void
check_idle (const char *script)
{
  g_auto (Fixture) self = { NULL };

  set_up (&self, SERVER_OPENSSH, script);
  for (guint i = 0; self.server != NULL && i < 4; i++)
    {
      g_atomic_int_add (&seconds_ahead, 10000);
      check_runs_once (&self);
    }
  g_atomic_int_set (&seconds_ahead, 0);
}

static void
test_idle (void)
{
  check_idle (NULL);
  check_idle ("exit 1");
}

static void
add (const char *name, GTestDataFunc test)
{
  g_autofree char *openssh = g_strdup_printf ("/ssh-standby/openssh/%s", name);
  g_autofree char *dropbear = g_strdup_printf ("/ssh-standby/dropbear/%s", name);

  g_test_add_data_func (openssh, GUINT_TO_POINTER (SERVER_OPENSSH), test);
  g_test_add_data_func (dropbear, GUINT_TO_POINTER (SERVER_DROPBEAR), test);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("becomes-command", test_becomes_command);
  add ("same-as-by-shell", test_same_as_by_shell);
  add ("hurry", test_hurry);
  add ("plain-script", test_plain_script);
  add ("killed-while-waiting", test_killed_while_waiting);
  add ("ends-with-connection", test_ends_with_connection);
  add ("ends-with-server", test_ends_with_server);
  add ("declines", test_declines);
  add ("dies-with-request", test_dies_with_request);
  add ("does-not-wait", test_does_not_wait);
  add ("half-a-word", test_half_a_word);
  add ("dies-before", test_dies_before);
  add ("other-version", test_other_version);
  add ("silent-end", test_silent_end);
  add ("hangs", test_hangs);
  g_test_add_func ("/ssh-standby/silent-with-request", test_silent_with_request);
  g_test_add_func ("/ssh-standby/cancel-with-request", test_cancel_with_request);
  g_test_add_func ("/ssh-standby/wrong-word", test_wrong_word);
  g_test_add_func ("/ssh-standby/idle", test_idle);
  return g_test_run ();
}
