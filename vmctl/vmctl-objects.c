/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-objects.h"

#include "vmctl-await.h"
#include "vmctl-error.h"

#include <string.h>

#define DEFINE_KIND(kind, key_property, order_property, name, command)                             \
  const VmctlObjectKind vmctl_object_kind_##kind = { vmd_dbus_##kind##_interface_info,             \
                                                     key_property, order_property, name,           \
                                                     command };

DEFINE_KIND (vm, "Name", "Name", "VM", "vmctl list")
DEFINE_KIND (image, "Name", "Name", "image", "vmctl image list")
DEFINE_KIND (kernel, "Version", "Version", "kernel", "vmctl kernel list")
DEFINE_KIND (workspace, "Path", "Path", "workspace", "vmctl workspace list")
DEFINE_KIND (job, "Id", "Started", "job", "vmctl job list")

/* What names it; never NULL. */
const char *
vmctl_object_get_key (GDBusProxy *proxy, const VmctlObjectKind *kind)
{
  g_autoptr (GVariant) value = g_dbus_proxy_get_cached_property (proxy, kind->key);

  /* The proxy's cache owns the string. */
  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
             ? g_variant_get_string (value, NULL)
             : "";
}

static int
compare_cb (gconstpointer a, gconstpointer b, gpointer data)
{
  const VmctlObjectKind *kind = data;
  GDBusProxy *first = *(GDBusProxy **) a;
  GDBusProxy *second = *(GDBusProxy **) b;
  g_autoptr (GVariant) first_order = g_dbus_proxy_get_cached_property (first, kind->order);
  g_autoptr (GVariant) second_order = g_dbus_proxy_get_cached_property (second, kind->order);
  int order = 0;

  if (first_order != NULL && second_order != NULL)
    order = g_variant_compare (first_order, second_order);
  if (order != 0)
    return order;
  return strcmp (g_dbus_proxy_get_object_path (first), g_dbus_proxy_get_object_path (second));
}

static GDBusObjectManager *
load (VmctlClient *client, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GDBusObjectManager *manager;
  GError *local = NULL;

  vmd_dbus_object_manager_client_new (
      vmctl_client_get_bus (client), G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE,
      vmctl_client_get_bus_name (client), VMCTL_OBJECT_PATH, vmctl_client_get_cancellable (client),
      vmctl_await_cb, &result);
  vmctl_await (&result);
  manager = vmd_dbus_object_manager_client_new_finish (result, &local);
  if (manager == NULL)
    {
      vmctl_error_convert (&local);
      g_propagate_error (error, local);
    }
  return manager;
}

/* All objects of @kind, as the generated proxies with their properties, in their order.
 * (transfer full) (element-type GDBusProxy) */
GPtrArray *
vmctl_objects_list (VmctlClient *client, const VmctlObjectKind *kind, GError **error)
{
  g_autoptr (GDBusObjectManager) manager = load (client, error);
  GPtrArray *proxies;
  GList *objects;

  if (manager == NULL)
    return NULL;
  proxies = g_ptr_array_new_with_free_func (g_object_unref);
  objects = g_dbus_object_manager_get_objects (manager);
  for (GList *l = objects; l != NULL; l = l->next)
    {
      GDBusInterface *interface = g_dbus_object_get_interface (l->data, kind->get_info ()->name);

      if (interface != NULL)
        g_ptr_array_add (proxies, interface);
    }
  g_list_free_full (objects, g_object_unref);
  g_ptr_array_sort_with_data (proxies, compare_cb, (gpointer) kind);
  return proxies;
}
