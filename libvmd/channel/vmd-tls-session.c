/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-tls-session-private.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* Why GnuTLS itself and not GIO's TLS, which is made of it. GIO shakes hands with calls that wait,
 * on threads of GTask's pool; that has ten and is everybody's, so ten peers that connect and say
 * nothing would stop all else that the process does on it. And a connection of GIO's cannot be
 * written to from an epoll loop without a GSource and its buffers for each. Here a handshake that
 * has nothing to go on with is EAGAIN like any other read: a peer that stalls costs its descriptor
 * and its session until the request's deadline, and no thread, and streams over TLS are on the same
 * loop, with the same promises, as those without.
 *
 * There are no session tickets: a reconnect costs a signature, and no key is shared between the
 * connections of different devices. */

#define RECORD_MAX (16 * 1024)
/* Records that say nothing are read over, so many in one call. */
#define TURNS 16
#define PRIORITY "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define HANDSHAKE_MAX (32 * 1024) /* bytes of one message of it */

struct _VmdTlsSession
{
  VmdTlsCredentials *credentials; /* a reference */
  gnutls_session_t foreign;
  int fd; /* the caller's */
  gboolean has_begun; /* the first byte has come, and may be of TLS */
  gboolean is_established;
  gboolean has_failed; /* for good */
  gboolean is_half_said;
};

static const char speaks_tls[] =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 83\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"error\":{\"code\":\"InvalidArgument\",\"message\":\"This port speaks TLS: use "
    "https://\"}}";

VmdTlsSession *
vmd_tls_session_new (VmdTlsCredentials *credentials, int fd)
{
  static const gnutls_datum_t protocol = { (unsigned char *) "http/1.1", strlen ("http/1.1") };
  VmdTlsSession *self = g_new0 (VmdTlsSession, 1);
  int result;

  self->credentials = vmd_tls_credentials_ref (credentials);
  self->fd = fd;
  result = gnutls_init (&self->foreign, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  if (result == 0)
    result = gnutls_set_default_priority_append (self->foreign, PRIORITY, NULL, 0);
  if (result == 0)
    result = gnutls_credentials_set (self->foreign, GNUTLS_CRD_CERTIFICATE,
                                     vmd_tls_credentials_get_foreign (credentials));
  /* Out of memory, or a system whose policy forbids all of it. */
  self->has_failed = result != 0;
  if (self->has_failed)
    return self;
  gnutls_alpn_set_protocols (self->foreign, &protocol, 1, 0);
  gnutls_handshake_set_max_packet_length (self->foreign, HANDSHAKE_MAX);
  gnutls_transport_set_int (self->foreign, fd);
  return self;
}

void
vmd_tls_session_free (VmdTlsSession *self)
{
  if (self->foreign != NULL)
    gnutls_deinit (self->foreign);
  vmd_tls_credentials_unref (self->credentials);
  g_free (self);
}

/* FALSE, for whoever returns it. */
static gboolean
fail (VmdTlsSession *self)
{
  self->has_failed = TRUE;
  errno = EPROTO;
  return FALSE;
}

/* A record of TLS begins with a number, a request with a letter. Who sends the latter is told, in
 * words that it can read; what it has sent is taken first, else the kernel would reset instead. */
static gboolean
begin (VmdTlsSession *self)
{
  unsigned char first;
  gssize got = recv (self->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

  if (got < 0)
    return FALSE;
  self->has_begun = TRUE;
  if (got == 0 || !g_ascii_isalpha (first))
    return TRUE;
  while (recv (self->fd, NULL, RECORD_MAX, MSG_TRUNC | MSG_DONTWAIT) == RECORD_MAX)
    continue;
  send (self->fd, speaks_tls, strlen (speaks_tls), MSG_DONTWAIT | MSG_NOSIGNAL);
  return fail (self);
}

static gboolean
would_wait (void)
{
  errno = EAGAIN;
  return FALSE;
}

/* The client has said the last of the handshake, to which there is no answer; one that sends its
 * request after that, and not with it, would wait for an acknowledgement that is put off by 40 ms.
 */
static void
acknowledge (VmdTlsSession *self)
{
  const int yes = 1;

  setsockopt (self->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

/* FALSE with errno: not now, or never. */
static gboolean
shake_hands (VmdTlsSession *self)
{
  if (self->has_failed)
    return fail (self);
  if (self->is_established)
    return TRUE;
  if (!self->has_begun && !begin (self))
    return FALSE;
  for (guint i = 0; i < TURNS; i++)
    {
      int result = gnutls_handshake (self->foreign);

      self->is_established = result == GNUTLS_E_SUCCESS;
      if (self->is_established)
        {
          acknowledge (self);
          return TRUE;
        }
      if (result == GNUTLS_E_AGAIN)
        break;
      if (gnutls_error_is_fatal (result))
        {
          gnutls_alert_send_appropriate (self->foreign, result);
          return fail (self);
        }
    }
  return would_wait ();
}

gssize
vmd_tls_session_read (VmdTlsSession *self, void *buffer, gsize count)
{
  if (!shake_hands (self))
    return -1;
  for (guint i = 0; i < TURNS; i++)
    {
      gssize got = gnutls_record_recv (self->foreign, buffer, count);

      if (got >= 0)
        return got;
      if (got == GNUTLS_E_AGAIN)
        break;
      /* Whether a message was whole is HTTP's to know. */
      if (got == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
      /* Another handshake within the session is nothing that a device needs. */
      if (got == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal (got))
        {
          fail (self);
          return -1;
        }
    }
  would_wait ();
  return -1;
}

static gsize
gather (const struct iovec *pieces, guint n_pieces, char record[RECORD_MAX])
{
  gsize length = 0;

  for (guint i = 0; i < n_pieces && length < RECORD_MAX; i++)
    {
      gsize part = MIN (pieces[i].iov_len, RECORD_MAX - length);

      memcpy (record + length, pieces[i].iov_base, part);
      length += part;
    }
  return length;
}

/* One record at most; GnuTLS keeps what it has begun, and says then how much of ours that was. */
gssize
vmd_tls_session_write (VmdTlsSession *self, const struct iovec *pieces, guint n_pieces)
{
  char record[RECORD_MAX];
  gssize sent;

  if (!shake_hands (self))
    return -1;
  if (self->is_half_said)
    sent = gnutls_record_send (self->foreign, NULL, 0);
  else
    sent = gnutls_record_send (self->foreign, record, gather (pieces, n_pieces, record));
  while (sent == GNUTLS_E_INTERRUPTED)
    sent = gnutls_record_send (self->foreign, NULL, 0);
  self->is_half_said = sent == GNUTLS_E_AGAIN;
  if (sent >= 0)
    return sent;
  if (self->is_half_said)
    would_wait ();
  else
    fail (self);
  return -1;
}

gboolean
vmd_tls_session_has_input (VmdTlsSession *self)
{
  return self->is_established && gnutls_record_check_pending (self->foreign) > 0;
}

gboolean
vmd_tls_session_wants_output (VmdTlsSession *self)
{
  return self->has_begun && !self->is_established && !self->has_failed &&
         gnutls_record_get_direction (self->foreign) == 1;
}

gboolean
vmd_tls_session_is_half_said (VmdTlsSession *self)
{
  return self->is_half_said;
}

void
vmd_tls_session_say_goodbye (VmdTlsSession *self)
{
  if (self->is_established && !self->has_failed && !self->is_half_said)
    gnutls_bye (self->foreign, GNUTLS_SHUT_WR);
}
