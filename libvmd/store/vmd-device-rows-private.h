/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of devices and of what they are configured with, as vmd-rows-private.h has those of VMs.
 * Versions come from one counter for the whole store, so those of a device rise, with gaps, whether
 * it or a group of its was changed. */

#include "vmd-error.h"

#include <sqlite3.h>

G_BEGIN_DECLS

/* How many changes of each device and each group are remembered. */
#define VMD_HISTORY_KEPT 1000
/* A device gets its groups' values one over the other, each up to 64 KiB. */
#define VMD_MAX_GROUPS_OF_DEVICE 16
/* As vmd-bearer-token.c makes them. */
#define VMD_TOKEN_ROW_HASH_SIZE 32

/* -- devices (vmd-rows-device.c) -- */
typedef struct
{
  char *id; /* a VM's, or a name */
  gboolean is_guest;
  gint64 created; /* wall clock, microseconds */
  gint64 schema; /* row of `schemas`, 0: none */
  char *own; /* what was set on the device itself: canonical JSON */
  guint64 version; /* of its own last change */
  guint64 revision; /* how many changes it has had */
  guint64 effective_version; /* read only: the highest of its own and of its groups' */
} VmdDeviceRow;

void vmd_device_row_free (VmdDeviceRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceRow, vmd_device_row_free)

/* A new one, with nothing set, in a version of its own. EXISTS names what has the name. @schema: 0,
 * or a row of `schemas`. */
gboolean vmd_device_row_insert (sqlite3 *db, const char *id, gboolean is_guest, gint64 schema,
                                gint64 created, GError **error);
/* NULL without error: no such row. */
VmdDeviceRow *vmd_device_row_load (sqlite3 *db, const char *id, GError **error);
/* (element-type utf8) */
GPtrArray *vmd_device_row_load_ids (sqlite3 *db, GError **error);
/* schema, own, version, revision. */
gboolean vmd_device_row_update (sqlite3 *db, const VmdDeviceRow *row, GError **error);
/* With all that belongs to it. One that is not there counts as removed. */
gboolean vmd_device_row_remove (sqlite3 *db, const char *id, GError **error);

/* -- groups and their members (vmd-rows-group.c) -- */
typedef struct
{
  char *name;
  gint64 created;
  char *own; /* what its members get: canonical JSON */
  guint64 version;
  guint64 revision;
} VmdGroupRow;

void vmd_group_row_free (VmdGroupRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdGroupRow, vmd_group_row_free)

gboolean vmd_group_row_insert (sqlite3 *db, const char *name, gint64 created, GError **error);
VmdGroupRow *vmd_group_row_load (sqlite3 *db, const char *name, GError **error);
GPtrArray *vmd_group_row_load_names (sqlite3 *db, GError **error);
/* (element-type VmdGroupRow): those that @device is in, by name. */
GPtrArray *vmd_group_row_load_of_device (sqlite3 *db, const char *device, GError **error);
/* own, version, revision. */
gboolean vmd_group_row_update (sqlite3 *db, const VmdGroupRow *row, GError **error);
/* One that has no members any more. */
gboolean vmd_group_row_remove (sqlite3 *db, const char *name, GError **error);

/* *@changed: FALSE when it was so already. */
gboolean vmd_member_row_add (sqlite3 *db, const char *group, const char *device, gint64 now,
                             gboolean *changed, GError **error);
gboolean vmd_member_row_remove (sqlite3 *db, const char *group, const char *device,
                                gboolean *changed, GError **error);
/* (element-type utf8): ids. */
GPtrArray *vmd_member_row_load_devices (sqlite3 *db, const char *group, GError **error);
/* (element-type utf8): ids of those of which it is not sure that all they get is at most @size
 * bytes. */
GPtrArray *vmd_member_row_load_large (sqlite3 *db, const char *group, gsize size, GError **error);

/* One member for each schema that @group's members have. */
typedef struct
{
  gint64 schema;
  char *device;
} VmdGroupSchema;
void vmd_group_schema_free (VmdGroupSchema *schema);
/* (element-type VmdGroupSchema) */
GPtrArray *vmd_group_schema_load (sqlite3 *db, const char *group, GError **error);

/* -- tokens (vmd-rows-token.c) -- */
typedef struct
{
  char *id;
  char *device;
  guint8 hash[VMD_TOKEN_ROW_HASH_SIZE];
  char *label;
  gint64 created;
  gint64 expires; /* wall clock, microseconds; 0: never */
} VmdTokenRow;

void vmd_token_row_free (VmdTokenRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdTokenRow, vmd_token_row_free)

/* NOT_FOUND: there is no such device. */
gboolean vmd_token_row_insert (sqlite3 *db, const VmdTokenRow *row, GError **error);
/* (element-type VmdTokenRow), the oldest first. */
GPtrArray *vmd_token_row_load_of_device (sqlite3 *db, const char *device, GError **error);
/* NOT_FOUND. */
gboolean vmd_token_row_remove (sqlite3 *db, const char *device, const char *id, GError **error);
gboolean
vmd_token_row_remove_labelled (sqlite3 *db, const char *device, const char *label, GError **error);

/* -- versions, schemas and what was changed when (vmd-rows-config.c) -- */

/* The next version, never given before. */
gboolean vmd_config_version_draw (sqlite3 *db, guint64 *version, GError **error);

/* The row of a schema's canonical text, made if need be. */
gboolean vmd_schema_row_intern (sqlite3 *db, const char *text, gint64 *id, GError **error);
/* (transfer full) */
char *vmd_schema_row_load (sqlite3 *db, gint64 id, GError **error);
/* If no device has it. */
gboolean vmd_schema_row_drop_unused (sqlite3 *db, gint64 id, GError **error);

typedef struct
{
  guint64 version;
  gboolean is_group;
  char *target; /* device id or group name */
  guint64 revision; /* of the target: 1, 2, 3 … */
  char *author;
  gint64 time; /* wall clock, microseconds */
  char *note;
  char *own; /* as it was after the change */
} VmdHistoryRow;

void vmd_history_row_free (VmdHistoryRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdHistoryRow, vmd_history_row_free)

/* Forgets the change that is VMD_HISTORY_KEPT before this one. */
gboolean vmd_history_row_insert (sqlite3 *db, const VmdHistoryRow *row, GError **error);
/* (element-type VmdHistoryRow): those of @device and of the groups it is in, the newest first. */
GPtrArray *
vmd_history_row_load_of_device (sqlite3 *db, const char *device, guint limit, GError **error);
GPtrArray *
vmd_history_row_load_of_group (sqlite3 *db, const char *group, guint limit, GError **error);
/* What was set on the target itself when @version was made, by it or by one of its groups.
 * NOT_FOUND: no such version is known of it. (transfer full) */
char *vmd_history_row_load_own (sqlite3 *db, gboolean is_group, const char *target, guint64 version,
                                GError **error);

/* -- what devices do (vmd-rows-presence.c) -- */
typedef struct
{
  char *device;
  guint64 generation;
  gboolean connected;
  gint64 since; /* wall clock, microseconds */
  char *peer; /* (nullable) */
} VmdPresenceRow;

void vmd_presence_row_free (VmdPresenceRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdPresenceRow, vmd_presence_row_free)

VmdPresenceRow *vmd_presence_row_load (sqlite3 *db, const char *device, GError **error);
/* Unless what is there is of a later generation, or there is no such device. */
gboolean vmd_presence_row_put (sqlite3 *db, const VmdPresenceRow *row, GError **error);
/* A channel opens: whatever was connected is not any more, and generations begin above *@epoch. */
gboolean vmd_presence_row_begin_epoch (sqlite3 *db, guint64 *epoch, GError **error);

typedef struct
{
  char *device;
  guint64 version;
  char *status; /* "ok" or "failed" */
  char *message;
  gint64 time; /* wall clock, microseconds */
} VmdAppliedRow;

void vmd_applied_row_free (VmdAppliedRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdAppliedRow, vmd_applied_row_free)

VmdAppliedRow *vmd_applied_row_load (sqlite3 *db, const char *device, GError **error);
/* The last report is what counts: a device that was put back to an older state says so. */
gboolean vmd_applied_row_put (sqlite3 *db, const VmdAppliedRow *row, GError **error);

G_END_DECLS
