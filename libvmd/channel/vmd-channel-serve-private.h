/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What serves each route; see the table in vmd-channel-routes.c. */

#include "vmd-channel-request-private.h"

G_BEGIN_DECLS

void vmd_channel_serve_stream (VmdChannelRequest *request);
void vmd_channel_serve_config (VmdChannelRequest *request);
void vmd_channel_serve_applied (VmdChannelRequest *request);

void vmd_channel_serve_add_device (VmdChannelRequest *request);
void vmd_channel_serve_devices (VmdChannelRequest *request);
void vmd_channel_serve_device (VmdChannelRequest *request);
void vmd_channel_serve_remove_device (VmdChannelRequest *request);
void vmd_channel_serve_replace_config (VmdChannelRequest *request);
void vmd_channel_serve_patch_config (VmdChannelRequest *request);
void vmd_channel_serve_history (VmdChannelRequest *request);
void vmd_channel_serve_rollback (VmdChannelRequest *request);
void vmd_channel_serve_schema (VmdChannelRequest *request);
void vmd_channel_serve_set_schema (VmdChannelRequest *request);
void vmd_channel_serve_tokens (VmdChannelRequest *request);
void vmd_channel_serve_add_token (VmdChannelRequest *request);
void vmd_channel_serve_revoke_token (VmdChannelRequest *request);

void vmd_channel_serve_add_group (VmdChannelRequest *request);
void vmd_channel_serve_groups (VmdChannelRequest *request);
void vmd_channel_serve_group (VmdChannelRequest *request);
void vmd_channel_serve_remove_group (VmdChannelRequest *request);
void vmd_channel_serve_replace_group (VmdChannelRequest *request);
void vmd_channel_serve_patch_group (VmdChannelRequest *request);
void vmd_channel_serve_group_history (VmdChannelRequest *request);
void vmd_channel_serve_group_rollback (VmdChannelRequest *request);
void vmd_channel_serve_join_group (VmdChannelRequest *request);
void vmd_channel_serve_leave_group (VmdChannelRequest *request);

G_END_DECLS
