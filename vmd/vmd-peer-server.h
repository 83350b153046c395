/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-service.h"

G_BEGIN_DECLS

/* Serves D-Bus without a bus: a socket on which each connection is a peer with an export of its
 * own. */
#define VMD_TYPE_PEER_SERVER (vmd_peer_server_get_type ())
G_DECLARE_FINAL_TYPE (VmdPeerServer, vmd_peer_server, VMD, PEER_SERVER, GObject)

/* @path: of the socket, 0600, in a directory that only its owner can enter. A socket file there
 *   that nobody serves is replaced: the caller has the state directory's daemon lock. */
VmdPeerServer *vmd_peer_server_new (VmdService *service, const char *path, GError **error);
const char *vmd_peer_server_get_address (VmdPeerServer *self);
/* Closes the connections and removes the socket. */
void vmd_peer_server_stop (VmdPeerServer *self);

G_END_DECLS
