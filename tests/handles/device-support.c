/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

void
keep_result_cb (GObject *object, GAsyncResult *result, gpointer kept)
{
  *(GAsyncResult **) kept = g_object_ref (result);
}

GAsyncResult *
await_result (GAsyncResult **kept)
{
  while (*kept == NULL)
    g_main_context_iteration (NULL, TRUE);
  return g_steal_pointer (kept);
}

VmdDevice *
add_device (VmdManager *manager, const char *id, const char *schema, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_manager_add_device_async (manager, id, schema, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_manager_add_device_finish (manager, result, error);
}

VmdDeviceGroup *
add_group (VmdManager *manager, const char *name)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *kept = NULL;
  VmdDeviceGroup *group;

  vmd_manager_add_group_async (manager, name, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  group = vmd_manager_add_group_finish (manager, result, &error);
  g_assert_no_error (error);
  return group;
}

static guint64
change (VmdDevice *device, VmdConfigChangeKind kind, const char *json, guint64 if_version,
        GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_change_config_async (device, kind, json, if_version, "a test", NULL, keep_result_cb,
                                  &kept);
  result = await_result (&kept);
  return vmd_device_change_config_finish (device, result, error);
}

guint64
patch (VmdDevice *device, const char *json, guint64 if_version, GError **error)
{
  return change (device, VMD_CONFIG_CHANGE_PATCH, json, if_version, error);
}

guint64
replace (VmdDevice *device, const char *json, GError **error)
{
  return change (device, VMD_CONFIG_CHANGE_REPLACE, json, VMD_CONFIG_ANY_VERSION, error);
}

guint64
roll_back (VmdDevice *device, guint64 version, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_roll_back_async (device, version, VMD_CONFIG_ANY_VERSION, "a test", NULL,
                              keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_roll_back_finish (device, result, error);
}

gboolean
set_schema (VmdDevice *device, const char *schema, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_set_schema_async (device, schema, "a test", NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_set_schema_finish (device, result, error);
}

gboolean
report (VmdDevice *device, guint64 version, const char *status, const char *message, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_report_applied_async (device, version, status, message, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_report_applied_finish (device, result, error);
}

gboolean
remove_device (VmdDevice *device, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_remove_async (device, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_remove_finish (device, result, error);
}

GListModel *
list_history (VmdDevice *device, guint limit, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_list_history_async (device, limit, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_list_history_finish (device, result, error);
}

char *
add_token (VmdDevice *device, const char *label, gint64 expires, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_add_token_async (device, label, expires, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_add_token_finish (device, result, error);
}

gboolean
revoke_token (VmdDevice *device, const char *id, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_revoke_token_async (device, id, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_revoke_token_finish (device, result, error);
}

guint64
patch_group (VmdDeviceGroup *group, const char *json, guint64 if_version, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_group_change_config_async (group, VMD_CONFIG_CHANGE_PATCH, json, if_version, "a test",
                                        NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_group_change_config_finish (group, result, error);
}

guint64
roll_back_group (VmdDeviceGroup *group, guint64 version, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_group_roll_back_async (group, version, VMD_CONFIG_ANY_VERSION, "a test", NULL,
                                    keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_group_roll_back_finish (group, result, error);
}

gboolean
set_member (VmdDeviceGroup *group, VmdDevice *device, gboolean is_member, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_group_set_member_async (group, device, is_member, "a test", NULL, keep_result_cb,
                                     &kept);
  result = await_result (&kept);
  return vmd_device_group_set_member_finish (group, result, error);
}

gboolean
remove_group (VmdDeviceGroup *group, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_group_remove_async (group, "a test", NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_group_remove_finish (group, result, error);
}

GListModel *
list_group_history (VmdDeviceGroup *group, guint limit, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GAsyncResult *kept = NULL;

  vmd_device_group_list_history_async (group, limit, NULL, keep_result_cb, &kept);
  result = await_result (&kept);
  return vmd_device_group_list_history_finish (group, result, error);
}

void
assert_values (VmdDevice *device, const char *expected)
{
  g_autofree char *values = vmd_device_dup_values (device);

  g_assert_cmpstr (values, ==, expected);
}

void
assert_own_values (VmdDevice *device, const char *expected)
{
  g_autofree char *values = vmd_device_dup_own_values (device);

  g_assert_cmpstr (values, ==, expected);
}

void
wait_for_version (VmdDevice *device, guint64 version)
{
  gint64 limit = g_get_monotonic_time () + HANG_SECONDS * G_USEC_PER_SEC;

  while (vmd_device_get_version (device) != version)
    {
      if (g_get_monotonic_time () > limit)
        g_error ("The device is at %" G_GUINT64_FORMAT ", and not at %" G_GUINT64_FORMAT,
                 vmd_device_get_version (device), version);
      g_main_context_iteration (NULL, FALSE);
    }
}

VmdDevice *
wait_for_device (VmdManager *manager, const char *id)
{
  gint64 limit = g_get_monotonic_time () + HANG_SECONDS * G_USEC_PER_SEC;
  VmdDevice *device = vmd_manager_lookup_device (manager, id);

  while (device == NULL)
    {
      if (g_get_monotonic_time () > limit)
        g_error ("There is no device %s", id);
      g_main_context_iteration (NULL, FALSE);
      device = vmd_manager_lookup_device (manager, id);
    }
  return device;
}
