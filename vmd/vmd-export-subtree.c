/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-export-subtree.h"

#include <string.h>

/* Ten thousand devices as skeletons would be ten thousand times a GObject with its properties, its
 * closures and its mutex, on every connection that there is; and for a command that runs for
 * milliseconds, a hundred jobs that have ended were too many already. So the connection has one
 * entry for all objects of a kind, and an object is looked for when a message names it. Nothing of
 * an object is kept here. */

struct _VmdExportSubtree
{
  VmdExport *export; /* not owned: it owns this */
  const VmdObjectKind *kind; /* static */
  VmdExportObjects *objects; /* not owned: the export's too */
  char *root; /* absolute path */
  guint registration;
};

static GObject *
find_object (VmdExportSubtree *self, const char *node)
{
  return vmd_object_kind_find (self->kind, vmd_export_get_manager (self->export), node);
}

static char **
enumerate_cb (GDBusConnection *connection, const char *sender, const char *path, gpointer data)
{
  VmdExportSubtree *self = data;
  g_autoptr (GListModel) list = self->kind->list (vmd_export_get_manager (self->export));
  g_autoptr (GStrvBuilder) nodes = g_strv_builder_new ();

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (GObject) object = g_list_model_get_item (list, i);
      g_autofree char *node = self->kind->dup_node (object);

      g_strv_builder_add (nodes, node);
    }
  return g_strv_builder_end (nodes);
}

static GDBusInterfaceInfo **
introspect_cb (GDBusConnection *connection, const char *sender, const char *path, const char *node,
               gpointer data)
{
  VmdExportSubtree *self = data;
  g_autoptr (GObject) object = node != NULL ? find_object (self, node) : NULL;
  GDBusInterfaceInfo **interfaces = g_new0 (GDBusInterfaceInfo *, 2);

  if (object != NULL)
    interfaces[0] = g_dbus_interface_info_ref (self->kind->get_info ());
  return interfaces;
}

/* The answer to org.freedesktop.DBus.Properties.Get() or GetAll(); NULL: there is no such one. */
static GVariant *
read_properties (const VmdObjectKind *kind, gpointer object, const char *method,
                 GVariant *parameters)
{
  const char *name;

  if (g_str_equal (method, "GetAll"))
    return g_variant_new ("(@a{sv})", vmd_object_kind_get_properties (kind, object));
  g_variant_get_child (parameters, 1, "&s", &name);
  for (const VmdProperty *property = kind->properties; property->name != NULL; property++)
    if (g_str_equal (property->name, name))
      return g_variant_new ("(v)", property->get (object));
  return NULL;
}

/* What is secret is a device or a group. */
static void
run_read (VmdCall *call, const char *method)
{
  gpointer object = vmd_call_get_object (call);
  GVariant *answer =
      read_properties (VMD_IS_DEVICE (object) ? &vmd_object_kind_device : &vmd_object_kind_group,
                       object, method, vmd_call_get_parameters (call));

  if (answer != NULL)
    vmd_call_return (call, answer, NULL);
  else
    vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_NOT_FOUND, "There is no such property"));
}

static void
run_get (VmdCall *call)
{
  run_read (call, "Get");
}

static void
run_get_all (VmdCall *call)
{
  run_read (call, "GetAll");
}

static const VmdMethod property_methods[] = {
  { "handle-get", NULL, run_get, { { NULL, NULL } } },
  { "handle-get-all", NULL, run_get_all, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

/* Reading properties comes here too, since there is no get_property(): what is configured may be
 * secret, and so where polkit decides on calls, it decides on reading. Whatever else is read on the
 * spot. */
static void
method_call_cb (GDBusConnection *connection, const char *sender, const char *path,
                const char *interface, const char *method, GVariant *parameters,
                GDBusMethodInvocation *invocation, gpointer data)
{
  VmdExportSubtree *self = data;
  VmdService *service = vmd_export_get_service (self->export);
  gboolean is_open = !self->kind->is_secret || vmd_service_get_polkit (service) == NULL;
  gboolean reads = g_str_equal (interface, "org.freedesktop.DBus.Properties");
  g_autoptr (GObject) object = find_object (self, strrchr (path, '/') + 1);
  GVariant *answer = NULL;

  if (object == NULL)
    {
      g_dbus_method_invocation_return_error (invocation, VMD_ERROR, VMD_ERROR_NOT_FOUND,
                                             "There is nothing at %s any more", path);
      return;
    }
  if (reads && is_open)
    answer = read_properties (self->kind, object, method, parameters);
  if (answer != NULL)
    g_dbus_method_invocation_return_value (invocation, answer);
  else
    vmd_call_dispatch (self->export, reads ? property_methods : self->kind->methods, object,
                       invocation);
}

/* Nothing can be set: GDBus says so by itself. */
static const GDBusInterfaceVTable interface_vtable = {
  .method_call = method_call_cb,
};

/* What is called runs a moment later, and looks for its object again. */
static const GDBusInterfaceVTable *
dispatch_cb (GDBusConnection *connection, const char *sender, const char *path,
             const char *interface, const char *node, gpointer *out_data, gpointer data)
{
  *out_data = data;
  return node != NULL ? &interface_vtable : NULL;
}

static const GDBusSubtreeVTable subtree_vtable = {
  .enumerate = enumerate_cb,
  .introspect = introspect_cb,
  .dispatch = dispatch_cb,
};

static void
added_cb (VmdManager *manager, GObject *object, VmdExportSubtree *self)
{
  g_autofree char *path = vmd_object_kind_dup_path (self->kind, object);

  vmd_export_objects_tell_added (self->objects, path, self->kind->get_info ()->name,
                                 vmd_object_kind_get_properties (self->kind, object));
}

static void
removed_cb (VmdManager *manager, GObject *object, VmdExportSubtree *self)
{
  g_autofree char *path = vmd_object_kind_dup_path (self->kind, object);

  vmd_export_objects_tell_removed (self->objects, path, self->kind->get_info ()->name);
}

VmdExportSubtree *
vmd_export_subtree_new (VmdExport *export, const VmdObjectKind *kind, VmdExportObjects *objects)
{
  VmdExportSubtree *self = g_new0 (VmdExportSubtree, 1);
  VmdManager *manager = vmd_export_get_manager (export);
  g_autoptr (GError) error = NULL;

  self->export = export;
  self->kind = kind;
  self->objects = objects;
  self->root = vmd_export_absolute (kind->path);
  /* Else every message would make the names of all. */
  self->registration = g_dbus_connection_register_subtree (
      vmd_export_get_connection (export), self->root, &subtree_vtable,
      G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, self, NULL, &error);
  /* Nobody else has a place below ours. */
  if (self->registration == 0)
    g_critical ("%s: %s", self->root, error->message);
  if (!kind->is_managed)
    return self;
  g_signal_connect (manager, kind->added_signal, G_CALLBACK (added_cb), self);
  g_signal_connect (manager, kind->removed_signal, G_CALLBACK (removed_cb), self);
  return self;
}

void
vmd_export_subtree_free (VmdExportSubtree *self)
{
  g_signal_handlers_disconnect_by_data (vmd_export_get_manager (self->export), self);
  if (self->registration != 0)
    g_dbus_connection_unregister_subtree (vmd_export_get_connection (self->export),
                                          self->registration);
  g_free (self->root);
  g_free (self);
}
