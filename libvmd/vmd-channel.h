/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-manager.h"

G_BEGIN_DECLS

/**
 * VmdChannelOptions:
 * @listen: (nullable): "ADDRESS:PORT"; %NULL: for guests only. Port 0: the kernel's choice
 * @certificate: (nullable): a PEM file, the server's own certificate first, then those that signed
 *   it; with it and @key: TLS. Without, only loopback addresses are listened on
 * @key: (nullable): a PEM file that no password protects
 * @heartbeat: seconds between comments on an idle stream
 * @lease: seconds after which a peer that takes nothing is given up
 * @header_deadline: seconds for a request to come in, the handshake of TLS included
 * @max_body: bytes
 * @max_header: bytes
 * @max_connections: 0: what the limit on descriptors allows, less a reserve
 * @max_connections_per_address: of an IPv6 network, or of a guest, likewise; 0: no limit
 * @max_connects_per_second: of one device; 0: no limit
 * @contest_takeovers: so many between different instances within @contest_window, and the device is
 *   contested
 * @contest_window: seconds
 *
 * Where and how devices reach the channel. vmd_channel_options_init() fills in the defaults.
 *
 * Since: 0.1
 */
typedef struct
{
  const char *listen;
  const char *certificate;
  const char *key;
  guint heartbeat;
  guint lease;
  guint header_deadline;
  guint max_body;
  guint max_header;
  guint max_connections;
  guint max_connections_per_address;
  guint max_connects_per_second;
  guint contest_takeovers;
  guint contest_window;
} VmdChannelOptions;

VMD_AVAILABLE_IN_0_1 void vmd_channel_options_init (VmdChannelOptions *options);

#define VMD_TYPE_CHANNEL (vmd_channel_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdChannel, vmd_channel, VMD, CHANNEL, GObject)

/* BUSY when there is one already. */
VMD_AVAILABLE_IN_0_1 VmdChannel *
vmd_channel_open (VmdManager *manager, const VmdChannelOptions *options, GError **error);
VMD_AVAILABLE_IN_0_1 void vmd_channel_close (VmdChannel *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_channel_reload_certificate (VmdChannel *self, GError **error);
VMD_AVAILABLE_IN_0_1 const char *vmd_channel_get_address (VmdChannel *self); /* (nullable) */
VMD_AVAILABLE_IN_0_1 guint vmd_channel_get_n_connected (VmdChannel *self);

G_END_DECLS
