/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ssh-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* From an address to a login. vmd made the guest's host key itself, so what answers must prove that
 * one from the first connection on: an address may belong to another VM by now, and nothing of
 * ours, least of all a stream of files, may reach that one. Only numeric addresses are taken: a
 * name would have to be asked for, from somebody else, for as long as that takes. */

struct _VmdSshTransport
{
  GObject parent; /* never changes */

  char *program;
};

#define VMD_TYPE_SSH_TRANSPORT (vmd_ssh_transport_get_type ())
G_DECLARE_FINAL_TYPE (VmdSshTransport, vmd_ssh_transport, VMD, SSH_TRANSPORT, GObject)

static void transport_init (VmdTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdSshTransport, vmd_ssh_transport, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_TRANSPORT, transport_init))

/* What each server is fastest with under emulation, as far as this libssh2 knows it. dropbear's
 * SHA-256 costs twice its SHA-1, and what is wrong with SHA-1 (collisions) does not touch an
 * HMAC. */
static const struct
{
  const char *server_software;
  const char *ciphers;
  const char *macs;
} preferences[] = {
  { "dropbear", "chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr", "hmac-sha1,hmac-sha2-256" },
  { "openssh", "aes128-ctr,aes256-ctr,chacha20-poly1305@openssh.com",
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha1" },
};

static gboolean
fail_to_reach (const VmdGuestAddress *address, int saved_errno, GError **error)
{
  return vmd_fail (error, VMD_ERROR_UNREACHABLE, "Cannot reach the guest's SSH server at %s:%u: %s",
                   address->host, address->port, g_strerror (saved_errno));
}

static gboolean
finish_connecting (int fd, const VmdGuestAddress *address, GCancellable *cancellable,
                   gint64 deadline, GError **error)
{
  struct pollfd ready = { .fd = fd, .events = POLLOUT };
  int failure = 0;
  socklen_t length = sizeof failure;

  if (!vmd_poll (&ready, 1, cancellable, deadline, "connecting to the guest", error))
    return FALSE;
  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &failure, &length) < 0)
    failure = errno;
  return failure == 0 || fail_to_reach (address, failure, error);
}

/* A connected socket, or -1. */
static int
connect_socket (const VmdGuestAddress *address, GCancellable *cancellable, gint64 deadline,
                GError **error)
{
  g_autoptr (GSocketAddress) socket_address =
      g_inet_socket_address_new_from_string (address->host, address->port);
  struct sockaddr_storage native;
  vmd_autofd int fd = -1;
  gssize length;

  if (socket_address == NULL)
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is no numeric address of a guest",
                address->host);
      return -1;
    }
  length = g_socket_address_get_native_size (socket_address);
  if (!g_socket_address_to_native (socket_address, &native, sizeof native, error))
    return -1;
  fd = socket (native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    {
      vmd_fail_errno (error, errno, "Cannot make a socket");
      return -1;
    }
  /* Else a small packet waits for the acknowledgement of the one before: 44 ms instead of 2. */
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
  if (connect (fd, (struct sockaddr *) &native, length) < 0 && errno != EINPROGRESS)
    {
      fail_to_reach (address, errno, error);
      return -1;
    }
  if (!finish_connecting (fd, address, cancellable, deadline, error))
    return -1;
  return vmd_steal_fd (&fd);
}

/* Of @list, what this libssh2 knows. It would leave the rest out itself, but copies over itself at
 * that. */
static void
prefer_method (LIBSSH2_SESSION *session, int method, const char *list)
{
  g_auto (GStrv) wanted = g_strsplit (list, ",", -1);
  g_autoptr (GString) known = g_string_new (NULL);
  const char **supported = NULL;
  int n = libssh2_session_supported_algs (session, method, &supported);

  for (gsize i = 0; wanted[i] != NULL; i++)
    for (int j = 0; j < n; j++)
      if (g_str_equal (wanted[i], supported[j]))
        g_string_append_printf (known, "%s%s", known->len > 0 ? "," : "", wanted[i]);
  if (n > 0)
    libssh2_free (session, supported);
  if (known->len > 0)
    libssh2_session_method_pref (session, method, known->str);
}

/* The guest's own kind of host key is asked for first; one of another kind is then told apart as
 * what it is, the wrong one. */
static void
prefer (LIBSSH2_SESSION *session, const VmdGuestAddress *address)
{
  g_autofree char *kind = g_strndup (address->host_key, strcspn (address->host_key, " "));
  g_autofree char *kinds = g_strconcat (
      kind, ",ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-rsa", NULL);
  gsize n = 0;

  while (n < G_N_ELEMENTS (preferences) - 1 &&
         g_strcmp0 (preferences[n].server_software, address->server_software) != 0)
    n++;
  prefer_method (session, LIBSSH2_METHOD_HOSTKEY, kinds);
  prefer_method (session, LIBSSH2_METHOD_KEX,
                 "curve25519-sha256,curve25519-sha256@libssh.org,"
                 "ecdh-sha2-nistp256,diffie-hellman-group14-sha256");
  prefer_method (session, LIBSSH2_METHOD_CRYPT_CS, preferences[n].ciphers);
  prefer_method (session, LIBSSH2_METHOD_CRYPT_SC, preferences[n].ciphers);
  prefer_method (session, LIBSSH2_METHOD_MAC_CS, preferences[n].macs);
  prefer_method (session, LIBSSH2_METHOD_MAC_SC, preferences[n].macs);
}

static gboolean
shake_hands (VmdSshConnection *connection, const VmdSshWait *wait, GError **error)
{
  LIBSSH2_SESSION *session = vmd_ssh_connection_get_session (connection);
  VmdSshWire *wire = vmd_ssh_connection_get_wire (connection);
  gboolean again;

  do
    if (!vmd_ssh_connection_settle (connection, libssh2_session_handshake (session, wire->fd), wait,
                                    &again, error))
      return FALSE;
  while (again);
  return TRUE;
}

static gboolean
check_host_key (VmdSshConnection *connection, const VmdGuestAddress *address, GError **error)
{
  g_auto (GStrv) pinned = g_strsplit (address->host_key, " ", 3);
  g_autofree guint8 *expected = NULL;
  gsize expected_length = 0, length = 0;
  const char *key;
  int type;

  if (pinned[0] != NULL && pinned[1] != NULL)
    expected = g_base64_decode (g_strchomp (pinned[1]), &expected_length);
  key = libssh2_session_hostkey (vmd_ssh_connection_get_session (connection), &length, &type);
  if (key != NULL && expected_length > 0 && length == expected_length &&
      memcmp (key, expected, length) == 0)
    return TRUE;
  return vmd_fail (error, VMD_ERROR_HOST_KEY_MISMATCH,
                   "What answers at %s:%u is not VM %s: its host key is another one", address->host,
                   address->port, address->vm_id);
}

static gboolean
log_in (VmdSshConnection *connection, const VmdGuestAddress *address, const VmdSshWait *wait,
        GError **error)
{
  LIBSSH2_SESSION *session = vmd_ssh_connection_get_session (connection);
  gboolean again;

  if (access (address->client_key, R_OK) < 0)
    return vmd_fail_errno (error, errno, "Cannot read the key %s", address->client_key);
  do
    {
      int result = libssh2_userauth_publickey_fromfile_ex (
          session, address->user, strlen (address->user), NULL, address->client_key, NULL);

      if (!vmd_ssh_connection_settle (connection, result, wait, &again, error))
        return FALSE;
    }
  while (again);
  return TRUE;
}

static VmdGuestConnection *
ssh_transport_connect (VmdTransport *transport, const VmdGuestAddress *address,
                       GCancellable *cancellable, gint64 deadline, GError **error)
{
  const VmdSshWait handshake = { cancellable, deadline, "greeting the guest's SSH server" };
  const VmdSshWait login = { cancellable, deadline, "logging in to the guest" };
  g_autoptr (VmdSshConnection) connection = NULL;
  int fd;

  if (vmd_is_cancelled (cancellable, error))
    return NULL;
  fd = connect_socket (address, cancellable, deadline, error);
  if (fd < 0)
    return NULL;
  connection = vmd_ssh_connection_new (fd, VMD_SSH_TRANSPORT (transport)->program);
  if (connection == NULL)
    {
      vmd_fail (error, VMD_ERROR_FAILED, "libssh2 cannot make a session");
      return NULL;
    }
  prefer (vmd_ssh_connection_get_session (connection), address);
  if (!shake_hands (connection, &handshake, error) ||
      !check_host_key (connection, address, error) || !log_in (connection, address, &login, error))
    return NULL;
  vmd_ssh_connection_begin_keepalive (connection);
  return VMD_GUEST_CONNECTION (g_steal_pointer (&connection));
}

static void
transport_init (VmdTransportInterface *iface)
{
  iface->connect = ssh_transport_connect;
}

static void
vmd_ssh_transport_finalize (GObject *object)
{
  g_free (VMD_SSH_TRANSPORT (object)->program);
  G_OBJECT_CLASS (vmd_ssh_transport_parent_class)->finalize (object);
}

static void
vmd_ssh_transport_class_init (VmdSshTransportClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_ssh_transport_finalize;
}

static void
vmd_ssh_transport_init (VmdSshTransport *self)
{
}

/* @program: where guests have vmd's own program
 *
 * Returns: (transfer full): the transport to real guests; any number of threads may use it */
VmdTransport *
vmd_ssh_transport_new (const char *program)
{
  VmdSshTransport *self = g_object_new (VMD_TYPE_SSH_TRANSPORT, NULL);

  self->program = g_strdup (program);
  return VMD_TRANSPORT (self);
}
