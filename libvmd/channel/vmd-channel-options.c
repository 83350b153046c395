/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel.h"

/**
 * vmd_channel_options_init:
 * @options: (out caller-allocates): what to fill in
 *
 * Fills in the defaults of every limit, and no address: guests only.
 *
 * Since: 0.1
 */
void
vmd_channel_options_init (VmdChannelOptions *options)
{
  g_return_if_fail (options != NULL);

  *options = (VmdChannelOptions){
    .heartbeat = 10,
    .lease = 25,
    .header_deadline = 10,
    .max_body = 128 * 1024,
    .max_header = 16 * 1024,
    .max_connections_per_address = 256,
    .max_connects_per_second = 20,
    .contest_takeovers = 5,
    .contest_window = 10,
  };
}
