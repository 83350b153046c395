/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include <string.h>

/* What the guest may send of one command before we read it. A window of 64 KiB makes a stream 20
 * times slower. */
#define WINDOW (2 * 1024 * 1024)
#define PACKET 32768

/* One and the same call each time: libssh2 takes it up where it left it. */
static LIBSSH2_CHANNEL *
try_opening (LIBSSH2_SESSION *session)
{
  return libssh2_channel_open_ex (session, "session", strlen ("session"), WINDOW, PACKET, NULL, 0);
}

static LIBSSH2_CHANNEL *
open_channel (VmdSshConnection *connection, const VmdSshWait *wait, GError **error)
{
  LIBSSH2_SESSION *session = vmd_ssh_connection_get_session (connection);
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  LIBSSH2_CHANNEL *channel;
  gboolean again;

  /* libssh2 gives up what it asked for a minute ago unless the answer is there to be read. */
  if (ahead->asked &&
      !vmd_ssh_connection_settle (connection, LIBSSH2_ERROR_EAGAIN, wait, &again, error))
    return NULL;
  ahead->asked = FALSE;
  do
    {
      channel = try_opening (session);
      if (!vmd_ssh_connection_settle (connection,
                                      channel != NULL ? 0 : libssh2_session_last_errno (session),
                                      wait, &again, error))
        return NULL;
    }
  while (again);
  return channel;
}

static gboolean
request_terminal (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel, const char *term,
                  guint columns, guint rows, const VmdSshWait *wait, GError **error)
{
  gboolean again;

  do
    {
      int result = libssh2_channel_request_pty_ex (channel, term, strlen (term), NULL, 0,
                                                   (int) columns, (int) rows, 0, 0);

      if (!vmd_ssh_connection_settle (connection, result, wait, &again, error))
        return FALSE;
    }
  while (again);
  return TRUE;
}

/* Asks for @command, or for the login shell; or takes in the answer, when that could not be waited
 * for. Returns: what libssh2 does */
int
vmd_ssh_channel_request (LIBSSH2_CHANNEL *channel, const char *command)
{
  const char *request = command != NULL ? "exec" : "shell";

  return libssh2_channel_process_startup (channel, request, strlen (request), command,
                                          command != NULL ? strlen (command) : 0);
}

static gboolean
request_command (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel, const char *command,
                 const VmdSshWait *wait, GError **error)
{
  gboolean again;

  do
    if (!vmd_ssh_connection_settle (connection, vmd_ssh_channel_request (channel, command), wait,
                                    &again, error))
      return FALSE;
  while (again);
  return TRUE;
}

/**
 * vmd_ssh_channel_open:
 * @term: (nullable): TERM of a terminal of @columns and @rows; NULL: none
 * @command: (nullable): for the guest's shell; NULL: the login shell
 *
 * Returns: (nullable): the command, begun; for vmd_ssh_channel_end()
 */
LIBSSH2_CHANNEL *
vmd_ssh_channel_open (VmdSshConnection *connection, const char *term, guint columns, guint rows,
                      const char *command, const VmdSshWait *wait, GError **error)
{
  LIBSSH2_CHANNEL *channel = open_channel (connection, wait, error);

  if (channel == NULL)
    {
      /* Half a request cannot be taken back. */
      vmd_ssh_wire_cut (vmd_ssh_connection_get_wire (connection));
      return NULL;
    }
  if ((term == NULL || request_terminal (connection, channel, term, columns, rows, wait, error)) &&
      request_command (connection, channel, command, wait, error))
    return channel;
  vmd_ssh_channel_end (connection, channel);
  return NULL;
}

/* Asks for the next command's channel, and does not wait for the answer: by the time that there is
 * a next command, it will have come. */
void
vmd_ssh_channel_prepare_next (VmdSshConnection *connection)
{
  VmdSshWire *wire = vmd_ssh_connection_get_wire (connection);
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  LIBSSH2_CHANNEL *channel = NULL;

  if (wire->failure == 0 && !ahead->asked)
    {
      channel = try_opening (vmd_ssh_connection_get_session (connection));
      ahead->asked = channel == NULL;
    }
  /* An answer before the question: this is no honest guest. */
  if (channel != NULL)
    vmd_ssh_channel_end (connection, channel);
  vmd_ssh_wire_flush (wire);
}

/* Waits for the channel that was asked for.
 * Returns: (nullable): NULL when it does not come in time, and stays asked for, or not at all */
LIBSSH2_CHANNEL *
vmd_ssh_channel_take_next (VmdSshConnection *connection, const VmdSshWait *wait)
{
  VmdSshAhead *ahead = vmd_ssh_connection_get_ahead (connection);
  LIBSSH2_SESSION *session = vmd_ssh_connection_get_session (connection);
  LIBSSH2_CHANNEL *channel = NULL;
  gboolean again = TRUE;

  while (channel == NULL && ahead->asked && again)
    {
      if (!vmd_ssh_connection_settle (connection, LIBSSH2_ERROR_EAGAIN, wait, &again, NULL))
        return NULL;
      channel = try_opening (session);
      ahead->asked =
          channel == NULL && libssh2_session_last_errno (session) == LIBSSH2_ERROR_EAGAIN;
    }
  return channel;
}

/**
 * vmd_ssh_channel_listen:
 * @closed: (out): the command has ended, and has said how
 *
 * Takes in what the guest says, as far as the present turn goes; output stays queued until it is
 * read. To be called between waits whatever else is done, since nothing else may read.
 *
 * Returns: FALSE when the connection is lost
 */
gboolean
vmd_ssh_channel_listen (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel, gboolean *closed,
                        const char *what, GError **error)
{
  int result = libssh2_channel_wait_eof (channel);

  if (result == 0)
    result = libssh2_channel_wait_closed (channel);
  *closed = result == 0;
  return result == 0 || result == LIBSSH2_ERROR_EAGAIN ||
         vmd_ssh_connection_fail (connection, result, what, error);
}

/* Of a command that has ended. libssh2 1.10 does not tell a guest that says nothing from one that
 * says 0.
 * Returns: (transfer full) */
VmdExecResult *
vmd_ssh_channel_get_result (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel)
{
  LIBSSH2_SESSION *session = vmd_ssh_connection_get_session (connection);
  VmdExecResult *result;
  char *signal = NULL;

  libssh2_channel_get_exit_signal (channel, &signal, NULL, NULL, NULL, NULL, NULL);
  if (signal == NULL)
    return vmd_exec_result_new (libssh2_channel_get_exit_status (channel));
  result = vmd_exec_result_new_signalled (signal);
  libssh2_free (session, signal);
  return result;
}

/* Gives the channel back. When the command has not ended, or the guest has not said so yet, the
 * connection goes with it: then the command loses its streams, and its terminal. Freeing it does
 * not tell: libssh2 1.10 takes any packet that it still has to look at for the guest's consent. */
void
vmd_ssh_channel_end (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel)
{
  VmdSshWire *wire = vmd_ssh_connection_get_wire (connection);
  gboolean closed;
  int result;

  vmd_ssh_wire_allow (wire, 0);
  closed = libssh2_channel_wait_eof (channel) == 0 && libssh2_channel_wait_closed (channel) == 0;
  result = libssh2_channel_free (channel);
  if (!closed)
    vmd_ssh_wire_cut (wire);
  if (result == LIBSSH2_ERROR_EAGAIN)
    libssh2_channel_free (channel);
  vmd_ssh_wire_flush (wire);
}
