/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include "../base/vmd-failure-private.h"

/* A command whose streams are ours. Nothing here reads ahead: output waits in the session, at most
 * a window of it, until it is read. */

#define VMD_TYPE_SSH_PROCESS (vmd_ssh_process_get_type ())
G_DECLARE_FINAL_TYPE (VmdSshProcess, vmd_ssh_process, VMD, SSH_PROCESS, GObject)

struct _VmdSshProcess
{
  GObject parent; /* belongs to the connection's thread */

  VmdSshConnection *connection;
  LIBSSH2_CHANNEL *channel; /* (nullable) aborted */
};

static void guest_process_init (VmdGuestProcessInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdSshProcess, vmd_ssh_process, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_GUEST_PROCESS, guest_process_init))

static void
ssh_process_abort (VmdGuestProcess *process)
{
  VmdSshProcess *self = VMD_SSH_PROCESS (process);

  if (self->channel != NULL)
    vmd_ssh_channel_end (self->connection, self->channel);
  self->channel = NULL;
}

static void
vmd_ssh_process_dispose (GObject *object)
{
  VmdSshProcess *self = VMD_SSH_PROCESS (object);

  ssh_process_abort (VMD_GUEST_PROCESS (object));
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (vmd_ssh_process_parent_class)->dispose (object);
}

static gboolean
check_channel (VmdSshProcess *self, GError **error)
{
  return self->channel != NULL ||
         vmd_fail (error, VMD_ERROR_GUEST, "The command in the guest was ended");
}

static gboolean
wait_more (VmdSshProcess *self, const VmdSshWait *wait, GError **error)
{
  struct pollfd fds[1];

  return vmd_ssh_connection_wait (self->connection, wait, fds, G_N_ELEMENTS (fds), error);
}

/* FALSE also when nobody is there any more to take input. */
static gboolean
listen_for_input (VmdSshProcess *self, const VmdSshWait *wait, GError **error)
{
  gboolean closed;

  if (!vmd_ssh_channel_listen (self->connection, self->channel, &closed, wait->what, error))
    return FALSE;
  return !closed || vmd_fail (error, VMD_ERROR_GUEST,
                              "The command in the guest ended before it had read its input");
}

/* How much was put on its way without waiting; 0: none; -1 with an error. */
static gssize
write_some (VmdSshProcess *self, const guint8 *data, gsize length, const VmdSshWait *wait,
            GError **error)
{
  VmdSshWire *wire = vmd_ssh_connection_get_wire (self->connection);
  gssize n;

  if (vmd_ssh_wire_get_queued (wire) >= VMD_SSH_QUEUE_FULL)
    return 0;
  n = libssh2_channel_write (self->channel, (const char *) data, length);
  if (n >= 0)
    return n;
  if (n == LIBSSH2_ERROR_EAGAIN)
    return 0;
  vmd_ssh_connection_fail (self->connection, n, wait->what, error);
  return -1;
}

static gboolean
ssh_process_write (VmdGuestProcess *process, const void *data, gsize length,
                   GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdSshProcess *self = VMD_SSH_PROCESS (process);
  const VmdSshWait wait = { cancellable, deadline, "sending to a command in the guest" };
  VmdSshWire *wire = vmd_ssh_connection_get_wire (self->connection);
  const guint8 *rest = data;

  if (!check_channel (self, error) || vmd_is_cancelled (cancellable, error))
    return FALSE;
  while (length > 0)
    {
      gssize n;

      if (!listen_for_input (self, &wait, error))
        return FALSE;
      n = write_some (self, rest, length, &wait, error);
      if (n < 0 || (n == 0 && !wait_more (self, &wait, error)))
        return FALSE;
      rest += n;
      length -= n;
    }
  return vmd_ssh_wire_flush (wire) ||
         vmd_ssh_connection_fail (self->connection, LIBSSH2_ERROR_SOCKET_SEND, wait.what, error);
}

static gboolean
ssh_process_write_eof (VmdGuestProcess *process, GCancellable *cancellable, gint64 deadline,
                       GError **error)
{
  VmdSshProcess *self = VMD_SSH_PROCESS (process);
  const VmdSshWait wait = { cancellable, deadline, "sending to a command in the guest" };
  VmdSshWire *wire = vmd_ssh_connection_get_wire (self->connection);
  gboolean again, closed;

  if (!check_channel (self, error))
    return FALSE;
  do
    if (!vmd_ssh_connection_settle (self->connection, libssh2_channel_send_eof (self->channel),
                                    &wait, &again, error))
      return FALSE;
  while (again);
  if (!vmd_ssh_wire_flush (wire))
    return vmd_ssh_connection_fail (self->connection, LIBSSH2_ERROR_SOCKET_SEND, wait.what, error);
  while (vmd_ssh_wire_get_queued (wire) > 0)
    if (!wait_more (self, &wait, error) ||
        !vmd_ssh_channel_listen (self->connection, self->channel, &closed, wait.what, error))
      return FALSE;
  return TRUE;
}

static gssize
ssh_process_read (VmdGuestProcess *process, gboolean is_stderr, void *data, gsize length,
                  GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdSshProcess *self = VMD_SSH_PROCESS (process);
  const VmdSshWait wait = { cancellable, deadline, "reading from a command in the guest" };
  gssize n = 0;
  gboolean again;

  if (!check_channel (self, error))
    return -1;
  do
    {
      n = libssh2_channel_read_ex (self->channel, is_stderr ? SSH_EXTENDED_DATA_STDERR : 0, data,
                                   length);
      if (!vmd_ssh_connection_settle (self->connection, n, &wait, &again, error))
        return -1;
    }
  while (again);
  return n;
}

static VmdExecResult *
ssh_process_wait (VmdGuestProcess *process, GCancellable *cancellable, gint64 deadline,
                  GError **error)
{
  VmdSshProcess *self = VMD_SSH_PROCESS (process);
  const VmdSshWait wait = { cancellable, deadline, "waiting for a command in the guest to end" };
  gboolean closed = FALSE;

  if (!check_channel (self, error))
    return NULL;
  while (!closed)
    {
      if (!vmd_ssh_channel_listen (self->connection, self->channel, &closed, wait.what, error))
        return NULL;
      if (!closed && !wait_more (self, &wait, error))
        return NULL;
    }
  return vmd_ssh_channel_get_result (self->connection, self->channel);
}

static void
guest_process_init (VmdGuestProcessInterface *iface)
{
  iface->write = ssh_process_write;
  iface->write_eof = ssh_process_write_eof;
  iface->read = ssh_process_read;
  iface->wait = ssh_process_wait;
  iface->abort = ssh_process_abort;
}

static void
vmd_ssh_process_class_init (VmdSshProcessClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmd_ssh_process_dispose;
}

static void
vmd_ssh_process_init (VmdSshProcess *self)
{
}

/* Returns: (transfer full) (nullable): @command, begun */
VmdGuestProcess *
vmd_ssh_process_new (VmdSshConnection *connection, const char *command, const VmdSshWait *wait,
                     GError **error)
{
  LIBSSH2_CHANNEL *channel = NULL;
  VmdSshProcess *self;

  if (vmd_ssh_standby_leave (connection, wait, error))
    channel = vmd_ssh_channel_open (connection, NULL, 0, 0, command, wait, error);
  if (channel == NULL)
    return NULL;
  self = g_object_new (VMD_TYPE_SSH_PROCESS, NULL);
  self->connection = g_object_ref (connection);
  self->channel = channel;
  return VMD_GUEST_PROCESS (self);
}
