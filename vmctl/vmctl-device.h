/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"
#include "vmctl-json.h"

G_BEGIN_DECLS

/* A device as it is shown. */
VmdDbusDevice *vmctl_device_load (VmctlClient *client, const char *path, GError **error);
void vmctl_device_add_json (JsonBuilder *builder, VmdDbusDevice *device);
/* "yes", "no" or "contested". (transfer none) */
const char *vmctl_device_describe_presence (gboolean connected, gboolean contested);
/* The peer, or both of a contested device. (transfer full) */
char *vmctl_device_describe_peers (const char *peer, gboolean contested, const char *rival);
/* "3", "3 of 4", "4 failed". (transfer full) */
char *vmctl_device_describe_applied (guint64 version, guint64 applied, const char *status);

G_END_DECLS
