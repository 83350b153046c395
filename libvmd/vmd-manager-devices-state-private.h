/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files that turn rows of devices and groups into handles share. All of it is the store's
 * thread's. */

#include "vmd-manager-devices-private.h"
#include "vmd-manager-state-private.h"

G_BEGIN_DECLS

struct _VmdManagerDevices
{
  /* The store's thread's. */
  GHashTable *schemas; /* of vmd-manager-reload-schemas.c */
  GPtrArray *unsettled; /* of VmdDevice, references */
  VmdDeviceServer server; /* all NULL: there is none */

  GMutex mutex; /* a leaf; guards what follows */
  VmdBroker *broker; /* (nullable) */
};

/* vmd-manager-reload-schemas.c */
GHashTable *vmd_manager_schemas_new (void);
/* The schema that @id names becomes @device's; 0: none. */
void
vmd_manager_devices_put_schema (VmdManagerDevices *self, sqlite3 *db, VmdDevice *device, gint64 id);
/* @device is gone, and needs its own no more. */
void vmd_manager_devices_release_schema (VmdManagerDevices *self, VmdDevice *device);

/* vmd-manager-reload-devices.c */
/* @device is to be composed anew when all rows of the batch are read. */
void vmd_manager_devices_unsettle (VmdManagerDevices *self, VmdDevice *device);

/* vmd-manager-reload-groups.c */
void vmd_manager_reload_group (VmdManager *self, sqlite3 *db, const char *name);
/* The groups that @device is in, and they of it. */
void vmd_manager_reload_membership (VmdManager *self, sqlite3 *db, VmdDevice *device);
/* @device is in none any more. */
void vmd_manager_end_membership (VmdManager *self, VmdDevice *device);

G_END_DECLS
