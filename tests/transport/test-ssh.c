/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The SSH transport against real servers on the loopback: what a command gets and gives, and how it
 * ends; whether it is begun by the user's shell or by what stands by for it. */

#include "exec-session.h"
#include "ssh-server.h"

#include "libvmd/base/vmd-poll-private.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HANG_LIMIT 60000
#define LARGE (64 * 1024 * 1024)

typedef struct
{
  Server *server; /* NULL: skipped */
  VmdTransport *transport;
  VmdGuestConnection *connection;
} Fixture;

/* Beside the kind of server, in what a test is given. */
#define STANDBY 0x100

static VmdGuestConnection *
connect_to (Fixture *self, GError **error)
{
  return vmd_transport_connect (self->transport, self->server->address, NULL,
                                vmd_deadline_in (HANG_LIMIT), error);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  const guint choice = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;

  self->server = server_new (choice & ~STANDBY);
  if (self->server == NULL)
    return;
  self->transport = (choice & STANDBY) != 0 ? server_transport_new (self->server)
                                            : vmd_ssh_transport_new ("/no/such/program");
  self->connection = connect_to (self, &error);
  g_assert_no_error (error);
  if ((choice & STANDBY) != 0)
    server_warm_up (self->connection);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_clear_object (&self->connection);
  g_clear_object (&self->transport);
  g_clear_pointer (&self->server, server_free);
}

/* Runs a script with nothing on its input; its output, and its result. */
static char *
run_script (Fixture *self, const char *script, VmdExecResult **result)
{
  g_autoptr (ExecSession) session = exec_session_new (self->connection, script);
  int status;
  char *output = exec_session_run (session, NULL, &status);

  *result = g_object_ref (session->result);
  return output;
}

static void
check_exit (Fixture *self, const char *script, int status, const char *name)
{
  g_autoptr (VmdExecResult) result = NULL;

  g_free (run_script (self, script, &result));
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, status);
  g_assert_cmpstr (vmd_exec_result_get_signal (result), ==, name);
}

static void
test_exit (Fixture *self, gconstpointer data)
{
  if (self->server == NULL)
    return;
  check_exit (self, "exit 0", 0, NULL);
  check_exit (self, "exit 1", 1, NULL);
  check_exit (self, "exit 7", 7, NULL);
  check_exit (self, "exit 255", 255, NULL);
  check_exit (self, "kill -TERM $$", 128 + SIGTERM, "TERM");
  check_exit (self, "kill -KILL $$", 128 + SIGKILL, "KILL");
  g_assert_true (vmd_guest_connection_is_usable (self->connection));
}

static void
test_not_found (Fixture *self, gconstpointer data)
{
  const char *const argv[] = { "/no/such/program", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (self->server == NULL)
    return;
  result = vmd_guest_connection_exec (self->connection, spec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 127);
}

static void
test_streams (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GByteArray) output = NULL, errors = NULL;
  GThread *output_thread, *errors_thread;

  if (self->server == NULL)
    return;
  session = exec_session_new (self->connection, "cat; echo complaint >&2; exit 3");
  g_assert_cmpint (write (session->input, "one\ntwo\n", 8), ==, 8);
  vmd_clear_fd (&session->input);
  output_thread = drain_begin (&session->output);
  errors_thread = drain_begin (&session->errors);
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  output = drain_end (output_thread);
  errors = drain_end (errors_thread);
  g_assert_cmpmem (output->data, output->len, "one\ntwo\n", 8);
  g_assert_cmpmem (errors->data, errors->len, "complaint\n", 10);
  g_assert_cmpint (vmd_exec_result_get_exit_status (session->result), ==, 3);
}

/* LESSONS 38: with small windows this takes minutes; and a server that does not read while it
 * cannot write must not be waited for with a packet half sent. */
static void
test_large_both_ways (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GByteArray) output = NULL;
  GThread *output_thread, *feed;

  if (self->server == NULL)
    return;
  session = exec_session_new (self->connection, "cat");
  feed = feed_begin (&session->input, LARGE);
  output_thread = drain_begin (&session->output);
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_thread_join (feed);
  output = drain_end (output_thread);
  g_assert_true (is_pattern (output, LARGE));
}

static void
test_large_in (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GByteArray) output = NULL;
  g_autofree char *expected = g_strdup_printf ("%d\n", LARGE);
  GThread *output_thread, *feed;

  if (self->server == NULL)
    return;
  session = exec_session_new (self->connection, "wc -c");
  feed = feed_begin (&session->input, LARGE);
  output_thread = drain_begin (&session->output);
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_thread_join (feed);
  output = drain_end (output_thread);
  g_assert_cmpmem (output->data, output->len, expected, strlen (expected));
}

static void
test_large_out (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GByteArray) output = NULL, errors = NULL;
  GThread *output_thread, *errors_thread;

  if (self->server == NULL)
    return;
  session = exec_session_new (self->connection,
                              "head -c 67108864 /dev/zero; head -c 1048576 /dev/zero >&2");
  output_thread = drain_begin (&session->output);
  errors_thread = drain_begin (&session->errors);
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  output = drain_end (output_thread);
  errors = drain_end (errors_thread);
  g_assert_cmpuint (output->len, ==, LARGE);
  g_assert_cmpuint (errors->len, ==, 1048576);
}

/* What a stalled reader has not taken yet waits in the guest, not in memory; then all of it
 * comes. */
static void
test_slow_reader (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GByteArray) output = NULL;
  GThread *output_thread;

  if (self->server == NULL)
    return;
  session =
      exec_session_new (self->connection, "head -c 16777216 /dev/zero & echo waiting >&2; wait");
  exec_session_start (session);
  expect_text (session->errors, "waiting");
  output_thread = drain_begin (&session->output);
  exec_session_join (session);
  g_assert_no_error (session->error);
  output = drain_end (output_thread);
  g_assert_cmpuint (output->len, ==, 16777216);
}

/* `yes | head -1` must end. */
static void
test_reader_leaves (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;

  if (self->server == NULL)
    return;
  session = exec_session_new (self->connection, "yes");
  exec_session_start (session);
  expect_text (session->output, "y\n");
  vmd_clear_fd (&session->output);
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_assert_cmpstr (vmd_exec_result_get_signal (session->result), ==, "PIPE");
  g_assert_false (vmd_guest_connection_is_usable (self->connection));
}

static void
test_no_streams (Fixture *self, gconstpointer data)
{
  const char *const argv[] = { "sh", "-c", "cat; echo lost; echo lost >&2; exit 5", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (self->server == NULL)
    return;
  result = vmd_guest_connection_exec (self->connection, spec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 5);
}

static void
test_surroundings (Fixture *self, gconstpointer data)
{
  const char *const environment[] = { "ONE=1 and 'more'", "TWO=$HOME\n`x`", NULL };
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GByteArray) output = NULL;
  const char *expected = "/usr/bin:1 and 'more':$HOME\n`x`";
  GThread *output_thread;

  if (self->server == NULL)
    return;
  session = exec_session_new (self->connection, "printf '%s' \"$PWD:$ONE:$TWO\"");
  vmd_exec_spec_set_directory (session->spec, "/usr/bin");
  vmd_exec_spec_set_environment (session->spec, environment);
  vmd_clear_fd (&session->input);
  output_thread = drain_begin (&session->output);
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  output = drain_end (output_thread);
  g_assert_cmpmem (output->data, output->len, expected, strlen (expected));
}

/* An sshd that is not root can make a terminal only where new ones have the group that it wants. */
static gboolean
can_give_terminals (void)
{
  const struct group *tty = getgrnam ("tty");
  vmd_autofd int fd = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct stat status;

  return getuid () == 0 || (tty != NULL && fd >= 0 && stat (ptsname (fd), &status) == 0 &&
                            status.st_gid == tty->gr_gid);
}

static void
test_terminal (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = NULL;

  if (self->server == NULL)
    return;
  if (!can_give_terminals ())
    {
      g_test_skip ("no sshd but root's can make a terminal here");
      return;
    }
  session = exec_session_new (self->connection,
                              "tty -s && echo \"tty $TERM\"; stty size; read x; stty size; "
                              "echo to-stderr >&2; exit 9");
  vmd_exec_spec_set_terminal (session->spec, "vt220", 101, 37);
  exec_session_start (session);
  expect_text (session->output, "tty vt220");
  expect_text (session->output, "37 101");
  vmd_exec_spec_resize (session->spec, 55, 22);
  g_assert_cmpint (write (session->input, "\r", 1), ==, 1);
  expect_text (session->output, "22 55");
  expect_text (session->output, "to-stderr");
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (session->result), ==, 9);
}

static void
test_login_shell (Fixture *self, gconstpointer data)
{
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (NULL);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;
  int ends[2];

  if (self->server == NULL)
    return;
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  g_assert_cmpint (write (ends[1], "exit 4\n", 7), ==, 7);
  close (ends[1]);
  vmd_exec_spec_take_streams (spec, ends[0], -1, -1);
  result = vmd_guest_connection_exec (self->connection, spec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 4);
}

static void
test_reuse (Fixture *self, gconstpointer data)
{
  if (self->server == NULL)
    return;
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (VmdExecResult) result = NULL;
      g_autofree char *script = g_strdup_printf ("echo %u", i);
      g_autofree char *expected = g_strdup_printf ("%u\n", i);
      g_autofree char *output = run_script (self, script, &result);

      g_assert_cmpstr (output, ==, expected);
      g_assert_true (vmd_guest_connection_is_usable (self->connection));
    }
}

/* -- a process whose streams are ours -- */

static char *
read_all (VmdGuestProcess *process, gboolean is_stderr)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  char bytes[1000];
  gssize n;

  while ((n = vmd_guest_process_read (process, is_stderr, bytes, sizeof bytes, NULL,
                                      vmd_deadline_in (HANG_LIMIT), &error)) > 0)
    g_string_append_len (text, bytes, n);
  g_assert_no_error (error);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static VmdGuestProcess *
spawn (Fixture *self, const char *command)
{
  g_autoptr (GError) error = NULL;
  VmdGuestProcess *process = vmd_guest_connection_spawn (self->connection, command, NULL,
                                                         vmd_deadline_in (HANG_LIMIT), &error);

  g_assert_no_error (error);
  return process;
}

static void
test_process (Fixture *self, gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc (LARGE);
  g_autoptr (VmdGuestProcess) process = NULL;
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  if (self->server == NULL)
    return;
  fill_pattern (bytes, 0, LARGE);
  process = spawn (self, "wc -c; echo bad >&2; exit 6");
  vmd_guest_process_write (process, bytes, LARGE, NULL, vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
  vmd_guest_process_write_eof (process, NULL, vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
  output = read_all (process, FALSE);
  errors = read_all (process, TRUE);
  g_assert_cmpstr (output, ==, "67108864\n");
  g_assert_cmpstr (errors, ==, "bad\n");
  result = vmd_guest_process_wait (process, NULL, vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 6);
  g_clear_object (&process);
  g_assert_true (vmd_guest_connection_is_usable (self->connection));
}

/* Ends without reading: the writer is told, and can ask why. */
static void
test_process_ends_early (Fixture *self, gconstpointer data)
{
  g_autofree guint8 *bytes = g_malloc0 (LARGE);
  g_autoptr (VmdGuestProcess) process = NULL;
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *errors = NULL;

  if (self->server == NULL)
    return;
  process = spawn (self, "echo full >&2; exit 5");
  g_assert_false (
      vmd_guest_process_write (process, bytes, LARGE, NULL, vmd_deadline_in (HANG_LIMIT), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  errors = read_all (process, TRUE);
  g_assert_cmpstr (errors, ==, "full\n");
  result = vmd_guest_process_wait (process, NULL, vmd_deadline_in (HANG_LIMIT), NULL);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 5);
}

static void
test_process_abort (Fixture *self, gconstpointer data)
{
  g_autoptr (VmdGuestProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  gint64 begin;

  if (self->server == NULL)
    return;
  process = spawn (self, "cat; echo end");
  begin = g_get_monotonic_time ();
  vmd_guest_process_abort (process);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, G_USEC_PER_SEC);
  g_assert_false (
      vmd_guest_process_write (process, "x", 1, NULL, vmd_deadline_in (HANG_LIMIT), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  g_assert_false (vmd_guest_connection_is_usable (self->connection));
}

/* The library's rekeying is put to the test by a server that wants it after every megabyte. */
static void
test_rekey (void)
{
  Fixture self = { .server = server_new (SERVER_OPENSSH) };
  g_autoptr (GError) error = NULL;

  if (self.server == NULL)
    return;
  self.server->configuration = "RekeyLimit 1M";
  self.transport = vmd_ssh_transport_new (VMD_GUEST_PROGRAM);
  self.connection = connect_to (&self, &error);
  g_assert_no_error (error);
  test_large_in (&self, NULL);
  test_large_out (&self, NULL);
  test_large_both_ways (&self, NULL);
  tear_down (&self, NULL);
}

static void
add (const char *name, void (*test) (Fixture *, gconstpointer))
{
  static const char *const servers[] = { "openssh", "dropbear" };

  for (guint i = 0; i < G_N_ELEMENTS (servers); i++)
    {
      g_autofree char *path = g_strdup_printf ("/ssh/%s/%s", servers[i], name);
      g_autofree char *standby = g_strdup_printf ("/ssh/%s/standby/%s", servers[i], name);

      g_test_add (path, Fixture, GUINT_TO_POINTER (SERVER_OPENSSH + i), set_up, test, tear_down);
      g_test_add (standby, Fixture, GUINT_TO_POINTER ((SERVER_OPENSSH + i) | STANDBY), set_up, test,
                  tear_down);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("exit", test_exit);
  add ("not-found", test_not_found);
  add ("streams", test_streams);
  add ("large-both-ways", test_large_both_ways);
  add ("large-in", test_large_in);
  add ("large-out", test_large_out);
  add ("slow-reader", test_slow_reader);
  add ("reader-leaves", test_reader_leaves);
  add ("no-streams", test_no_streams);
  add ("surroundings", test_surroundings);
  add ("terminal", test_terminal);
  add ("login-shell", test_login_shell);
  add ("reuse", test_reuse);
  add ("process", test_process);
  add ("process-ends-early", test_process_ends_early);
  add ("process-abort", test_process_abort);
  g_test_add_func ("/ssh/openssh/rekey", test_rekey);
  return g_test_run ();
}
