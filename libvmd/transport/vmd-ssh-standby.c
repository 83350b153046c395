/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <string.h>

/* In an emulated guest a short command spends most of its time before it begins: the server forks
 * and a shell starts. Both are done ahead of time. When a command has ended, `vmd-guest standby` is
 * started on the next channel, and waits there for the next command, which it then becomes:
 * subprojects/vmd-guest/standby.c.
 *
 * A command begins once. The request goes only to a standby that has said that it is ready, and
 * nothing of the command's input goes with it; a standby says "begun" before it does anything. One
 * that ends without that word has done nothing, and the command is begun by the shell. One that has
 * the request and says nothing is waited for, as a shell is that says nothing: nobody could tell
 * whether the command would not begin after all. A deadline of our own is only there for the first
 * word, when nothing has been asked for yet.
 *
 * A standby that cannot be had costs its connection one attempt. One that is not ready when the
 * next command comes has gained nothing and cost a program's start: so there is none for a caller
 * who sends one command directly after another.
 *
 * Where the server is dropbear, a channel that has no command yet is never open beside a process
 * that may end. Up to 2024.85, dropbear looks at all channels when a child of its ends, and closes
 * those that have none (check_close() in common-channel.c: sesscheckclose() allows it as long as
 * there is no process, and close_chan_fd() takes the descriptors that are not there yet for the one
 * to be closed). Such a channel cannot be opened anew when it was closed before the answer to its
 * request came. The request may have been on its way, and sessioncommand() does not look whether
 * the channel is closed: it begins the command, does not say so, and gives up the connection by an
 * assertion as soon as the command says something. Nobody could tell whether it was begun. So
 * whoever needs a channel for a command has the standby end first, by vmd_ssh_standby_leave(), and
 * waits for dropbear to close its channel. That it does once it has seen the process's end, and by
 * then it has looked at all channels, within the same turn of its loop (session_loop() in
 * common-session.c). After that nothing runs on the connection until the command does. */

#define READY "vmd-guest standby 1\n"
#define BEGUN "begun\n"
#define CHANNEL_TIMEOUT 250 /* milliseconds */
#define READY_TIMEOUT 3000
#define LEAVE_TIMEOUT 60000

/* Lets go of a channel without waiting for the guest, which may keep it as long as it likes: what
 * is left of it goes with the session. Whoever waits there finds the end of its input. */
static void
dismiss (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel)
{
  libssh2_channel_free (channel);
  vmd_ssh_wire_flush (vmd_ssh_connection_get_wire (connection));
}

static int
request_standby (VmdSshConnection *connection)
{
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  const char *const argv[] = { vmd_ssh_connection_get_program (connection), "standby", NULL };
  g_autofree char *words = vmd_shell_quote_argv (argv);
  g_autofree char *command = g_strconcat ("exec ", words, NULL);

  return vmd_ssh_channel_request (ahead->standby, command);
}

/**
 * vmd_ssh_standby_start:
 *
 * Between two commands: gets going all that the next one then need not wait for. This itself waits
 * for a channel to be opened, and for no more: dropbear closes one that is open and has no command
 * yet as soon as another's command ends, so it cannot be opened earlier.
 */
void
vmd_ssh_standby_start (VmdSshConnection *connection)
{
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  const VmdSshWait wait = { NULL, vmd_deadline_in (CHANNEL_TIMEOUT), "preparing for a command" };
  int result;

  ahead->ended = g_get_monotonic_time ();
  if (ahead->standby != NULL)
    return;
  vmd_ssh_channel_prepare_next (connection);
  if (ahead->no_standby || ahead->in_hurry)
    return;
  ahead->standby = vmd_ssh_channel_take_next (connection, &wait);
  if (ahead->standby == NULL)
    return;
  result = request_standby (connection);
  ahead->started = result == 0;
  if (result != 0 && result != LIBSSH2_ERROR_EAGAIN)
    {
      ahead->no_standby = TRUE;
      dismiss (connection, g_steal_pointer (&ahead->standby));
    }
  vmd_ssh_wire_flush (vmd_ssh_connection_get_wire (connection));
}

/* Reads @text and not a byte more. GUEST when something else came, or the end. */
static gboolean
expect (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel, const char *text, gboolean *ended,
        const VmdSshWait *wait, GError **error)
{
  const gsize length = strlen (text);
  char bytes[32];
  gsize had = 0;
  gboolean again;

  *ended = FALSE;
  while (had < length)
    {
      gssize n = libssh2_channel_read (channel, bytes + had, length - had);

      if (!vmd_ssh_connection_settle (connection, n, wait, &again, error))
        return FALSE;
      *ended = n == 0;
      had += MAX (n, 0);
      if (*ended || memcmp (bytes, text, had) != 0)
        return vmd_fail (error, VMD_ERROR_GUEST, "vmd's program in the guest does not stand by");
    }
  return TRUE;
}

static gboolean
await_ready (VmdSshConnection *connection, const VmdSshWait *wait, GError **error)
{
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  gboolean again = !ahead->started, ended;

  /* libssh2 gives up what it asked for a minute ago unless it finds the answer at once. */
  vmd_ssh_wire_allow (vmd_ssh_connection_get_wire (connection), POLLIN);
  while (again)
    if (!vmd_ssh_connection_settle (connection, request_standby (connection), wait, &again, error))
      return FALSE;
  ahead->started = TRUE;
  return expect (connection, ahead->standby, READY, &ended, wait, error);
}

/* Until the server has seen its end: not by what it says, which nobody reads. */
static gboolean
await_end (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel, const VmdSshWait *wait,
           GError **error)
{
  gboolean closed = FALSE, again = TRUE;

  while (again)
    if (!vmd_ssh_connection_settle (connection, libssh2_channel_send_eof (channel), wait, &again,
                                    error))
      return FALSE;
  while (!closed)
    {
      struct pollfd fds[1];

      if (!vmd_ssh_channel_listen (connection, channel, &closed, wait->what, error))
        return FALSE;
      if (!closed && !vmd_ssh_connection_wait (connection, wait, fds, G_N_ELEMENTS (fds), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_dropbear (VmdSshConnection *connection)
{
  const char *banner = libssh2_session_banner_get (vmd_ssh_connection_get_session (connection));

  return banner != NULL && strstr (banner, "dropbear") != NULL;
}

/* A guest that does not let it end is waited for as for the command itself, but not for ever: one
 * process that is stopped would lock up everybody. The connection is given up then. */
static gboolean
end_standby (VmdSshConnection *connection, const VmdSshWait *wait, GError **error)
{
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  const VmdSshWait limited = { wait->cancellable,
                               MIN (wait->deadline, vmd_deadline_in (LEAVE_TIMEOUT)),
                               "waiting for what stood by in the guest to end" };
  gboolean left = TRUE;

  if (is_dropbear (connection))
    left = await_end (connection, ahead->standby, &limited, error);
  if (!left)
    vmd_ssh_wire_cut (vmd_ssh_connection_get_wire (connection));
  dismiss (connection, g_steal_pointer (&ahead->standby));
  return left;
}

/**
 * vmd_ssh_standby_leave:
 *
 * Has what stands by end, if there is anything and the server is one that needs it, so that a
 * channel may be opened for a command. Elsewhere it goes on to stand by, for the command after.
 *
 * Returns: FALSE when it does not end: TIMED_OUT, CANCELLED, UNREACHABLE
 */
gboolean
vmd_ssh_standby_leave (VmdSshConnection *connection, const VmdSshWait *wait, GError **error)
{
  if (vmd_ssh_connection_get_ahead (connection)->standby == NULL || !is_dropbear (connection))
    return TRUE;
  return end_standby (connection, wait, error);
}

/* *@useless: there is none to be had, and no error. */
static gboolean
get_ready (VmdSshConnection *connection, const VmdSshWait *wait, gboolean *useless, GError **error)
{
  VmdSshWait limited = *wait;
  g_autoptr (GError) local = NULL;

  limited.deadline = MIN (wait->deadline, vmd_deadline_in (READY_TIMEOUT));
  if (await_ready (connection, &limited, &local))
    return TRUE;
  vmd_ssh_connection_get_ahead (connection)->no_standby = TRUE;
  *useless = vmd_ssh_connection_get_wire (connection)->failure == 0 &&
             !g_error_matches (local, VMD_ERROR, VMD_ERROR_CANCELLED) &&
             g_get_monotonic_time () < wait->deadline;
  if (*useless)
    *useless = end_standby (connection, wait, error);
  else
    g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Absolute, and named as a shell that goes there names it. */
static gboolean
is_plain_path (const char *path)
{
  return g_str_equal (path, "/") ||
         (!g_str_has_suffix (path, "/") && !g_str_has_suffix (path, "/.") &&
          !g_str_has_suffix (path, "/..") && strstr (path, "//") == NULL &&
          strstr (path, "/./") == NULL && strstr (path, "/../") == NULL);
}

/* Shells hand on most variables as they get them, and these not. */
static gboolean
is_shell_variable (const char *entry)
{
  static const char *const names[] = {
    "_",      "BASHOPTS", "DIRSTACK",  "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME",
    "GROUPS", "HISTCMD",  "LINENO",    "OLDPWD",        "OPTIND",       "PPID", "PWD",
    "RANDOM", "SECONDS",  "SHELLOPTS", "SHLVL",         "SRANDOM",      "UID",
  };
  gsize length = strcspn (entry, "=");

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i]) == length && strncmp (names[i], entry, length) == 0)
      return TRUE;
  return g_str_has_prefix (entry, "BASH_");
}

/* Whether the command gets the same from a standby as from a shell. A terminal is asked for before
 * anything is started; "-x" is to a shell's exec an option. */
static gboolean
fits (VmdExecSpec *spec)
{
  const char *const *environment = vmd_exec_spec_get_environment (spec);
  const char *directory = vmd_exec_spec_get_directory (spec);
  gboolean plain = directory == NULL || is_plain_path (directory);
  const char *program;

  if (vmd_exec_spec_get_token (spec) == NULL)
    return FALSE;
  for (gsize i = 0; plain && environment != NULL && environment[i] != NULL; i++)
    plain = !is_shell_variable (environment[i]);
  program = vmd_exec_spec_get_argv (spec)[0];
  return plain && program[0] != '-' && program[0] != '\0';
}

static void
append (GByteArray *request, const char *string)
{
  g_byte_array_append (request, (const guint8 *) string, strlen (string) + 1);
}

static void
append_all (GByteArray *request, const char *const *strings)
{
  for (gsize i = 0; strings != NULL && strings[i] != NULL; i++)
    append (request, strings[i]);
}

/* Its form: subprojects/vmd-guest/standby-request.h. It is never larger than the guest takes, since
 * vmd_exec_spec_check() has bounded the line, which has all the rest in it. */
static GByteArray *
make_request (VmdExecSpec *spec)
{
  g_autofree char *line = vmd_exec_spec_dup_command (spec);
  g_autofree char *token = g_strconcat ("VMD_EXEC=", vmd_exec_spec_get_token (spec), NULL);
  const char *directory = vmd_exec_spec_get_directory (spec);
  GByteArray *request = g_byte_array_new ();
  guint32 length;

  g_byte_array_set_size (request, sizeof length);
  append (request, directory != NULL ? directory : "");
  append (request, line);
  append (request, token);
  append_all (request, vmd_exec_spec_get_environment (spec));
  append (request, "");
  append_all (request, vmd_exec_spec_get_argv (spec));
  length = GUINT32_TO_BE (request->len - (guint) sizeof length);
  memcpy (request->data, &length, sizeof length);
  return request;
}

/* *@ended: the standby has, and the command was not begun. */
static gboolean
send_request (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel, const GByteArray *request,
              gboolean *ended, const VmdSshWait *wait, GError **error)
{
  gsize sent = 0;
  gboolean again;

  *ended = FALSE;
  while (sent < request->len)
    {
      gssize n;

      if (!vmd_ssh_channel_listen (connection, channel, ended, wait->what, error))
        return FALSE;
      if (*ended)
        return vmd_fail (error, VMD_ERROR_GUEST, "vmd's program in the guest has ended");
      n = libssh2_channel_write (channel, (const char *) request->data + sent, request->len - sent);
      if (!vmd_ssh_connection_settle (connection, n, wait, &again, error))
        return FALSE;
      sent += MAX (n, 0);
    }
  return TRUE;
}

/**
 * vmd_ssh_standby_begin:
 * @channel: (out) (nullable): the command, begun; NULL: it has not, and is the shell's. Set on
 *   failure too when nobody knows whether it has.
 *
 * Begins the command at the standby that waits for it, if there is one and the command is one for
 * it.
 *
 * Returns: FALSE when the guest was lost, did not keep to its word, or was no longer to be waited
 *   for
 */
gboolean
vmd_ssh_standby_begin (VmdSshConnection *connection, VmdExecSpec *spec, const VmdSshWait *wait,
                       LIBSSH2_CHANNEL **channel, GError **error)
{
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  g_autoptr (GByteArray) request = NULL;
  g_autoptr (GError) local = NULL;
  gboolean ended;

  *channel = NULL;
  ahead->in_hurry = ahead->ended > 0 && g_get_monotonic_time () - ahead->ended < ahead->hurry;
  if (ahead->standby == NULL || !fits (spec))
    return vmd_ssh_standby_leave (connection, wait, error);
  if (!get_ready (connection, wait, &ended, error))
    return ended;
  request = make_request (spec);
  if (send_request (connection, ahead->standby, request, &ended, wait, &local) &&
      expect (connection, ahead->standby, BEGUN, &ended, wait, &local))
    *channel = g_steal_pointer (&ahead->standby);
  if (*channel != NULL)
    return TRUE;
  if (ended)
    return end_standby (connection, wait, error);
  *channel = g_steal_pointer (&ahead->standby);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}
