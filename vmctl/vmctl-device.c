/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-device.h"

#include "vmctl-await.h"
#include "vmctl-error.h"

/* The device at @path with its properties. (transfer full) */
VmdDbusDevice *
vmctl_device_load (VmctlClient *client, const char *path, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *local = NULL;
  VmdDbusDevice *device;

  vmd_dbus_device_proxy_new (
      vmctl_client_get_bus (client), G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS,
      vmctl_client_get_bus_name (client), path, NULL, vmctl_await_cb, &result);
  vmctl_await (&result);
  device = vmd_dbus_device_proxy_new_finish (result, &local);
  if (device == NULL)
    {
      vmctl_error_convert (&local);
      g_propagate_error (error, local);
    }
  return device;
}

static void
add_applied (JsonBuilder *builder, VmdDbusDevice *device)
{
  json_builder_set_member_name (builder, "applied");
  json_builder_begin_object (builder);
  vmctl_json_add_int (builder, "version", (gint64) vmd_dbus_device_get_applied_version (device));
  vmctl_json_add_string (builder, "status", vmd_dbus_device_get_applied_status (device));
  vmctl_json_add_string (builder, "message", vmd_dbus_device_get_applied_message (device));
  vmctl_json_add_time (builder, "time", vmd_dbus_device_get_applied_time (device));
  json_builder_end_object (builder);
}

/* The members of an object that is open. */
void
vmctl_device_add_json (JsonBuilder *builder, VmdDbusDevice *device)
{
  const char *const *group = vmd_dbus_device_get_groups (device);

  vmctl_json_add_string (builder, "id", vmd_dbus_device_get_id (device));
  vmctl_json_add_string (builder, "name", vmd_dbus_device_get_name (device));
  vmctl_json_add_boolean (builder, "guest", vmd_dbus_device_get_guest (device));
  vmctl_json_add_time (builder, "created", vmd_dbus_device_get_created (device));
  vmctl_json_add_int (builder, "version", (gint64) vmd_dbus_device_get_version (device));
  vmctl_json_add_raw (builder, "values", vmd_dbus_device_get_values (device));
  vmctl_json_add_raw (builder, "own_values", vmd_dbus_device_get_own_values (device));
  vmctl_json_add_raw (builder, "schema", vmd_dbus_device_get_schema (device));
  json_builder_set_member_name (builder, "groups");
  json_builder_begin_array (builder);
  for (; group != NULL && *group != NULL; group++)
    json_builder_add_string_value (builder, *group);
  json_builder_end_array (builder);
  add_applied (builder, device);
  vmctl_json_add_boolean (builder, "connected", vmd_dbus_device_get_connected (device));
  vmctl_json_add_time (builder, "since", vmd_dbus_device_get_since (device));
  vmctl_json_add_string (builder, "peer", vmd_dbus_device_get_peer (device));
  vmctl_json_add_int (builder, "generation", (gint64) vmd_dbus_device_get_generation (device));
  vmctl_json_add_boolean (builder, "contested", vmd_dbus_device_get_contested (device));
  vmctl_json_add_string (builder, "rival", vmd_dbus_device_get_rival (device));
}

const char *
vmctl_device_describe_presence (gboolean connected, gboolean contested)
{
  return contested ? "contested" : connected ? "yes" : "no";
}

char *
vmctl_device_describe_peers (const char *peer, gboolean contested, const char *rival)
{
  if (contested && *rival != '\0')
    return g_strdup_printf ("%s, against %s", *peer != '\0' ? peer : "-", rival);
  return g_strdup (peer);
}

char *
vmctl_device_describe_applied (guint64 version, guint64 applied, const char *status)
{
  if (applied == 0)
    return g_strdup ("");
  if (g_str_equal (status, "failed"))
    return g_strdup_printf ("%" G_GUINT64_FORMAT " failed", applied);
  if (applied == version)
    return g_strdup_printf ("%" G_GUINT64_FORMAT, applied);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, applied, version);
}
