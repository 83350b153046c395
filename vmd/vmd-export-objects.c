/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-export-objects.h"

#include "vmd-object-kind.h"

/* GDBusObjectManagerServer wants a skeleton for each object, on each connection: of a command that
 * runs for milliseconds, making those of a hundred jobs that had ended was half the daemon's part.
 * Here the library's objects are asked when somebody wants all of them; skeletons have only those
 * objects that are the connection's own, the Manager and locks. */

#define INTERFACE "org.freedesktop.DBus.ObjectManager"

static const char introspection[] =
    "<node><interface name='" INTERFACE "'>"
    "<method name='GetManagedObjects'>"
    "<arg type='a{oa{sa{sv}}}' name='object_paths_interfaces_and_properties' direction='out'/>"
    "</method>"
    "<signal name='InterfacesAdded'>"
    "<arg type='o' name='object_path'/><arg type='a{sa{sv}}' name='interfaces_and_properties'/>"
    "</signal>"
    "<signal name='InterfacesRemoved'>"
    "<arg type='o' name='object_path'/><arg type='as' name='interfaces'/>"
    "</signal>"
    "</interface></node>";

struct _VmdExportObjects
{
  VmdExport *export; /* not owned: it owns this */
  GHashTable *skeletons; /* absolute path → GDBusInterfaceSkeleton */
  guint registration;
};

static void
add_entry (GVariantBuilder *objects, const char *path, const char *interface, GVariant *properties)
{
  g_variant_builder_open (objects, G_VARIANT_TYPE ("{oa{sa{sv}}}"));
  g_variant_builder_add (objects, "o", path);
  g_variant_builder_open (objects, G_VARIANT_TYPE ("a{sa{sv}}"));
  g_variant_builder_add (objects, "{s@a{sv}}", interface, properties);
  g_variant_builder_close (objects);
  g_variant_builder_close (objects);
}

static void
add_kind (GVariantBuilder *objects, const VmdObjectKind *kind, VmdManager *manager)
{
  g_autoptr (GListModel) list = kind->list (manager);

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (GObject) object = g_list_model_get_item (list, i);
      g_autofree char *path = vmd_object_kind_dup_path (kind, object);

      add_entry (objects, path, kind->get_info ()->name,
                 vmd_object_kind_get_properties (kind, object));
    }
}

/* GetManagedObjects() is all that can be called here. */
static void
method_call_cb (GDBusConnection *connection, const char *sender, const char *path,
                const char *interface, const char *method, GVariant *parameters,
                GDBusMethodInvocation *invocation, gpointer data)
{
  VmdExportObjects *self = data;
  GVariantBuilder objects;
  GHashTableIter iterator;
  gpointer key, skeleton;

  g_variant_builder_init (&objects, G_VARIANT_TYPE ("a{oa{sa{sv}}}"));
  g_hash_table_iter_init (&iterator, self->skeletons);
  while (g_hash_table_iter_next (&iterator, &key, &skeleton))
    {
      g_autoptr (GVariant) properties = g_dbus_interface_skeleton_get_properties (skeleton);

      add_entry (&objects, key, g_dbus_interface_skeleton_get_info (skeleton)->name, properties);
    }
  for (guint i = 0; i < VMD_N_OBJECT_KINDS; i++)
    if (vmd_object_kinds[i]->is_managed)
      add_kind (&objects, vmd_object_kinds[i], vmd_export_get_manager (self->export));
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(a{oa{sa{sv}}})", &objects));
}

static const GDBusInterfaceVTable vtable = {
  .method_call = method_call_cb,
};

static GDBusInterfaceInfo *
get_info (void)
{
  static GDBusNodeInfo *node;

  if (node == NULL)
    node = g_dbus_node_info_new_for_xml (introspection, NULL);
  return node->interfaces[0];
}

static void
put (VmdExportObjects *self, const char *path, GDBusInterfaceSkeleton *skeleton)
{
  g_autoptr (GError) error = NULL;

  if (!g_dbus_interface_skeleton_export (skeleton, vmd_export_get_connection (self->export), path,
                                         &error))
    g_critical ("%s: %s", path, error->message);
  g_hash_table_insert (self->skeletons, g_strdup (path), g_object_ref (skeleton));
}

VmdExportObjects *
vmd_export_objects_new (VmdExport *export, GDBusInterfaceSkeleton *manager)
{
  VmdExportObjects *self = g_new0 (VmdExportObjects, 1);
  g_autoptr (GError) error = NULL;

  self->export = export;
  self->skeletons = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->registration =
      g_dbus_connection_register_object (vmd_export_get_connection (export), VMD_OBJECT_PATH,
                                         get_info (), &vtable, self, NULL, &error);
  /* Nobody else has a place below ours. */
  if (self->registration == 0)
    g_critical ("%s: %s", VMD_OBJECT_PATH, error->message);
  put (self, VMD_OBJECT_PATH "/Manager", manager);
  return self;
}

void
vmd_export_objects_free (VmdExportObjects *self)
{
  GHashTableIter iterator;
  gpointer skeleton;

  g_hash_table_iter_init (&iterator, self->skeletons);
  while (g_hash_table_iter_next (&iterator, NULL, &skeleton))
    g_dbus_interface_skeleton_unexport (skeleton);
  if (self->registration != 0)
    g_dbus_connection_unregister_object (vmd_export_get_connection (self->export),
                                         self->registration);
  g_hash_table_unref (self->skeletons);
  g_free (self);
}

/* To a connection that has closed meanwhile nothing can be told, and nobody misses it. */
static void
emit (VmdExportObjects *self, const char *signal, GVariant *body)
{
  g_dbus_connection_emit_signal (vmd_export_get_connection (self->export), NULL, VMD_OBJECT_PATH,
                                 INTERFACE, signal, body, NULL);
}

void
vmd_export_objects_tell_added (VmdExportObjects *self, const char *path, const char *interface,
                               GVariant *properties)
{
  GVariantBuilder interfaces;

  g_variant_builder_init (&interfaces, G_VARIANT_TYPE ("a{sa{sv}}"));
  g_variant_builder_add (&interfaces, "{s@a{sv}}", interface, properties);
  emit (self, "InterfacesAdded", g_variant_new ("(oa{sa{sv}})", path, &interfaces));
}

void
vmd_export_objects_tell_removed (VmdExportObjects *self, const char *path, const char *interface)
{
  const char *const interfaces[] = { interface, NULL };

  emit (self, "InterfacesRemoved", g_variant_new ("(o^as)", path, interfaces));
}

void
vmd_export_objects_add (VmdExportObjects *self, const char *path, GDBusInterfaceSkeleton *skeleton)
{
  g_autoptr (GVariant) properties = g_dbus_interface_skeleton_get_properties (skeleton);

  put (self, path, skeleton);
  vmd_export_objects_tell_added (self, path, g_dbus_interface_skeleton_get_info (skeleton)->name,
                                 properties);
}

void
vmd_export_objects_remove (VmdExportObjects *self, const char *path)
{
  GDBusInterfaceSkeleton *skeleton = g_hash_table_lookup (self->skeletons, path);

  if (skeleton == NULL)
    return;
  vmd_export_objects_tell_removed (self, path, g_dbus_interface_skeleton_get_info (skeleton)->name);
  g_dbus_interface_skeleton_unexport (skeleton);
  g_hash_table_remove (self->skeletons, path);
}
