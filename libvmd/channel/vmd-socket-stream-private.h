/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connected socket as a GIOStream. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMD_TYPE_SOCKET_STREAM (vmd_socket_stream_get_type ())
G_DECLARE_FINAL_TYPE (VmdSocketStream, vmd_socket_stream, VMD, SOCKET_STREAM, GIOStream)

/* Takes @fd, a connected stream socket. Calls that may block do so on other threads than @owner
 * only. (transfer full) */
VmdSocketStream *vmd_socket_stream_new (int fd, GThread *owner);
/* -1 once it is closed or stolen. */
int vmd_socket_stream_get_fd (VmdSocketStream *self);
/* (transfer full): from then on this stream is closed, and the socket open. */
int vmd_socket_stream_steal_fd (VmdSocketStream *self);

G_END_DECLS
