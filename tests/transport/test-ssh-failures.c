/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Servers that do what none should, and callers who change their mind: every wait ends, in time and
 * with the error that says why. */

#include "exec-session.h"
#include "ssh-server.h"

#include "libvmd/base/vmd-failure-private.h"
#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/transport/vmd-ssh-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define HANG_LIMIT 60000
/* For what is to run into a deadline. */
#define SHORT 300
/* What a loaded machine may add. */
#define SLACK (10 * G_USEC_PER_SEC)

/* Whether the next command is begun by what stands by for it, or by the user's shell. */
static gboolean by_standby;

static VmdGuestConnection *
try_connecting (Server *server, GCancellable *cancellable, guint milliseconds, GError **error)
{
  g_autoptr (VmdTransport) transport = server_transport_new (server);

  return vmd_transport_connect (transport, server->address, cancellable,
                                vmd_deadline_in (milliseconds), error);
}

static VmdGuestConnection *
connect_well (Server *server)
{
  g_autoptr (GError) error = NULL;
  VmdGuestConnection *connection = try_connecting (server, NULL, HANG_LIMIT, &error);

  g_assert_no_error (error);
  if (by_standby)
    server_warm_up (connection);
  return connection;
}

static void
check_refusal (ServerKind kind, guint milliseconds, VmdError code)
{
  g_autoptr (Server) server = server_new (kind);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  g_assert_null (try_connecting (server, NULL, milliseconds, &error));
  g_assert_error (error, VMD_ERROR, (int) code);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, (gint64) milliseconds * 1000 + SLACK);
}

static void
test_refused (void)
{
  check_refusal (SERVER_DEAF, HANG_LIMIT, VMD_ERROR_UNREACHABLE);
}

/* LESSONS 5: accepts TCP, says nothing. */
static void
test_silent (void)
{
  check_refusal (SERVER_SILENT, SHORT, VMD_ERROR_TIMED_OUT);
}

static void
test_curt (void)
{
  check_refusal (SERVER_CURT, HANG_LIMIT, VMD_ERROR_UNREACHABLE);
}

/* It never pauses, so nothing but the deadline ends it. */
static void
test_babbling (void)
{
  check_refusal (SERVER_BABBLING, SHORT, VMD_ERROR_TIMED_OUT);
}

/* LESSONS 37: another VM, at the address that was this one's. */
static void
test_wrong_host_key (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (server == NULL)
    return;
  path = g_build_filename (server->directory, "stranger.pub", NULL);
  g_clear_pointer (&server->address->host_key, g_free);
  g_assert_true (g_file_get_contents (path, &server->address->host_key, NULL, NULL));
  g_assert_null (try_connecting (server, NULL, HANG_LIMIT, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_HOST_KEY_MISMATCH);
}

/* Not even when there is nothing to compare with. */
static void
test_no_host_key (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  static const char *const useless[] = { "", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 AAAA" };

  if (server == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (useless); i++)
    {
      g_autoptr (GError) error = NULL;

      g_free (server->address->host_key);
      server->address->host_key = g_strdup (useless[i]);
      g_assert_null (try_connecting (server, NULL, HANG_LIMIT, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_HOST_KEY_MISMATCH);
    }
}

static void
test_wrong_client_key (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (GError) error = NULL;

  if (server == NULL)
    return;
  g_free (server->address->client_key);
  server->address->client_key = g_build_filename (server->directory, "stranger", NULL);
  g_assert_null (try_connecting (server, NULL, HANG_LIMIT, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED);
}

static void
test_no_client_key (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (GError) error = NULL;

  if (server == NULL)
    return;
  g_assert_cmpint (g_unlink (server->address->client_key), ==, 0);
  g_assert_null (try_connecting (server, NULL, HANG_LIMIT, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND);
}

static void
test_no_address (void)
{
  g_autoptr (Server) server = server_new (SERVER_DEAF);
  g_autoptr (GError) error = NULL;

  g_free (server->address->host);
  server->address->host = g_strdup ("localhost");
  g_assert_null (try_connecting (server, NULL, HANG_LIMIT, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
}

/* -- cancel -- */

static gpointer
cancel_thread (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel_greeting (void)
{
  g_autoptr (Server) server = server_new (SERVER_SILENT);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_thread, cancellable);

  g_assert_null (try_connecting (server, cancellable, HANG_LIMIT, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
}

static void
test_cancel_babbling (void)
{
  g_autoptr (Server) server = server_new (SERVER_BABBLING);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_thread, cancellable);

  g_assert_null (try_connecting (server, cancellable, HANG_LIMIT, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
}

static void
join_cancelled (ExecSession *session)
{
  g_cancellable_cancel (session->cancellable);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

static void
test_cancel_before (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;
  char byte;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "echo never");
  g_cancellable_cancel (session->cancellable);
  exec_session_start (session);
  join_cancelled (session);
  /* The streams are closed, and nothing came. */
  g_assert_cmpint (read (session->output, &byte, 1), ==, 0);
}

/* It waits for input that does not come. */
static void
test_cancel_idle (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "echo begun; cat");
  exec_session_start (session);
  expect_text (session->output, "begun");
  join_cancelled (session);
}

/* Output that never ends, and a reader who reads all of it. */
static void
test_cancel_flood (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;
  GThread *errors;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "echo begun; exec cat /dev/zero >&2");
  errors = drain_begin (&session->errors);
  exec_session_start (session);
  expect_text (session->output, "begun");
  join_cancelled (session);
  g_byte_array_unref (drain_end (errors));
}

/* Output that never ends, and a reader who reads nothing. */
static void
test_cancel_stalled_reader (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "echo begun >&2; exec cat /dev/zero");
  exec_session_start (session);
  expect_text (session->errors, "begun");
  join_cancelled (session);
}

/* The whole server stands still: nothing is read, nothing answered. */
static void
test_cancel_frozen (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;
  GThread *feed;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "echo begun; exec cat >/dev/null");
  exec_session_start (session);
  expect_text (session->output, "begun");
  server_signal (server, SIGSTOP);
  feed = feed_begin (&session->input, 64 * 1024 * 1024);
  join_cancelled (session);
  g_thread_join (feed);
}

/* Reads two process ids, and opens the processes. */
static void
open_processes (int fd, int *pidfds)
{
  char text[64] = "";
  gsize length = 0;
  int first, second;

  while (sscanf (text, "%d %d\n", &first, &second) != 2 || text[length - 1] != '\n')
    {
      gssize n = read (fd, text + length, sizeof text - 1 - length);

      g_assert_cmpint (n, >, 0);
      length += n;
    }
  pidfds[0] = pidfd_open (first, 0);
  pidfds[1] = pidfd_open (second, 0);
  g_assert_cmpint (pidfds[0], >=, 0);
  g_assert_cmpint (pidfds[1], >=, 0);
}

/* A command that cares for none of its streams does not outlive whoever asked for it, and no more
 * does what it has started. */
static void
check_ends_command (ServerKind kind, const char *script)
{
  g_autoptr (Server) server = NULL;
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;
  g_autoptr (GError) error = NULL;
  int pidfds[2];

  server = server_new (kind);
  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, script);
  exec_session_start (session);
  open_processes (session->output, pidfds);
  join_cancelled (session);
  for (guint i = 0; i < 2; i++)
    {
      struct pollfd ended = { .fd = pidfds[i], .events = POLLIN };

      vmd_poll (&ended, 1, NULL, vmd_deadline_in (HANG_LIMIT), "waiting for its end", &error);
      g_assert_no_error (error);
      vmd_clear_fd (&pidfds[i]);
    }
}

static void
check_ends_command_both_ways (ServerKind kind, const char *script)
{
  check_ends_command (kind, script);
  by_standby = TRUE;
  check_ends_command (kind, script);
  by_standby = FALSE;
}

static void
test_cancel_ends_command (gconstpointer data)
{
  check_ends_command_both_ways (GPOINTER_TO_UINT (data), "sleep 1000 & echo $$ $!; wait");
}

static void
test_cancel_ends_stubborn (gconstpointer data)
{
  check_ends_command_both_ways (GPOINTER_TO_UINT (data),
                                "trap '' HUP; sleep 1000 & echo $$ $!; wait");
}

/* -- deadlines, and guests that are lost -- */

static void
test_timeout (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "cat");
  vmd_exec_spec_set_timeout (session->spec, SHORT);
  exec_session_start (session);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

static void
test_write_to_frozen (void)
{
  const gsize length = 64 * 1024 * 1024;
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (VmdGuestProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *bytes = g_malloc0 (length);
  gint64 begin;

  if (server == NULL)
    return;
  connection = connect_well (server);
  process = vmd_guest_connection_spawn (connection, "exec cat >/dev/null", NULL,
                                        vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
  server_signal (server, SIGSTOP);
  begin = g_get_monotonic_time ();
  g_assert_false (
      vmd_guest_process_write (process, bytes, length, NULL, vmd_deadline_in (SHORT), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  vmd_guest_process_abort (process);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, SHORT * 1000 + SLACK);
  g_assert_false (vmd_guest_connection_is_usable (connection));
}

static void
test_spawn_on_frozen (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  server_signal (server, SIGSTOP);
  g_assert_null (
      vmd_guest_connection_spawn (connection, "true", NULL, vmd_deadline_in (SHORT), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_assert_false (vmd_guest_connection_is_usable (connection));
}

static void
test_cut (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session = exec_session_new (connection, "echo begun; cat");
  exec_session_start (session);
  expect_text (session->output, "begun");
  server_signal (server, SIGKILL);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_UNREACHABLE);
  g_assert_false (vmd_guest_connection_is_usable (connection));
}

static void
test_cut_while_writing (void)
{
  const gsize length = 256 * 1024 * 1024;
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (ExecSession) session = NULL;
  GThread *feed;

  if (server == NULL)
    return;
  connection = connect_well (server);
  session =
      exec_session_new (connection, "echo begun; head -c 1000000 >/dev/null; echo so far; cat");
  feed = feed_begin (&session->input, length);
  exec_session_start (session);
  expect_text (session->output, "so far");
  server_signal (server, SIGKILL);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_UNREACHABLE);
  g_thread_join (feed);
}

static void
test_output_disk_full (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  const char *const argv[] = { "sh", "-c", "echo lost", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  vmd_exec_spec_take_streams (spec, -1, g_open ("/dev/full", O_WRONLY | O_CLOEXEC), -1);
  g_assert_null (vmd_guest_connection_exec (connection, spec, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NO_SPACE);
}

static void
test_command_too_long (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autofree char *word = g_strnfill (100000, 'x');
  const char *const argv[] = { "echo", word, NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  if (server == NULL)
    return;
  connection = connect_well (server);
  g_assert_null (vmd_guest_connection_exec (connection, spec, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  g_assert_true (vmd_guest_connection_is_usable (connection));
}

static void
run_both_ways (gconstpointer data)
{
  void (*test) (void) = (void (*) (void)) data;

  test ();
  by_standby = TRUE;
  test ();
  by_standby = FALSE;
}

/* To a connection that lay idle nobody has listened, which is not the guest's silence. */
static void
test_unheard (void)
{
  g_autoptr (Server) server = server_new (SERVER_OPENSSH);
  g_autoptr (VmdGuestConnection) connection = server != NULL ? connect_well (server) : NULL;
  g_autoptr (ExecSession) session = NULL;

  if (server == NULL)
    return;
  vmd_ssh_connection_get_wire (VMD_SSH_CONNECTION (connection))->heard = 1;
  session = exec_session_new (connection, "exit 3");
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (session->result), ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ssh-failures/refused", test_refused);
  g_test_add_func ("/ssh-failures/silent", test_silent);
  g_test_add_func ("/ssh-failures/unheard", test_unheard);
  g_test_add_func ("/ssh-failures/curt", test_curt);
  g_test_add_func ("/ssh-failures/babbling", test_babbling);
  g_test_add_func ("/ssh-failures/wrong-host-key", test_wrong_host_key);
  g_test_add_func ("/ssh-failures/no-host-key", test_no_host_key);
  g_test_add_func ("/ssh-failures/wrong-client-key", test_wrong_client_key);
  g_test_add_func ("/ssh-failures/no-client-key", test_no_client_key);
  g_test_add_func ("/ssh-failures/no-address", test_no_address);
  g_test_add_func ("/ssh-failures/cancel/greeting", test_cancel_greeting);
  g_test_add_func ("/ssh-failures/cancel/babbling", test_cancel_babbling);
  g_test_add_data_func ("/ssh-failures/cancel/before", (gconstpointer) test_cancel_before,
                        run_both_ways);
  g_test_add_data_func ("/ssh-failures/cancel/idle", (gconstpointer) test_cancel_idle,
                        run_both_ways);
  g_test_add_data_func ("/ssh-failures/cancel/flood", (gconstpointer) test_cancel_flood,
                        run_both_ways);
  g_test_add_data_func ("/ssh-failures/cancel/stalled-reader",
                        (gconstpointer) test_cancel_stalled_reader, run_both_ways);
  g_test_add_data_func ("/ssh-failures/cancel/frozen", (gconstpointer) test_cancel_frozen,
                        run_both_ways);
  g_test_add_data_func ("/ssh-failures/cancel/ends-command/openssh",
                        GUINT_TO_POINTER (SERVER_OPENSSH), test_cancel_ends_command);
  g_test_add_data_func ("/ssh-failures/cancel/ends-command/dropbear",
                        GUINT_TO_POINTER (SERVER_DROPBEAR), test_cancel_ends_command);
  g_test_add_data_func ("/ssh-failures/cancel/ends-stubborn", GUINT_TO_POINTER (SERVER_OPENSSH),
                        test_cancel_ends_stubborn);
  g_test_add_data_func ("/ssh-failures/timeout", (gconstpointer) test_timeout, run_both_ways);
  g_test_add_func ("/ssh-failures/write-to-frozen", test_write_to_frozen);
  g_test_add_func ("/ssh-failures/spawn-on-frozen", test_spawn_on_frozen);
  g_test_add_data_func ("/ssh-failures/cut", (gconstpointer) test_cut, run_both_ways);
  g_test_add_data_func ("/ssh-failures/cut-while-writing", (gconstpointer) test_cut_while_writing,
                        run_both_ways);
  g_test_add_data_func ("/ssh-failures/output-disk-full", (gconstpointer) test_output_disk_full,
                        run_both_ways);
  g_test_add_data_func ("/ssh-failures/command-too-long", (gconstpointer) test_command_too_long,
                        run_both_ways);
  return g_test_run ();
}
