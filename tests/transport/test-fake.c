/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The fake transport: a directory of the host that stands for a guest, and does as it is told. */

#include "exec-session.h"

#include "libvmd/base/vmd-failure-private.h"
#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/base/vmd-state-dir-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define HANG_LIMIT 60000

typedef struct
{
  VmdGuestAddress *address;
  VmdTransport *transport;
  VmdGuestConnection *connection;
  char *script; /* <fake_root>/.vmd-fake */
} Fixture;

static VmdGuestConnection *
connect_to (Fixture *self, GCancellable *cancellable, GError **error)
{
  return vmd_transport_connect (self->transport, self->address, cancellable,
                                vmd_deadline_in (HANG_LIMIT), error);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->address = g_new0 (VmdGuestAddress, 1);
  self->address->vm_id = g_strdup ("0123456789abcdef0123456789abcdef");
  self->address->fake_root = g_dir_make_tmp ("vmd-fake-XXXXXX", NULL);
  self->script = g_build_filename (self->address->fake_root, ".vmd-fake", NULL);
  g_assert_cmpint (g_mkdir (self->script, 0700), ==, 0);
  self->transport = vmd_fake_transport_new ();
  self->connection = connect_to (self, NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_clear_object (&self->connection);
  g_clear_object (&self->transport);
  g_assert_true (vmd_remove_tree (self->address->fake_root, NULL));
  vmd_guest_address_free (self->address);
  g_free (self->script);
}

static void
set_script (Fixture *self, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (self->script, name, NULL);

  if (content != NULL)
    g_assert_true (g_file_set_contents (path, content, -1, NULL));
  else
    g_assert_cmpint (g_unlink (path), ==, 0);
}

static void
wait_until_stalled (Fixture *self)
{
  g_autofree char *path = g_build_filename (self->script, "stalled", NULL);
  gint64 deadline = vmd_deadline_in (HANG_LIMIT);

  while (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

static void
test_exec (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session =
      exec_session_new (self->connection, "cat; echo bad >&2; pwd; echo \"$HOME\"; exit 7");
  g_autofree char *expected =
      g_strdup_printf ("hello\n%s\n%s\n", self->address->fake_root, self->address->fake_root);
  g_autoptr (GByteArray) output = NULL;
  GThread *thread = drain_begin (&session->output);

  g_assert_cmpint (write (session->input, "hello\n", 6), ==, 6);
  vmd_clear_fd (&session->input);
  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  output = drain_end (thread);
  g_assert_cmpmem (output->data, output->len, expected, strlen (expected));
  expect_text (session->errors, "bad\n");
  g_assert_cmpint (vmd_exec_result_get_exit_status (session->result), ==, 7);
}

static void
test_signal (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = exec_session_new (self->connection, "kill -KILL $$");

  exec_session_start (session);
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_assert_cmpstr (vmd_exec_result_get_signal (session->result), ==, "KILL");
  g_assert_cmpint (vmd_exec_result_get_exit_status (session->result), ==, 128 + SIGKILL);
}

/* The directory is the guest's, whatever its name tries. */
static void
test_directory (Fixture *self, gconstpointer data)
{
  g_autofree char *inner = g_build_filename (self->address->fake_root, "work", NULL);
  g_autofree char *expected = g_strconcat (inner, "\n", NULL);
  g_autoptr (ExecSession) session = exec_session_new (self->connection, "pwd");

  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  vmd_exec_spec_set_directory (session->spec, "/../../work");
  exec_session_start (session);
  expect_text (session->output, expected);
  exec_session_join (session);
  g_assert_no_error (session->error);
}

static void
test_terminal (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = exec_session_new (
      self->connection, "tty -s && echo \"tty $TERM\"; stty size; read x; stty size; exit 9");

  vmd_exec_spec_set_terminal (session->spec, "vt220", 101, 37);
  exec_session_start (session);
  expect_text (session->output, "tty vt220");
  expect_text (session->output, "37 101");
  vmd_exec_spec_resize (session->spec, 55, 22);
  g_assert_cmpint (write (session->input, "\r", 1), ==, 1);
  expect_text (session->output, "22 55");
  exec_session_join (session);
  g_assert_no_error (session->error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (session->result), ==, 9);
}

/* Hung up on, a command may clean up; one that does not end is killed. */
static void
test_cancel (Fixture *self, gconstpointer data)
{
  static const char *const scripts[] = {
    "echo begun; exec cat",
    "trap 'echo cleaned >&2; exit 1' HUP; echo begun; while :; do read x; done",
    "trap '' HUP; echo begun; exec sleep 1000",
  };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (ExecSession) session = exec_session_new (self->connection, scripts[i]);

      exec_session_start (session);
      expect_text (session->output, "begun");
      g_cancellable_cancel (session->cancellable);
      g_assert_null (exec_session_join (session));
      g_assert_error (session->error, VMD_ERROR, VMD_ERROR_CANCELLED);
      if (i == 1)
        expect_text (session->errors, "cleaned");
    }
}

static void
test_timeout (Fixture *self, gconstpointer data)
{
  g_autoptr (ExecSession) session = exec_session_new (self->connection, "exec cat");

  vmd_exec_spec_set_timeout (session->spec, 200);
  exec_session_start (session);
  g_assert_null (exec_session_join (session));
  g_assert_error (session->error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

static void
test_refuse (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  set_script (self, "refuse", "");
  g_assert_null (connect_to (self, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_UNREACHABLE);
  g_assert_false (vmd_guest_connection_is_usable (self->connection));
  set_script (self, "refuse", NULL);
  g_assert_true (vmd_guest_connection_is_usable (self->connection));
}

typedef struct
{
  Fixture *fixture;
  GCancellable *cancellable;
  GError *error;
} Connecting;

static gpointer
connect_thread (gpointer data)
{
  Connecting *self = data;

  return connect_to (self->fixture, self->cancellable, &self->error);
}

static void
test_stall_connect (Fixture *self, gconstpointer data)
{
  Connecting connecting = { .fixture = self, .cancellable = g_cancellable_new () };
  g_autoptr (VmdGuestConnection) connection = NULL;
  GThread *thread;

  set_script (self, "stall-connect", "");
  thread = g_thread_new ("connect", connect_thread, &connecting);
  wait_until_stalled (self);
  g_cancellable_cancel (connecting.cancellable);
  g_assert_null (g_thread_join (thread));
  g_assert_error (connecting.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&connecting.error);
  g_clear_object (&connecting.cancellable);

  thread = g_thread_new ("connect", connect_thread, &connecting);
  wait_until_stalled (self);
  set_script (self, "stall-connect", NULL);
  connection = g_thread_join (thread);
  g_assert_no_error (connecting.error);
  g_assert_nonnull (connection);
}

/* A connect that takes a minute fails when its deadline comes; one that takes less, does not. */
static void
test_slow_connect (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdGuestConnection) connection = NULL;

  set_script (self, "slow-connect", "60000");
  g_assert_null (
      vmd_transport_connect (self->transport, self->address, NULL, vmd_deadline_in (1), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_clear_error (&error);
  set_script (self, "slow-connect", "1");
  connection = connect_to (self, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (connection);
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
  g_autoptr (VmdGuestProcess) process = spawn (self, "wc -c; echo bad >&2; exit 6");
  g_autofree guint8 *bytes = g_malloc0 (1000000);
  g_autoptr (VmdExecResult) result = NULL;
  gint64 deadline = vmd_deadline_in (HANG_LIMIT);
  g_autoptr (GError) error = NULL;
  char text[100] = "";

  vmd_guest_process_write (process, bytes, 1000000, NULL, deadline, &error);
  g_assert_no_error (error);
  vmd_guest_process_write_eof (process, NULL, deadline, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_guest_process_read (process, FALSE, text, 99, NULL, deadline, &error), ==,
                   8);
  g_assert_cmpstr (text, ==, "1000000\n");
  g_assert_cmpint (vmd_guest_process_read (process, FALSE, text, 99, NULL, deadline, &error), ==,
                   0);
  g_assert_cmpint (vmd_guest_process_read (process, TRUE, text, 99, NULL, deadline, &error), ==, 4);
  result = vmd_guest_process_wait (process, NULL, deadline, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 6);
}

static void
test_process_ends_early (Fixture *self, gconstpointer data)
{
  g_autoptr (VmdGuestProcess) process = spawn (self, "exit 5");
  g_autofree guint8 *bytes = g_malloc0 (1000000);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_guest_process_write (process, bytes, 1000000, NULL,
                                           vmd_deadline_in (HANG_LIMIT), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
}

static void
test_cut_write (Fixture *self, gconstpointer data)
{
  g_autoptr (VmdGuestProcess) process = spawn (self, "cat >got; echo end >>got");
  g_autofree guint8 *bytes = g_malloc0 (1000000);
  g_autoptr (GError) error = NULL;

  set_script (self, "cut-write", "100000");
  g_assert_false (vmd_guest_process_write (process, bytes, 1000000, NULL,
                                           vmd_deadline_in (HANG_LIMIT), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_UNREACHABLE);
}

typedef struct
{
  VmdGuestProcess *process;
  GCancellable *cancellable;
  GError *error;
} Writing;

static gpointer
write_thread (gpointer data)
{
  Writing *self = data;
  g_autofree guint8 *bytes = g_malloc0 (1000000);

  return GINT_TO_POINTER (vmd_guest_process_write (self->process, bytes, 1000000, self->cancellable,
                                                   vmd_deadline_in (HANG_LIMIT), &self->error));
}

static void
test_stall_write (Fixture *self, gconstpointer data)
{
  g_autoptr (VmdGuestProcess) process = spawn (self, "exec cat >/dev/null");
  Writing writing = { .process = process, .cancellable = g_cancellable_new () };
  GThread *thread;

  set_script (self, "stall-write", "100000");
  thread = g_thread_new ("write", write_thread, &writing);
  wait_until_stalled (self);
  set_script (self, "stall-write", NULL);
  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
  g_assert_no_error (writing.error);

  set_script (self, "stall-write", "0");
  thread = g_thread_new ("write", write_thread, &writing);
  wait_until_stalled (self);
  g_cancellable_cancel (writing.cancellable);
  g_assert_false (GPOINTER_TO_INT (g_thread_join (thread)));
  g_assert_error (writing.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&writing.error);
  g_clear_object (&writing.cancellable);
}

static void
add (const char *name, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (name, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/fake-transport/exec", test_exec);
  add ("/fake-transport/signal", test_signal);
  add ("/fake-transport/directory", test_directory);
  add ("/fake-transport/terminal", test_terminal);
  add ("/fake-transport/cancel", test_cancel);
  add ("/fake-transport/timeout", test_timeout);
  add ("/fake-transport/refuse", test_refuse);
  add ("/fake-transport/stall-connect", test_stall_connect);
  add ("/fake-transport/slow-connect", test_slow_connect);
  add ("/fake-transport/process", test_process);
  add ("/fake-transport/process-ends-early", test_process_ends_early);
  add ("/fake-transport/cut-write", test_cut_write);
  add ("/fake-transport/stall-write", test_stall_write);
  return g_test_run ();
}
