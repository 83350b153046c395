/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a manager has for its devices: between the rows, the handles, and the channel that serves
 * them. */

#include "vmd-device-private.h"

G_BEGIN_DECLS

typedef struct _VmdManagerDevices VmdManagerDevices;

/* Whoever serves the devices. On the store's thread, after the commit and with memory as it is to
 * be; none may wait. */
typedef struct
{
  void (*changed) (const char *device, VmdConfigSnapshot *snapshot, gpointer data);
  void (*removed) (const char *device, gpointer data);
  void (*token_added) (const char *device, VmdDeviceToken *token, gpointer data);
  void (*token_removed) (const char *device, const char *token, gpointer data);
  gpointer data;
} VmdDeviceServer;

VmdManagerDevices *vmd_manager_devices_new (void);
void vmd_manager_devices_free (VmdManagerDevices *self);

/* @server: (nullable): in the place of the one before, which is told nothing any more when this
 * returns. Blocks for what the store is at. @broker: (nullable): who knows who is connected. FALSE
 * when the store is closed. */
gboolean vmd_manager_set_device_server (VmdManager *self, const VmdDeviceServer *server,
                                        VmdBroker *broker, GError **error);
/* (transfer full) (nullable) */
VmdBroker *vmd_manager_ref_broker (VmdManager *self);
/* (transfer full) (nullable): one that is in memory. The store's thread. */
VmdConfigSchema *vmd_manager_devices_ref_schema (VmdManager *self, gint64 id);
/* Tells, in the manager's context, that something of it differs. Any thread. */
void vmd_manager_emit_device_changed (VmdManager *self, VmdDevice *device);

/* vmd-manager-reload-devices.c. The store's thread. */
void
vmd_manager_reload_device_row (VmdManager *self, sqlite3 *db, VmdRowKind kind, const char *key);
GPtrArray *vmd_manager_load_device_keys (sqlite3 *db, VmdRowKind kind, GError **error);
/* All rows of a batch have been told. */
void vmd_manager_settle_devices (VmdManager *self);

G_END_DECLS
