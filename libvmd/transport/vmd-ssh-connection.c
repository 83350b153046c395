/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>

/* A guest that has said nothing for a while is asked; one that does not answer is given up. Either
 * way the connection ends well before TCP would notice. */
#define KEEPALIVE_INTERVAL 15 /* seconds */
#define SILENCE_MAX 60 /* seconds */

struct _VmdSshConnection
{
  GObject parent; /* belongs to one thread at a time */

  VmdSshWire wire;
  LIBSSH2_SESSION *session;
  char *program;
  VmdSshAhead ahead;
  gboolean keeps_alive;
  gint64 asked; /* when the guest was last asked whether it lives */
  gint64 unanswered; /* when it was first asked since it last said something */
};

static void guest_connection_init (VmdGuestConnectionInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdSshConnection, vmd_ssh_connection, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_GUEST_CONNECTION,
                                                      guest_connection_init))

static void
vmd_ssh_connection_finalize (GObject *object)
{
  VmdSshConnection *self = VMD_SSH_CONNECTION (object);

  g_clear_pointer (&self->session, vmd_ssh_session_free);
  vmd_ssh_wire_clear (&self->wire);
  g_free (self->program);
  G_OBJECT_CLASS (vmd_ssh_connection_parent_class)->finalize (object);
}

static VmdGuestProcess *
ssh_connection_spawn (VmdGuestConnection *connection, const char *command,
                      GCancellable *cancellable, gint64 deadline, GError **error)
{
  const VmdSshWait wait = { cancellable, deadline, "starting a command in the guest" };

  return vmd_ssh_process_new (VMD_SSH_CONNECTION (connection), command, &wait, error);
}

static VmdExecResult *
ssh_connection_exec (VmdGuestConnection *connection, VmdExecSpec *spec, GCancellable *cancellable,
                     GError **error)
{
  VmdSshConnection *self = VMD_SSH_CONNECTION (connection);
  VmdExecResult *result = vmd_ssh_exec (self, spec, cancellable, error);

  if (result != NULL)
    vmd_ssh_standby_start (self);
  return result;
}

/* What the guest has sent meanwhile is left where it is, for the next command: mostly requests that
 * a server makes on its own. */
static gboolean
ssh_connection_is_usable (VmdGuestConnection *connection)
{
  VmdSshConnection *self = VMD_SSH_CONNECTION (connection);
  struct pollfd fd = { .fd = self->wire.fd, .events = POLLRDHUP };

  return self->wire.failure == 0 && poll (&fd, 1, 0) == 0;
}

static void
guest_connection_init (VmdGuestConnectionInterface *iface)
{
  iface->spawn = ssh_connection_spawn;
  iface->exec = ssh_connection_exec;
  iface->is_usable = ssh_connection_is_usable;
}

static void
vmd_ssh_connection_class_init (VmdSshConnectionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_ssh_connection_finalize;
}

static void
vmd_ssh_connection_init (VmdSshConnection *self)
{
  vmd_ssh_wire_init (&self->wire);
  self->ahead.hurry = VMD_SSH_HURRY;
}

/* @fd: a connected socket, taken
 * @program: vmd's own in the guest
 *
 * Returns: (transfer full) (nullable): nobody is logged in yet; NULL when libssh2 cannot be used */
VmdSshConnection *
vmd_ssh_connection_new (int fd, const char *program)
{
  g_autoptr (VmdSshConnection) self = g_object_new (VMD_TYPE_SSH_CONNECTION, NULL);

  self->wire.fd = fd;
  self->program = g_strdup (program);
  self->wire.heard = g_get_monotonic_time ();
  self->session = vmd_ssh_wire_make_session (&self->wire);
  return self->session != NULL ? g_steal_pointer (&self) : NULL;
}

VmdSshWire *
vmd_ssh_connection_get_wire (VmdSshConnection *self)
{
  return &self->wire;
}

LIBSSH2_SESSION *
vmd_ssh_connection_get_session (VmdSshConnection *self)
{
  return self->session;
}

const char *
vmd_ssh_connection_get_program (VmdSshConnection *self)
{
  return self->program;
}

VmdSshAhead *
vmd_ssh_connection_get_ahead (VmdSshConnection *self)
{
  return &self->ahead;
}

/* After the login: before that, a question would be out of place. */
void
vmd_ssh_connection_begin_keepalive (VmdSshConnection *self)
{
  libssh2_keepalive_config (self->session, 1, KEEPALIVE_INTERVAL);
  self->keeps_alive = TRUE;
}

/* The one place where an error of libssh2 becomes one of ours. */
static VmdError
get_code (gssize result)
{
  switch (result)
    {
    case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
    case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
      return VMD_ERROR_PERMISSION_DENIED;
    case LIBSSH2_ERROR_FILE:
      return VMD_ERROR_FAILED;
    case LIBSSH2_ERROR_CHANNEL_FAILURE:
    case LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
    case LIBSSH2_ERROR_CHANNEL_CLOSED:
    case LIBSSH2_ERROR_CHANNEL_EOF_SENT:
    case LIBSSH2_ERROR_ALLOC:
      return VMD_ERROR_GUEST;
    default:
      return VMD_ERROR_UNREACHABLE;
    }
}

static const char *
describe_failure (int failure)
{
  if (failure == ECONNRESET)
    return "it closed the connection";
  if (failure == ENOBUFS)
    return "it asks and does not listen";
  return g_strerror (failure);
}

/**
 * vmd_ssh_connection_fail:
 * @result: what a call of libssh2 returned
 * @what: what was being done: "logging in to the guest"
 *
 * Sets @error from it. What is wrong with the connection comes before what libssh2 made of it.
 *
 * Returns: FALSE
 */
gboolean
vmd_ssh_connection_fail (VmdSshConnection *self, gssize result, const char *what, GError **error)
{
  g_autofree char *shown = NULL;
  char *message = NULL;

  if (self->wire.failure != 0)
    return vmd_fail (error, VMD_ERROR_UNREACHABLE, "The guest was lost while %s: %s", what,
                     describe_failure (self->wire.failure));
  libssh2_session_last_error (self->session, &message, NULL, 0);
  shown = g_utf8_make_valid (message != NULL ? message : "unknown error", -1);
  return vmd_fail (error, get_code (result), "Failed while %s: %s (SSH error %zd)", what, shown,
                   result);
}

/* When to give the guest up. Its silence counts from the first question on: to a connection that
 * lay in the pool nobody has listened, however long ago it was that anybody heard anything. */
static gint64
get_end_of_patience (VmdSshConnection *self)
{
  if (self->unanswered <= self->wire.heard)
    return VMD_NO_DEADLINE;
  return self->unanswered + (SILENCE_MAX - KEEPALIVE_INTERVAL) * G_USEC_PER_SEC;
}

/* Until when to wait before the guest is to be asked, or given up. */
static gint64
get_next_look (VmdSshConnection *self)
{
  gint64 since = MAX (self->wire.heard, self->asked);

  return MIN (since + KEEPALIVE_INTERVAL * G_USEC_PER_SEC, get_end_of_patience (self));
}

static gboolean
ask_whether_alive (VmdSshConnection *self, const char *what, GError **error)
{
  gint64 now = g_get_monotonic_time ();

  if (now >= get_end_of_patience (self))
    {
      self->wire.failure = ETIMEDOUT;
      return vmd_fail (error, VMD_ERROR_UNREACHABLE,
                       "The guest has not answered for %d seconds while %s", SILENCE_MAX, what);
    }
  if (self->unanswered <= self->wire.heard)
    self->unanswered = now;
  self->asked = now;
  libssh2_keepalive_send (self->session, NULL);
  return vmd_ssh_wire_flush (&self->wire) ||
         vmd_ssh_connection_fail (self, LIBSSH2_ERROR_SOCKET_SEND, what, error);
}

static void
prepare_fd (VmdSshConnection *self, struct pollfd *fds)
{
  fds[0] = (struct pollfd){
    .fd = self->wire.fd,
    .events = POLLIN | (vmd_ssh_wire_get_queued (&self->wire) > 0 ? POLLOUT : 0),
  };
}

/* One poll() that may end early, to look after the guest. */
static gboolean
poll_once (VmdSshConnection *self, const VmdSshWait *wait, struct pollfd *fds, nfds_t n_fds,
           gboolean *ready, GError **error)
{
  gint64 look = self->keeps_alive ? get_next_look (self) : VMD_NO_DEADLINE;
  g_autoptr (GError) local = NULL;

  prepare_fd (self, fds);
  *ready = vmd_poll (fds, n_fds, wait->cancellable, MIN (wait->deadline, look), wait->what, &local);
  if (*ready)
    return TRUE;
  if (look < wait->deadline && g_error_matches (local, VMD_ERROR, VMD_ERROR_TIMED_OUT))
    return ask_whether_alive (self, wait->what, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
look_only (VmdSshConnection *self, const VmdSshWait *wait, struct pollfd *fds, nfds_t n_fds,
           GError **error)
{
  prepare_fd (self, fds);
  for (nfds_t i = 0; i < n_fds; i++)
    fds[i].revents = 0;
  poll (fds, n_fds, 0);
  return !vmd_is_cancelled (wait->cancellable, error);
}

/**
 * vmd_ssh_connection_wait:
 * @fds: (inout): @fds[0] is for the connection, the others are the caller's
 *
 * Sends what is queued, waits until the guest says or takes something or one of the caller's
 * descriptors is ready, and allows the next turn of reading.
 *
 * Returns: whether it is worth trying again; else CANCELLED, TIMED_OUT, UNREACHABLE
 */
gboolean
vmd_ssh_connection_wait (VmdSshConnection *self, const VmdSshWait *wait, struct pollfd *fds,
                         nfds_t n_fds, GError **error)
{
  gboolean ready = vmd_ssh_wire_get_queued (&self->wire) >= VMD_SSH_QUEUE_FULL;

  /* poll() prefers what is ready to a deadline that has passed; a guest that talks on may not. */
  if (g_get_monotonic_time () >= wait->deadline)
    return vmd_fail (error, VMD_ERROR_TIMED_OUT, "timed out while %s", wait->what);
  if (!vmd_ssh_wire_flush (&self->wire))
    return vmd_ssh_connection_fail (self, LIBSSH2_ERROR_SOCKET_SEND, wait->what, error);
  /* Who came because the queue was full has what he wants as soon as it is not. */
  ready = ready && vmd_ssh_wire_get_queued (&self->wire) < VMD_SSH_QUEUE_FULL;
  if (ready && !look_only (self, wait, fds, n_fds, error))
    return FALSE;
  while (!ready)
    if (!poll_once (self, wait, fds, n_fds, &ready, error))
      return FALSE;
  vmd_ssh_wire_allow (&self->wire, fds[0].revents);
  return vmd_ssh_wire_flush (&self->wire) ||
         vmd_ssh_connection_fail (self, LIBSSH2_ERROR_SOCKET_SEND, wait->what, error);
}

/**
 * vmd_ssh_connection_settle:
 * @result: what a call of libssh2 returned
 * @again: (out): the call is to be repeated: it was waited for what it needs
 *
 * Returns: FALSE when the call failed, or the waiting
 */
gboolean
vmd_ssh_connection_settle (VmdSshConnection *self, gssize result, const VmdSshWait *wait,
                           gboolean *again, GError **error)
{
  struct pollfd fds[1];

  *again = result == LIBSSH2_ERROR_EAGAIN;
  if (*again)
    return vmd_ssh_connection_wait (self, wait, fds, G_N_ELEMENTS (fds), error);
  return result >= 0 || vmd_ssh_connection_fail (self, result, wait->what, error);
}
