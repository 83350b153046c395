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

static GVariant *
await_call (VmctlClient *client, const char *name, const char *path, const char *interface,
            const char *method, GVariant *parameters, const char *type, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *local = NULL;
  GVariant *reply;

  g_dbus_connection_call (vmctl_client_get_bus (client), name, path, interface, method, parameters,
                          G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                          vmctl_client_get_cancellable (client), vmctl_await_cb, &result);
  vmctl_await (&result);
  reply = g_dbus_connection_call_finish (vmctl_client_get_bus (client), result, &local);
  if (reply == NULL)
    {
      vmctl_error_convert (&local);
      g_propagate_error (error, local);
    }
  return reply;
}

/* Whom a proxy is to be of: with a name that may change hands, making it would ask the bus who has
 * it, for each. NULL without an error: there is no bus. */
static char *
find_owner (VmctlClient *client, GError **error)
{
  const char *name = vmctl_client_get_bus_name (client);
  g_autoptr (GVariant) reply = NULL;
  char *owner = NULL;

  if (name == NULL)
    return NULL;
  reply =
      await_call (client, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                  "GetNameOwner", g_variant_new ("(s)", name), "(s)", error);
  if (reply != NULL)
    g_variant_get (reply, "(s)", &owner);
  return owner;
}

/* The generated proxy, with @properties; it never asks for more and hears of no change. */
static GDBusProxy *
new_proxy (VmctlClient *client, const char *owner, const char *path, const char *interface,
           GVariant *properties, GError **error)
{
  GType type = vmd_dbus_object_manager_client_get_proxy_type (NULL, path, interface, NULL);
  GDBusProxyFlags flags = G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES |
                          G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
                          G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START;
  GDBusProxy *proxy = g_initable_new (type, NULL, error, "g-flags", flags, "g-connection",
                                      vmctl_client_get_bus (client), "g-name", owner,
                                      "g-object-path", path, "g-interface-name", interface, NULL);
  GVariantIter iterator;
  const char *name;
  GVariant *value;

  if (proxy == NULL)
    return NULL;
  g_variant_iter_init (&iterator, properties);
  while (g_variant_iter_loop (&iterator, "{&sv}", &name, &value))
    g_dbus_proxy_set_cached_property (proxy, name, value);
  return proxy;
}

/* All objects of @kind, as the generated proxies with their properties, in their order. Of the
 * others, which come too and of which there are more as a rule (a hundred jobs that have ended),
 * nothing is made. (transfer full) (element-type GDBusProxy) */
GPtrArray *
vmctl_objects_list (VmctlClient *client, const VmctlObjectKind *kind, GError **error)
{
  const char *interface = kind->get_info ()->name;
  g_autoptr (GPtrArray) proxies = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GVariantIter) objects = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *owner = NULL;
  GVariant *interfaces;
  const char *path;

  owner = find_owner (client, error);
  if (owner == NULL && vmctl_client_get_bus_name (client) != NULL)
    return NULL;
  reply = await_call (client, owner, VMCTL_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
                      "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", error);
  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(a{oa{sa{sv}}})", &objects);
  while (g_variant_iter_next (objects, "{&o@a{sa{sv}}}", &path, &interfaces))
    {
      g_autoptr (GVariant) properties =
          g_variant_lookup_value (interfaces, interface, G_VARIANT_TYPE_VARDICT);
      GDBusProxy *proxy;

      g_variant_unref (interfaces);
      if (properties == NULL)
        continue;
      proxy = new_proxy (client, owner, path, interface, properties, error);
      if (proxy == NULL)
        return NULL;
      g_ptr_array_add (proxies, proxy);
    }
  g_ptr_array_sort_with_data (proxies, compare_cb, (gpointer) kind);
  return g_steal_pointer (&proxies);
}
