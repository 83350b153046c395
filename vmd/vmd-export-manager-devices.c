/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-export-manager-devices.h"

#include "vmd-object-kind.h"

#include <string.h>

/* One answer is not to keep the main loop for longer than a moment. */
#define MAX_PAGE 1000

static void
add_device_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdDevice) device =
      vmd_manager_add_device_finish (VMD_MANAGER (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_device, device, data, error);
}

static void
run_add_device (VmdCall *call)
{
  const char *id, *schema = NULL;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &id);
  g_variant_dict_lookup (vmd_call_get_options (call), "schema", "&s", &schema);
  vmd_manager_add_device_async (vmd_export_get_manager (vmd_call_get_export (call)), id, schema,
                                vmd_call_get_cancellable (call), add_device_done_cb, call);
}

static void
run_find_device (VmdCall *call)
{
  g_autoptr (VmdDevice) device = NULL;
  GError *error = NULL;
  const char *name;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &name);
  device =
      vmd_manager_find_device (vmd_export_get_manager (vmd_call_get_export (call)), name, &error);
  vmd_object_kind_return_path (&vmd_object_kind_device, device, call, error);
}

static void
add_device (GVariantBuilder *builder, VmdDevice *device)
{
  g_autofree char *path = vmd_object_kind_dup_path (&vmd_object_kind_device, device);
  g_autofree char *name = vmd_device_dup_name (device);
  g_autofree char *status = vmd_device_dup_applied_status (device);
  g_autofree char *peer = vmd_device_dup_peer (device);
  g_autofree char *rival = vmd_device_dup_rival (device);
  g_auto (GStrv) groups = vmd_device_dup_groups (device);

  g_variant_builder_add (builder, "(ossbttsbxsbs^as)", path, vmd_device_get_id (device), name,
                         vmd_device_is_guest (device), vmd_device_get_version (device),
                         vmd_device_get_applied_version (device), status,
                         vmd_device_is_connected (device), vmd_device_get_since (device),
                         peer != NULL ? peer : "", vmd_device_is_contested (device),
                         rival != NULL ? rival : "", groups);
}

/* The first device behind @after; the list is in the order of ids. */
static guint
find_first (GListModel *list, const char *after)
{
  guint low = 0;
  guint high = g_list_model_get_n_items (list);

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      g_autoptr (VmdDevice) device = g_list_model_get_item (list, middle);

      if (strcmp (vmd_device_get_id (device), after) > 0)
        high = middle;
      else
        low = middle + 1;
    }
  return low;
}

static gboolean
is_wanted (VmdDevice *device, const char *group)
{
  g_auto (GStrv) groups = NULL;

  if (group == NULL)
    return TRUE;
  groups = vmd_device_dup_groups (device);
  return g_strv_contains ((const char *const *) groups, group);
}

static void
return_page (VmdCall *call, const char *after, guint limit, const char *group)
{
  g_autoptr (GListModel) list =
      vmd_manager_list_devices (vmd_export_get_manager (vmd_call_get_export (call)));
  guint n_devices = g_list_model_get_n_items (list);
  guint index = find_first (list, after);
  g_autofree char *next = g_strdup ("");
  GVariantBuilder builder;
  guint n = 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ossbttsbxsbsas)"));
  for (; index < n_devices && n < limit; index++)
    {
      g_autoptr (VmdDevice) device = g_list_model_get_item (list, index);

      if (!is_wanted (device, group))
        continue;
      add_device (&builder, device);
      if (++n < limit || index + 1 == n_devices)
        continue;
      g_free (next);
      next = g_strdup (vmd_device_get_id (device));
    }
  vmd_call_return (call, g_variant_new ("(a(ossbttsbxsbsas)s)", &builder, next), NULL);
}

static void
run_list_devices (VmdCall *call)
{
  g_autoptr (VmdDeviceGroup) group = NULL;
  const char *after, *name = NULL;
  GError *error = NULL;
  guint limit;

  g_variant_get (vmd_call_get_parameters (call), "(&su@a{sv})", &after, &limit, NULL);
  if (limit > MAX_PAGE)
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                                        "The limit is %d at most, not %u", MAX_PAGE, limit));
      return;
    }
  if (g_variant_dict_lookup (vmd_call_get_options (call), "group", "&s", &name))
    {
      VmdManager *manager = vmd_export_get_manager (vmd_call_get_export (call));

      group = vmd_manager_find_group (manager, name, &error);
      if (group == NULL)
        {
          vmd_call_fail (call, error);
          return;
        }
    }
  return_page (call, after, limit != 0 ? limit : MAX_PAGE, name);
}

static void
add_group_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdDeviceGroup) group =
      vmd_manager_add_group_finish (VMD_MANAGER (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_group, group, data, error);
}

static void
run_add_group (VmdCall *call)
{
  const char *name;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &name);
  vmd_manager_add_group_async (vmd_export_get_manager (vmd_call_get_export (call)), name,
                               vmd_call_get_cancellable (call), add_group_done_cb, call);
}

static void
run_find_group (VmdCall *call)
{
  g_autoptr (VmdDeviceGroup) group = NULL;
  GError *error = NULL;
  const char *name;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &name);
  group =
      vmd_manager_find_group (vmd_export_get_manager (vmd_call_get_export (call)), name, &error);
  vmd_object_kind_return_path (&vmd_object_kind_group, group, call, error);
}

static void
run_list_groups (VmdCall *call)
{
  g_autoptr (GListModel) list =
      vmd_manager_list_groups (vmd_export_get_manager (vmd_call_get_export (call)));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ostu)"));
  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmdDeviceGroup) group = g_list_model_get_item (list, i);
      g_autofree char *path = vmd_object_kind_dup_path (&vmd_object_kind_group, group);

      g_variant_builder_add (&builder, "(ostu)", path, vmd_device_group_get_name (group),
                             vmd_device_group_get_version (group),
                             vmd_device_group_get_n_members (group));
    }
  vmd_call_return (call, g_variant_new ("(a(ostu))", &builder), NULL);
}

static const VmdMethod methods[] = {
  { "handle-add-device", NULL, run_add_device, { { "schema", "s" } } },
  { "handle-find-device", NULL, run_find_device, { { NULL, NULL } } },
  { "handle-list-devices", NULL, run_list_devices, { { "group", "s" } } },
  { "handle-add-group", NULL, run_add_group, { { NULL, NULL } } },
  { "handle-find-group", NULL, run_find_group, { { NULL, NULL } } },
  { "handle-list-groups", NULL, run_list_groups, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

/* What was added or removed is told by the Manager: nothing else is there that could tell. */
#define DEFINE_TOLD(kind, event, Type, get_name)                                                   \
  static void kind##_##event##_cb (VmdManager *manager, Type *object, VmdDbusManager *skeleton)    \
  {                                                                                                \
    g_autofree char *path = vmd_object_kind_dup_path (&vmd_object_kind_##kind, object);            \
                                                                                                   \
    vmd_dbus_manager_emit_##kind##_##event (skeleton, path, get_name (object));                    \
  }

DEFINE_TOLD (device, added, VmdDevice, vmd_device_get_id)
DEFINE_TOLD (device, removed, VmdDevice, vmd_device_get_id)
DEFINE_TOLD (group, added, VmdDeviceGroup, vmd_device_group_get_name)
DEFINE_TOLD (group, removed, VmdDeviceGroup, vmd_device_group_get_name)

void
vmd_export_manager_add_devices (VmdExport *export, VmdDbusManager *skeleton)
{
  VmdManager *manager = vmd_export_get_manager (export);
  VmdService *service = vmd_export_get_service (export);

  vmd_dbus_manager_set_channel_address (skeleton, vmd_service_get_channel_address (service));
  vmd_call_connect (export, G_DBUS_INTERFACE_SKELETON (skeleton), methods, NULL);
  g_signal_connect_object (manager, "device-added", G_CALLBACK (device_added_cb), skeleton, 0);
  g_signal_connect_object (manager, "device-removed", G_CALLBACK (device_removed_cb), skeleton, 0);
  g_signal_connect_object (manager, "group-added", G_CALLBACK (group_added_cb), skeleton, 0);
  g_signal_connect_object (manager, "group-removed", G_CALLBACK (group_removed_cb), skeleton, 0);
}
