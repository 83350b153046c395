/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The server's side of TLS on a socket: it never waits, whatever the peer does. */

#include <gio/gio.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/* A certificate with its chain, and its key. Never changed; counted by reference. */
typedef struct _VmdTlsCredentials VmdTlsCredentials;

/* Out of two PEM files. INVALID_ARGUMENT: a file that is not what it should be, or two that do not
 * belong together; NOT_FOUND, PERMISSION_DENIED, FAILED: one that cannot be read. (transfer full)
 */
VmdTlsCredentials *
vmd_tls_credentials_load (const char *certificate, const char *key, GError **error);
VmdTlsCredentials *vmd_tls_credentials_ref (VmdTlsCredentials *self);
void vmd_tls_credentials_unref (VmdTlsCredentials *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdTlsCredentials, vmd_tls_credentials_unref)
gpointer vmd_tls_credentials_get_foreign (VmdTlsCredentials *self);

/* One thread at a time. */
typedef struct _VmdTlsSession VmdTlsSession;

/* @fd is the caller's, and open as long as the session is used. (transfer full) */
VmdTlsSession *vmd_tls_session_new (VmdTlsCredentials *credentials, int fd);
void vmd_tls_session_free (VmdTlsSession *self);

/* As recv() and sendmsg() with MSG_DONTWAIT: -1 with errno, EAGAIN among them. Both shake hands
 * first. After a write that would have waited, the next one gives the same pieces again, or these
 * and more. */
gssize vmd_tls_session_read (VmdTlsSession *self, void *buffer, gsize count);
gssize vmd_tls_session_write (VmdTlsSession *self, const struct iovec *pieces, guint n_pieces);
/* There is something to read that the socket shows no more. */
gboolean vmd_tls_session_has_input (VmdTlsSession *self);
/* The handshake has something to write before it reads again. */
gboolean vmd_tls_session_wants_output (VmdTlsSession *self);
/* A record has gone out in part: until the rest has, nothing else can. */
gboolean vmd_tls_session_is_half_said (VmdTlsSession *self);
/* Says that nothing follows, if the socket takes it. */
void vmd_tls_session_say_goodbye (VmdTlsSession *self);

G_END_DECLS
