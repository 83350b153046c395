/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One version of a device's values, as it came and as it is written down. */

#define VMD_DEVICE_SNAPSHOT_MAX_KEY 64
#define VMD_DEVICE_SNAPSHOT_MAX_KEYS 1024

typedef struct
{
  char *key;
  GBytes *content; /* of the file that has its name */
} VmdDeviceEntry;

typedef struct
{
  guint64 version;
  GBytes *payload; /* JSON, as it came */
  GPtrArray *entries; /* of VmdDeviceEntry, in the order in which they came */
} VmdDeviceSnapshot;

VmdDeviceSnapshot *vmd_device_snapshot_parse (const char *json, gsize length, GError **error);
void vmd_device_snapshot_free (VmdDeviceSnapshot *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceSnapshot, vmd_device_snapshot_free)

G_END_DECLS
