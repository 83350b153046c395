/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-manager.h"

G_BEGIN_DECLS

#define VMD_TYPE_CHANNEL (vmd_channel_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdChannel, vmd_channel, VMD, CHANNEL, GObject)

    /* Where and how devices reach the channel; limits have defaults that vmd_channel_options_init()
 * fills in. */
    typedef struct
{
  const char
      *listen; /* (nullable) "ADDRESS:PORT"; NULL: guests only. Port 0: the kernel's choice */
  const char *certificate; /* (nullable) PEM file; with it and @key: TLS */
  const char *key; /* (nullable) PEM file */
  guint heartbeat; /* seconds between comments on an idle stream: 10 */
  guint lease; /* seconds after which a peer that takes nothing is given up: 25 */
  guint header_deadline; /* seconds for a request to come in: 10 */
  guint max_body; /* bytes: 128 KiB */
  guint max_header; /* bytes: 16 KiB */
  guint max_connections; /* 0: what RLIMIT_NOFILE allows, less a reserve */
  guint max_connections_per_address; /* 0: no limit, which is the default on loopback */
  guint max_connects_per_second; /* of one device: 0 no limit; 20 */
  guint contest_takeovers; /* 5 */
  guint contest_window; /* seconds: 10 */
} VmdChannelOptions;

VMD_AVAILABLE_IN_0_1 void vmd_channel_options_init (VmdChannelOptions *options);
/* Serves the devices of @manager: one channel for each state directory (BUSY: another process has
 * it). Blocks for milliseconds. (transfer full) */
VMD_AVAILABLE_IN_0_1 VmdChannel *
vmd_channel_open (VmdManager *manager, const VmdChannelOptions *options, GError **error);
/* (nullable) "http://127.0.0.1:4711": where it listens. */
VMD_AVAILABLE_IN_0_1 const char *vmd_channel_get_address (VmdChannel *self);
VMD_AVAILABLE_IN_0_1 guint vmd_channel_get_n_connected (VmdChannel *self);
/* Tells the connected why, and ends within a second whatever they do. */
VMD_AVAILABLE_IN_0_1 void vmd_channel_close (VmdChannel *self);

G_END_DECLS
