/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMD_TYPE_DEVICE (vmd_device_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdDevice, vmd_device, VMD, DEVICE, GObject)
#define VMD_TYPE_DEVICE_TOKEN (vmd_device_token_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdDeviceToken, vmd_device_token, VMD, DEVICE_TOKEN,
                                           GObject)
#define VMD_TYPE_CONFIG_REVISION (vmd_config_revision_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdConfigRevision, vmd_config_revision, VMD,
                                           CONFIG_REVISION, GObject)

/* For @if_version: whatever it is. */
#define VMD_CONFIG_ANY_VERSION G_MAXUINT64

    typedef enum {
      VMD_CONFIG_CHANGE_PATCH, /* a JSON merge patch on what is set */
      VMD_CONFIG_CHANGE_REPLACE, /* all that is to be set */
    } VmdConfigChangeKind;

/* Reading: from memory, any thread. A handle is a live view; "changed" is emitted, in the manager's
 * context, after it changed; "removed" once it is gone. */
VMD_AVAILABLE_IN_0_1 const char *vmd_device_get_id (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_name (VmdDevice *self); /* a VM's name, else the id */
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_is_guest (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_is_gone (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_device_get_created (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_get_version (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_values (VmdDevice *self); /* effective; JSON */
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_own_values (VmdDevice *self); /* JSON */
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_schema (VmdDevice *self); /* (nullable) JSON */
VMD_AVAILABLE_IN_0_1 GStrv vmd_device_dup_groups (VmdDevice *self);
/* As the device reported it last; version 0: never. */
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_get_applied_version (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_applied_status (VmdDevice *self); /* "", "ok", "failed" */
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_applied_message (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_device_get_applied_time (VmdDevice *self);

/* Presence. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_is_connected (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_device_get_since (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_get_generation (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 char *vmd_device_dup_peer (VmdDevice *self); /* (nullable) */
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_is_contested (VmdDevice *self);
VMD_AVAILABLE_IN_0_1 char *
vmd_device_dup_rival (VmdDevice *self); /* (nullable) peer that was refused last */

/* Changes: each is one transaction; blocking form not on a main loop. The new version; 0 with
 * @error: INVALID_ARGUMENT, CONFLICT (@if_version is not the one), NOT_FOUND (gone). */
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_change_config (VmdDevice *self, VmdConfigChangeKind kind,
                                                       const char *json, guint64 if_version,
                                                       const char *author,
                                                       GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_change_config_async (VmdDevice *self, VmdConfigChangeKind kind, const char *json,
                                guint64 if_version, const char *author, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_change_config_finish (VmdDevice *self, GAsyncResult *result,
                                                              GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_roll_back_async (VmdDevice *self, guint64 version, guint64 if_version,
                            const char *author, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_roll_back_finish (VmdDevice *self, GAsyncResult *result,
                                                          GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_set_schema_async (VmdDevice *self, const char *schema, const char *author,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_set_schema_finish (VmdDevice *self, GAsyncResult *result,
                                                            GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_report_applied_async (VmdDevice *self, guint64 version, const char *status,
                                 const char *message, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_report_applied_finish (VmdDevice *self,
                                                                GAsyncResult *result,
                                                                GError **error);
/* (element-type VmdConfigRevision), the newest first, at most @limit. */
VMD_AVAILABLE_IN_0_1 void
vmd_device_list_history_async (VmdDevice *self, guint limit, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 GListModel *
vmd_device_list_history_finish (VmdDevice *self, GAsyncResult *result, GError **error);

/* Tokens. */
VMD_AVAILABLE_IN_0_1 GListModel *vmd_device_list_tokens (VmdDevice *self);
/* @expires: wall clock, microseconds; 0: never. The token itself, which cannot be had again. */
VMD_AVAILABLE_IN_0_1 void
vmd_device_add_token_async (VmdDevice *self, const char *label, gint64 expires,
                            GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer user_data);
VMD_AVAILABLE_IN_0_1 char *
vmd_device_add_token_finish (VmdDevice *self, GAsyncResult *result, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_revoke_token_async (VmdDevice *self, const char *token_id, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_revoke_token_finish (VmdDevice *self, GAsyncResult *result,
                                                              GError **error);

/* WRONG_STATE for a guest's, which goes with its VM. */
VMD_AVAILABLE_IN_0_1 void
vmd_device_remove_async (VmdDevice *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_remove_finish (VmdDevice *self, GAsyncResult *result,
                                                        GError **error);

VMD_AVAILABLE_IN_0_1 const char *vmd_device_token_get_id (VmdDeviceToken *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_device_token_get_label (VmdDeviceToken *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_device_token_get_created (VmdDeviceToken *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_device_token_get_expires (VmdDeviceToken *self);

VMD_AVAILABLE_IN_0_1 guint64 vmd_config_revision_get_version (VmdConfigRevision *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_config_revision_get_author (VmdConfigRevision *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_config_revision_get_time (VmdConfigRevision *self);
VMD_AVAILABLE_IN_0_1 const char *
vmd_config_revision_get_group (VmdConfigRevision *self); /* (nullable) */
VMD_AVAILABLE_IN_0_1 const char *vmd_config_revision_get_note (VmdConfigRevision *self);
VMD_AVAILABLE_IN_0_1 const char *
vmd_config_revision_get_values (VmdConfigRevision *self); /* JSON */

G_END_DECLS
