/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is asked to be done to a device or a group: one transaction of the store, without a thread,
 * a job or a lock. */

#include "vmd-device-private.h"

G_BEGIN_DECLS

/* The arguments of a verb, of which each uses its own, and what came of it. */
typedef struct
{
  VmdManager *manager; /* a reference */
  char *target; /* device id or group name */
  char *text; /* (nullable) JSON, a label, a token's id, a status … */
  char *author; /* never NULL */
  char *message; /* (nullable) */
  guint64 version;
  guint64 if_version;
  gint64 time;
  guint kind;
  guint limit;
  gboolean is_group;

  guint64 new_version; /* (out) */
  char *answer; /* (out) (nullable) */
  GPtrArray *rows; /* (out) (nullable) */
} VmdDeviceCall;

VmdDeviceCall *vmd_device_call_new (VmdManager *manager, const char *target);
/* @author: (nullable): who is to stand in the history */
void vmd_device_call_set_author (VmdDeviceCall *self, const char *author);
void vmd_device_call_free (VmdDeviceCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceCall, vmd_device_call_free)

void
vmd_device_call_async (VmdDeviceCall *self, VmdStoreFunc func, gpointer object, gpointer tag,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
VmdDeviceCall *
vmd_device_call_finish (gpointer object, GAsyncResult *result, gpointer tag, GError **error);

/* vmd-config-change.c: of a device or a group. */
VmdDeviceCall *vmd_config_change_new (VmdManager *manager, gboolean is_group, const char *target,
                                      VmdConfigChangeKind kind, const char *json,
                                      guint64 if_version, const char *author);
VmdDeviceCall *vmd_config_roll_back_new (VmdManager *manager, gboolean is_group, const char *target,
                                         guint64 version, guint64 if_version, const char *author);
gboolean vmd_config_change_in_store (sqlite3 *db, gpointer call, GError **error);
/* CONFLICT: @call is about another version than the target's, @version. */
gboolean vmd_config_check_version (const VmdDeviceCall *call, guint64 version, GError **error);
/* Draws a version for a device that something beside its own values has changed, and notes why. */
gboolean vmd_config_touch_device (sqlite3 *db, const VmdDeviceCall *call, VmdDeviceRow *row,
                                  const char *note, GError **error);
VmdDeviceRow *vmd_config_load_device (sqlite3 *db, const char *id, GError **error);
VmdGroupRow *vmd_config_load_group (sqlite3 *db, const char *name, GError **error);

/* vmd-config-check.c: does what @row's device has now, with its groups, fit its schema, and into
 * what may be? */
gboolean
vmd_config_check_device (sqlite3 *db, VmdManager *manager, const VmdDeviceRow *row, GError **error);
gboolean vmd_config_check_group (sqlite3 *db, VmdManager *manager, const char *group,
                                 VmdConfigValues *before, VmdConfigValues *after, GError **error);
/* (nullable) without error: the device has none. (transfer full) */
VmdConfigSchema *
vmd_config_load_schema (sqlite3 *db, VmdManager *manager, gint64 id, GError **error);

/* vmd-config-revision.c */
gboolean vmd_config_history_in_store (sqlite3 *db, gpointer call, GError **error);

G_END_DECLS
