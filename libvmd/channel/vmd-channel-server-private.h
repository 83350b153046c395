/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The channel as HTTP and Server-Sent Events: doc/config-channel.md is what it speaks. */

#include "vmd-broker-private.h"
#include "vmd-channel.h"
#include "vmd-device-directory-private.h"

G_BEGIN_DECLS

#define VMD_TYPE_CHANNEL_SERVER (vmd_channel_server_get_type ())
G_DECLARE_FINAL_TYPE (VmdChannelServer, vmd_channel_server, VMD, CHANNEL_SERVER, GObject)

/* What @options has is copied. Does nothing yet. (transfer full) */
VmdChannelServer *vmd_channel_server_new (VmdDeviceDirectory *directory, VmdBroker *broker,
                                          const VmdChannelOptions *options);
/* Starts the threads, and listens where the options say so. Once. INVALID_ARGUMENT: an address that
 * is none, plain HTTP where it must not be, a certificate or key that is none; IN_USE: the address
 * is; NOT_FOUND, PERMISSION_DENIED, FAILED: a file that cannot be read, or another reason. */
gboolean vmd_channel_server_start (VmdChannelServer *self, GError **error);
/* (nullable) "http://127.0.0.1:4711", with the port that it is; NULL: does not listen. */
const char *vmd_channel_server_get_address (VmdChannelServer *self);
/* Reads certificate and key again, for whoever connects from now on. Any thread. WRONG_STATE: it
 * has none; else like vmd_channel_server_start(), and then those that there were stay. */
gboolean vmd_channel_server_reload_certificate (VmdChannelServer *self, GError **error);
/* Serves @fd, one end of a stream socket pair, as a plain connection from @peer ("guest NAME"):
 * devices' requests only, none of the administrator's. Takes @fd, and closes it when there is
 * nothing to serve it. Any thread; never waits. */
void vmd_channel_server_adopt (VmdChannelServer *self, int fd, const char *peer);
/* Ends every stream, and says why where the peer takes it at once; then the threads. Within a
 * second whatever the peers do. The broker is closed by this. What the directory owes longer than
 * that is received by the thread, which holds the directory until then. Once more does nothing. */
void vmd_channel_server_stop (VmdChannelServer *self);

G_END_DECLS
