/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device.h"

G_BEGIN_DECLS

#define VMD_TYPE_DEVICE_GROUP (vmd_device_group_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdDeviceGroup, vmd_device_group, VMD, DEVICE_GROUP,
                                           GObject)

/* Reading: from memory. A live view, with "changed" and "removed", as a device. */
VMD_AVAILABLE_IN_0_1 const char *vmd_device_group_get_name (VmdDeviceGroup *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_group_get_version (VmdDeviceGroup *self);
VMD_AVAILABLE_IN_0_1 char *vmd_device_group_dup_values (VmdDeviceGroup *self); /* JSON */
VMD_AVAILABLE_IN_0_1 GStrv vmd_device_group_dup_members (VmdDeviceGroup *self); /* device ids */
VMD_AVAILABLE_IN_0_1 guint vmd_device_group_get_n_members (VmdDeviceGroup *self);

/* As vmd_device_change_config(), for all devices in it at once, in one version. */
VMD_AVAILABLE_IN_0_1 void
vmd_device_group_change_config_async (VmdDeviceGroup *self, VmdConfigChangeKind kind,
                                      const char *json, guint64 if_version, const char *author,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_group_change_config_finish (VmdDeviceGroup *self,
                                                                    GAsyncResult *result,
                                                                    GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_group_roll_back_async (VmdDeviceGroup *self, guint64 version, guint64 if_version,
                                  const char *author, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 guint64 vmd_device_group_roll_back_finish (VmdDeviceGroup *self,
                                                                GAsyncResult *result,
                                                                GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_group_list_history_async (VmdDeviceGroup *self, guint limit, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 GListModel *
vmd_device_group_list_history_finish (VmdDeviceGroup *self, GAsyncResult *result, GError **error);
/* EXISTS/NOT_FOUND when it is, or is not, in it. */
VMD_AVAILABLE_IN_0_1 void
vmd_device_group_set_member_async (VmdDeviceGroup *self, VmdDevice *device, gboolean is_member,
                                   const char *author, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_group_set_member_finish (VmdDeviceGroup *self,
                                                                  GAsyncResult *result,
                                                                  GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_device_group_remove_async (VmdDeviceGroup *self, const char *author, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_device_group_remove_finish (VmdDeviceGroup *self,
                                                              GAsyncResult *result, GError **error);

G_END_DECLS
