/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Devices and groups from inside: what their files share. */

#include "channel/vmd-bearer-token-private.h"
#include "channel/vmd-broker-private.h"
#include "channel/vmd-config-schema-private.h"
#include "store/vmd-device-rows-private.h"
#include "vmd-device-group.h"
#include "vmd-manager-private.h"

G_BEGIN_DECLS

/* One writer, the store's thread, which may read without the mutex; everybody else reads under it.
 * There are ten thousand of these: what is not there for most is a NULL. */
struct _VmdDevice
{
  GObject parent;

  /* Constant. */
  VmdManager *manager; /* owned: a circle, which vmd_manager_close() breaks */
  char *id; /* a GRefString */
  gboolean is_guest;
  gint64 created; /* wall clock, microseconds */

  /* The store's thread's. */
  gint64 schema_id; /* 0: none */
  char *new_own; /* (nullable) read, and not composed yet */
  gboolean is_unsettled; /* among those that are to be composed and told of */

  GMutex mutex; /* a leaf; guards what follows */
  gboolean gone;
  VmdConfigSchema *schema; /* (nullable) */
  VmdConfigValues *own; /* (nullable) NULL: what is in the snapshot is its own, all of it */
  guint64 own_version;
  GPtrArray *groups; /* (nullable) of VmdDeviceGroup, references, by name */
  VmdConfigSnapshot *snapshot; /* NULL only before anybody else knows the device */
  GPtrArray *tokens; /* (nullable) of VmdDeviceToken, references, the oldest first */
  VmdAppliedRow *applied; /* (nullable) */
  VmdPresenceRow *presence; /* (nullable) as stored: for processes without the channel */
};

struct _VmdDeviceGroup
{
  GObject parent;

  /* Constant. */
  VmdManager *manager; /* owned: a circle, which vmd_manager_close() breaks */
  char *name;
  gint64 created;

  GMutex mutex; /* a leaf; guards what follows, which the store's thread writes */
  gboolean gone;
  VmdConfigValues *values;
  guint64 version;
  GHashTable *members; /* set of device ids, GRefStrings */
};

/* vmd-device.c, vmd-device-group.c */
VmdDevice *vmd_device_new (VmdManager *manager, const VmdDeviceRow *row);
VmdConfigSnapshot *vmd_device_ref_snapshot (VmdDevice *self);
guint vmd_device_get_changed_signal (void);
guint vmd_device_get_removed_signal (void);
VmdDeviceGroup *vmd_device_group_new (VmdManager *manager, const VmdGroupRow *row);
guint vmd_device_group_get_changed_signal (void);
guint vmd_device_group_get_removed_signal (void);

/* vmd-device-presence.c. @status: to be cleared with vmd_broker_status_clear() */
void vmd_device_get_presence (VmdDevice *self, VmdBrokerStatus *status);

/* vmd-device-compose.c: what a device gets, of defaults, groups and its own. The store's
 * thread's. */
typedef struct
{
  VmdConfigSchema *schema; /* (nullable) what `base` was made of … */
  GPtrArray *layers; /* … and on it, of VmdConfigValues */
  VmdConfigValues *base; /* (nullable) NULL: there is nothing below a device's own values */
  VmdConfigSnapshot *bare; /* (nullable) the last one that was `base` and nothing else */
} VmdDeviceComposer;

const char *vmd_device_snapshot_get_values (const VmdConfigSnapshot *snapshot, gsize *length);
void vmd_device_composer_clear (VmdDeviceComposer *self);
/* FALSE: it was so already. */
gboolean vmd_device_compose (VmdDevice *device, VmdDeviceComposer *composer);

/* vmd-device-token.c. */
VmdDeviceToken *vmd_device_token_new (const VmdTokenRow *row);
gboolean vmd_device_token_matches (VmdDeviceToken *self, const char *id,
                                   const guint8 hash[VMD_TOKEN_HASH_SIZE], gint64 now);
/* A new token for the guest of a VM, labelled "guest"; those it had before are revoked in the same
 * transaction. Blocks until it is durable: not on a main loop. NOT_FOUND. (transfer full): for the
 * seed. */
char *vmd_manager_renew_guest_token (VmdManager *manager, const char *vm_id, GError **error);
/* Its guest has none any more. Likewise. */
gboolean vmd_manager_revoke_guest_token (VmdManager *manager, const char *vm_id, GError **error);

/* vmd-config-revision.c: (element-type VmdHistoryRow) → (element-type VmdConfigRevision) */
GListModel *vmd_config_revision_list_new (GPtrArray *rows);

/* vmd-manager-devices.c */
VmdDevice *vmd_manager_lookup_device (VmdManager *self, const char *id);
VmdDeviceGroup *vmd_manager_lookup_group (VmdManager *self, const char *name);
GPtrArray *vmd_manager_dup_devices (VmdManager *self);
guint vmd_manager_get_n_devices (VmdManager *self);

/* vmd_device_set_schema_async(), if the device is at @if_version; CONFLICT else. @author is for the
 * history, (nullable). To be finished by vmd_device_set_schema_finish(). */
void vmd_device_set_schema_at_async (VmdDevice *self, const char *schema, guint64 if_version,
                                     const char *author, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);

G_END_DECLS
