/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connected socket as a GIOStream. */

#include "vmd-tls-session-private.h"

G_BEGIN_DECLS

#define VMD_TYPE_SOCKET_STREAM (vmd_socket_stream_get_type ())
G_DECLARE_FINAL_TYPE (VmdSocketStream, vmd_socket_stream, VMD, SOCKET_STREAM, GIOStream)

/* Takes @fd, a connected stream socket. @credentials: (nullable): TLS. (transfer full) */
VmdSocketStream *vmd_socket_stream_new (int fd, VmdTlsCredentials *credentials);
/* -1 once it is closed or released. */
int vmd_socket_stream_get_fd (VmdSocketStream *self);
/* (nullable) */
VmdTlsSession *vmd_socket_stream_get_tls (VmdSocketStream *self);
/* No more than @allowance bytes are read from now on: who sends more is told @refusal (nullable;
 * it lives as long as the stream), and reading fails. */
void vmd_socket_stream_allow (VmdSocketStream *self, gsize allowance, const char *refusal);
/* A request is over, and libsoup waits for the next one … */
void vmd_socket_stream_await_request (VmdSocketStream *self);
/* … until it has begun one. */
void vmd_socket_stream_begin_request (VmdSocketStream *self);
/* As much of @text as the peer takes at once. It is the last that is said: what the peer has sent
 * is lost. */
void vmd_socket_stream_say_last (VmdSocketStream *self, const char *text);
/* Descriptor and TLS are the caller's from now on, and the stream is closed. */
void vmd_socket_stream_release (VmdSocketStream *self);

G_END_DECLS
