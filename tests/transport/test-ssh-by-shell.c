/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands that are the shell's, on real servers on the loopback, while something stands by on the
 * same connection or could not be had: each runs once, whatever becomes of that, and whenever. */

#include "exec-session.h"
#include "ssh-server.h"

#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/transport/vmd-ssh-private.h"

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define HANG_LIMIT 60000

typedef enum
{
  BY_STANDBY, /* where there is one */
  BY_TERMINAL,
  BY_LOGIN_SHELL,
  BY_VARIABLE, /* such as is the shell's own */
  BY_SPAWN,
  N_WAYS
} Way;

/* -- the moment at which what stands by is killed -- */

typedef enum
{
  AT_NO_TIME,
  AT_END_OF_INPUT, /* as it is told to end */
  AT_CHANNEL, /* as a channel is about to be opened */
  AT_REQUEST, /* as there is one, and it has no command yet */
} Moment;

static Moment moment; /* of the thread that runs commands; over once it has come */
static int victim = -1; /* a pidfd */

/* Until its parent, the server, has taken note. What the server does with that, it does before it
 * reads on. */
static void
kill_at (Moment now)
{
  gint64 deadline = vmd_deadline_in (HANG_LIMIT);

  if (moment != now)
    return;
  moment = AT_NO_TIME;
  pidfd_send_signal (victim, SIGKILL, NULL, 0);
  while (pidfd_send_signal (victim, 0, NULL, 0) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (100);
    }
}

/* Before the ones of libssh2, which they call. */
G_MODULE_EXPORT LIBSSH2_CHANNEL *
libssh2_channel_open_ex (LIBSSH2_SESSION *session, const char *type, unsigned int type_length,
                         unsigned int window, unsigned int packet, const char *message,
                         unsigned int length)
{
  __typeof__ (libssh2_channel_open_ex) *real = dlsym (RTLD_NEXT, "libssh2_channel_open_ex");

  kill_at (AT_CHANNEL);
  return real (session, type, type_length, window, packet, message, length);
}

G_MODULE_EXPORT int
libssh2_channel_process_startup (LIBSSH2_CHANNEL *channel, const char *request,
                                 unsigned int request_length, const char *message,
                                 unsigned int length)
{
  __typeof__ (libssh2_channel_process_startup) *real =
      dlsym (RTLD_NEXT, "libssh2_channel_process_startup");

  kill_at (AT_REQUEST);
  return real (channel, request, request_length, message, length);
}

G_MODULE_EXPORT int
libssh2_channel_send_eof (LIBSSH2_CHANNEL *channel)
{
  __typeof__ (libssh2_channel_send_eof) *real = dlsym (RTLD_NEXT, "libssh2_channel_send_eof");

  kill_at (AT_END_OF_INPUT);
  return real (channel);
}

/* -- a connection, and commands on it -- */

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

static void
connect_for (Fixture *self, const char *program)
{
  g_autoptr (GError) error = NULL;

  self->transport = vmd_ssh_transport_new (program);
  self->connection = vmd_transport_connect (self->transport, self->server->address, NULL,
                                            vmd_deadline_in (HANG_LIMIT), &error);
  g_assert_no_error (error);
}

static void
fixture_clear (Fixture *self)
{
  g_clear_object (&self->connection);
  g_clear_object (&self->transport);
  g_clear_pointer (&self->server, server_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static char *
spawn (Fixture *self, const char *script, int *status)
{
  gint64 deadline = vmd_deadline_in (HANG_LIMIT);
  g_autoptr (VmdGuestProcess) process = NULL;
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;
  char output[64];
  gssize n = 1;
  gsize had = 0;

  process = vmd_guest_connection_spawn (self->connection, script, NULL, deadline, &error);
  g_assert_no_error (error);
  for (; n > 0 && had < sizeof output; had += n)
    {
      n = vmd_guest_process_read (process, FALSE, output + had, sizeof output - had, NULL, deadline,
                                  &error);
      g_assert_no_error (error);
    }
  result = vmd_guest_process_wait (process, NULL, deadline, &error);
  g_assert_no_error (error);
  *status = vmd_exec_result_get_exit_status (result);
  return g_strndup (output, had);
}

static char *
run (Fixture *self, Way way, const char *script, int *status)
{
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr (ExecSession) session = NULL;

  if (way == BY_SPAWN)
    return spawn (self, script, status);
  session = exec_session_new_for_argv (self->connection, way == BY_LOGIN_SHELL ? argv + 3 : argv);
  vmd_exec_spec_set_timeout (session->spec, HANG_LIMIT);
  if (way == BY_LOGIN_SHELL)
    g_assert_cmpint (vmd_write_quietly (session->input, script, strlen (script)), >, 0);
  if (way == BY_TERMINAL)
    vmd_exec_spec_set_terminal (session->spec, "vt220", 80, 24);
  if (way == BY_VARIABLE)
    vmd_exec_spec_set_environment (session->spec, (const char *const[]){ "OPTIND=1", NULL });
  return exec_session_run (session, NULL, status);
}

/* A command that counts itself. */
static void
check_runs_once (Fixture *self, Way way)
{
  g_autofree char *path = path_of (self, "runs");
  g_autofree char *script = g_strdup_printf ("echo run >>'%s'; echo done; exit 7\n", path);
  g_autofree char *runs = NULL;
  g_autofree char *output = NULL;
  int status;

  g_unlink (path);
  output = run (self, way, script, &status);
  /* On a terminal the server itself has something to say too. */
  if (way == BY_TERMINAL)
    g_assert_true (g_str_has_suffix (output, "done\r\n"));
  else
    g_assert_cmpstr (output, ==, "done\n");
  g_assert_cmpint (status, ==, 7);
  g_assert_true (g_file_get_contents (path, &runs, NULL, NULL));
  g_assert_cmpstr (runs, ==, "run\n");
  g_assert_true (vmd_guest_connection_is_usable (self->connection));
}

/* -- what becomes of what stands by -- */

/* No program of vmd's in the guest: what is tried ahead of time fails as the next command comes,
 * each time at another moment of it. */
static void
test_no_program (gconstpointer data)
{
  g_auto (Fixture) self = { .server = server_new (GPOINTER_TO_UINT (data)) };

  for (guint i = 0; self.server != NULL && i < 3 * N_WAYS; i++)
    {
      connect_for (&self, "/no/such/program");
      vmd_ssh_connection_get_ahead (VMD_SSH_CONNECTION (self.connection))->hurry = 0;
      check_runs_once (&self, BY_STANDBY);
      check_runs_once (&self, i % N_WAYS);
      check_runs_once (&self, BY_STANDBY);
      g_clear_object (&self.connection);
      g_clear_object (&self.transport);
    }
}

/* A program that tells who was the first to run it, and becomes vmd's. (transfer full) */
static char *
make_program (Fixture *self, const char *pid_path)
{
  char *program = g_strconcat (pid_path, "-program", NULL);
  g_autofree char *text =
      g_strdup_printf ("#!/bin/sh\ntest -e '%s' || { echo $$ >'%s.new'; mv '%s.new' '%s'; }\n"
                       "exec '%s' \"$@\"\n",
                       pid_path, pid_path, pid_path, pid_path, self->server->program);

  g_assert_true (
      g_file_set_contents_full (program, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
  return program;
}

/* Has something stand by on a new connection, and be the next one to die. */
static void
stand_by (Fixture *self, guint round)
{
  g_autofree char *name = g_strdup_printf ("pid-%u", round);
  g_autofree char *path = path_of (self, name);
  g_autofree char *program = make_program (self, path);
  gint64 deadline = vmd_deadline_in (HANG_LIMIT);
  g_autofree char *text = NULL;

  connect_for (self, program);
  server_warm_up (self->connection);
  while (!g_file_get_contents (path, &text, NULL, NULL))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (100);
    }
  victim = pidfd_open (atoi (text), 0);
  g_assert_cmpint (victim, >=, 0);
}

static void
check_moment (ServerKind kind, Moment when)
{
  g_auto (Fixture) self = { .server = server_new (kind) };

  for (guint i = 0; self.server != NULL && i < 2 * N_WAYS; i++)
    {
      Way way = i % N_WAYS;

      /* What has become a command is not told to end. */
      if (when == AT_END_OF_INPUT && way == BY_STANDBY)
        continue;
      stand_by (&self, i);
      moment = when;
      check_runs_once (&self, way);
      moment = AT_NO_TIME;
      vmd_clear_fd (&victim);
      g_clear_object (&self.connection);
      g_clear_object (&self.transport);
    }
}

static void
test_dies_as_it_leaves (gconstpointer data)
{
  check_moment (GPOINTER_TO_UINT (data), AT_END_OF_INPUT);
}

static void
test_dies_before_channel (gconstpointer data)
{
  check_moment (GPOINTER_TO_UINT (data), AT_CHANNEL);
}

static void
test_dies_before_request (gconstpointer data)
{
  check_moment (GPOINTER_TO_UINT (data), AT_REQUEST);
}

static void
add (const char *name, GTestDataFunc test)
{
  g_autofree char *openssh = g_strdup_printf ("/ssh-by-shell/openssh/%s", name);
  g_autofree char *dropbear = g_strdup_printf ("/ssh-by-shell/dropbear/%s", name);

  g_test_add_data_func (openssh, GUINT_TO_POINTER (SERVER_OPENSSH), test);
  g_test_add_data_func (dropbear, GUINT_TO_POINTER (SERVER_DROPBEAR), test);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("no-program", test_no_program);
  add ("dies-as-it-leaves", test_dies_as_it_leaves);
  add ("dies-before-channel", test_dies_before_channel);
  add ("dies-before-request", test_dies_before_request);
  return g_test_run ();
}
