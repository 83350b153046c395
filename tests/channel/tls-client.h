/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client of TLS that does what it is told and nothing of itself. */

#include "wire.h"

#include <gnutls/gnutls.h>

G_BEGIN_DECLS

typedef struct
{
  int fd;
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
} TlsClient;

/* Makes a certificate and its key, in a directory that stays until the end, with openssl's program.
 * Paths are static. */
const char *tls_client_make_certificate (const char *name, char **key);
/* Of anything that may be in such a directory; removes it with what is in it. */
void tls_client_remove_certificates (void);
/* @priority: (nullable) GnuTLS's, of what the client offers. Not shaken hands yet. */
TlsClient *tls_client_new (int fd, const char *priority);
/* GnuTLS's result. */
int tls_client_shake_hands (TlsClient *self);
void tls_client_free (TlsClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlsClient, tls_client_free)

void tls_client_send (TlsClient *self, const char *text);
/* Reads until @text has come. (transfer full) */
char *tls_client_read_until (TlsClient *self, const char *text);
/* Reads a header and the body that it announces. (transfer full) */
char *tls_client_read_answer (TlsClient *self);
/* Reads up to the end; *@was_told: the server said that it was one. (transfer full) */
char *tls_client_read_all (TlsClient *self, gboolean *was_told);
/* Connects, shakes hands, subscribes, and reads up to the end of the header. (transfer full) */
TlsClient *tls_client_subscribe (Wire *wire, const char *device, const char *headers);
/* One request on a connection of its own, and its answer. (transfer full) */
char *tls_client_ask (Wire *wire, const char *request);

G_END_DECLS
