/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-transport-private.h"

G_DEFINE_INTERFACE (VmdTransport, vmd_transport, G_TYPE_OBJECT)
G_DEFINE_INTERFACE (VmdGuestConnection, vmd_guest_connection, G_TYPE_OBJECT)
G_DEFINE_INTERFACE (VmdGuestProcess, vmd_guest_process, G_TYPE_OBJECT)

static void
vmd_transport_default_init (VmdTransportInterface *iface)
{
}

static void
vmd_guest_connection_default_init (VmdGuestConnectionInterface *iface)
{
}

static void
vmd_guest_process_default_init (VmdGuestProcessInterface *iface)
{
}

void
vmd_guest_address_free (VmdGuestAddress *address)
{
  g_free (address->vm_id);
  g_free (address->host);
  g_free (address->user);
  g_free (address->client_key);
  g_free (address->host_key);
  g_free (address->server_software);
  g_free (address->fake_root);
  g_free (address);
}

/**
 * vmd_transport_connect:
 * @deadline: in the time of g_get_monotonic_time()
 *
 * Connects, checks that it is the guest meant, and logs in: one attempt.
 *
 * Returns: (transfer full) (nullable): the connection; UNREACHABLE, TIMED_OUT, HOST_KEY_MISMATCH,
 *   PERMISSION_DENIED when the guest refuses the key, CANCELLED
 */
VmdGuestConnection *
vmd_transport_connect (VmdTransport *self, const VmdGuestAddress *address,
                       GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_TRANSPORT (self), NULL);
  return VMD_TRANSPORT_GET_IFACE (self)->connect (self, address, cancellable, deadline, error);
}

/**
 * vmd_guest_connection_spawn:
 * @command: a command line for the guest's shell
 *
 * Begins a command. It keeps the connection, and is the only one on it while it lives.
 *
 * Returns: (transfer full) (nullable): its streams; GUEST when the guest refuses it, UNREACHABLE,
 *   TIMED_OUT, CANCELLED
 */
VmdGuestProcess *
vmd_guest_connection_spawn (VmdGuestConnection *self, const char *command,
                            GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_GUEST_CONNECTION (self), NULL);
  return VMD_GUEST_CONNECTION_GET_IFACE (self)->spawn (self, command, cancellable, deadline, error);
}

/**
 * vmd_guest_connection_exec:
 * @spec: its streams are taken, and closed when the call returns
 *
 * Runs a command to its end, and carries its streams meanwhile.
 *
 * Returns: (transfer full) (nullable): how it ended; GUEST, UNREACHABLE, TIMED_OUT, CANCELLED, or
 *   what a stream of @spec failed with
 */
VmdExecResult *
vmd_guest_connection_exec (VmdGuestConnection *self, VmdExecSpec *spec, GCancellable *cancellable,
                           GError **error)
{
  g_return_val_if_fail (VMD_IS_GUEST_CONNECTION (self), NULL);
  return VMD_GUEST_CONNECTION_GET_IFACE (self)->exec (self, spec, cancellable, error);
}

/* Whether another command may be begun on it. Never waits. */
gboolean
vmd_guest_connection_is_usable (VmdGuestConnection *self)
{
  g_return_val_if_fail (VMD_IS_GUEST_CONNECTION (self), FALSE);
  return VMD_GUEST_CONNECTION_GET_IFACE (self)->is_usable (self);
}

/**
 * vmd_guest_process_write:
 *
 * Gives @data to the command's standard input.
 *
 * Returns: TRUE when all of it is on its way; GUEST when the command ended without reading it,
 *   which its streams and vmd_guest_process_wait() then explain
 */
gboolean
vmd_guest_process_write (VmdGuestProcess *self, const void *data, gsize length,
                         GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_GUEST_PROCESS (self), FALSE);
  return VMD_GUEST_PROCESS_GET_IFACE (self)->write (self, data, length, cancellable, deadline,
                                                    error);
}

/* Ends the command's standard input. */
gboolean
vmd_guest_process_write_eof (VmdGuestProcess *self, GCancellable *cancellable, gint64 deadline,
                             GError **error)
{
  g_return_val_if_fail (VMD_IS_GUEST_PROCESS (self), FALSE);
  return VMD_GUEST_PROCESS_GET_IFACE (self)->write_eof (self, cancellable, deadline, error);
}

/* Returns: how many bytes were read into @data; 0 at the end of the stream; -1 with an error */
gssize
vmd_guest_process_read (VmdGuestProcess *self, gboolean is_stderr, void *data, gsize length,
                        GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_GUEST_PROCESS (self), -1);
  return VMD_GUEST_PROCESS_GET_IFACE (self)->read (self, is_stderr, data, length, cancellable,
                                                   deadline, error);
}

/* After both output streams have ended. Returns: (transfer full) (nullable) */
VmdExecResult *
vmd_guest_process_wait (VmdGuestProcess *self, GCancellable *cancellable, gint64 deadline,
                        GError **error)
{
  g_return_val_if_fail (VMD_IS_GUEST_PROCESS (self), NULL);
  return VMD_GUEST_PROCESS_GET_IFACE (self)->wait (self, cancellable, deadline, error);
}

/* Takes the command's streams away, at once and without waiting for the guest. */
void
vmd_guest_process_abort (VmdGuestProcess *self)
{
  g_return_if_fail (VMD_IS_GUEST_PROCESS (self));
  VMD_GUEST_PROCESS_GET_IFACE (self)->abort (self);
}
