/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Verbs on devices and groups, waited for. */

#include "handles-support.h"
#include "vmd-device-private.h"

/* Waits for an asynchronous call in the default context: the callback that keeps its result. */
void keep_result_cb (GObject *object, GAsyncResult *result, gpointer kept);
GAsyncResult *await_result (GAsyncResult **kept);

VmdDevice *add_device (VmdManager *manager, const char *id, const char *schema, GError **error);
VmdDeviceGroup *add_group (VmdManager *manager, const char *name);
/* The new version; 0 with @error. */
guint64 patch (VmdDevice *device, const char *json, guint64 if_version, GError **error);
guint64 replace (VmdDevice *device, const char *json, GError **error);
guint64 roll_back (VmdDevice *device, guint64 version, GError **error);
gboolean set_schema (VmdDevice *device, const char *schema, GError **error);
gboolean report (VmdDevice *device, guint64 version, const char *status, const char *message,
                 GError **error);
gboolean remove_device (VmdDevice *device, GError **error);
GListModel *list_history (VmdDevice *device, guint limit, GError **error);
char *add_token (VmdDevice *device, const char *label, gint64 expires, GError **error);
gboolean revoke_token (VmdDevice *device, const char *id, GError **error);
guint64 patch_group (VmdDeviceGroup *group, const char *json, guint64 if_version, GError **error);
guint64 roll_back_group (VmdDeviceGroup *group, guint64 version, GError **error);
gboolean set_member (VmdDeviceGroup *group, VmdDevice *device, gboolean is_member, GError **error);
gboolean remove_group (VmdDeviceGroup *group, GError **error);
GListModel *list_group_history (VmdDeviceGroup *group, guint limit, GError **error);

void assert_values (VmdDevice *device, const char *expected);
void assert_own_values (VmdDevice *device, const char *expected);
/* Waits until a device of another process's, or of another manager's, is at @version. */
void wait_for_version (VmdDevice *device, guint64 version);
VmdDevice *wait_for_device (VmdManager *manager, const char *id);

#define assert_good(expression)                                                                    \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    if (!(expression))                                                                             \
      g_assert_no_error (error);                                                                   \
  }                                                                                                \
  G_STMT_END

#define assert_refused(expression, code)                                                           \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    g_assert_false (expression);                                                                   \
    assert_vmd_error (error, code);                                                                \
  }                                                                                                \
  G_STMT_END
