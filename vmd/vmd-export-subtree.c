/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-export-subtree.h"

#include <string.h>

/* Ten thousand devices as skeletons would be ten thousand times a GObject with its properties, its
 * closures and its mutex, on every connection that there is, and GetManagedObjects() would send
 * them all to every client that starts. So the connection has one entry for all of them, and an
 * object is looked for when a message names it. Nothing of an object is kept here but, for a
 * moment, that it changed.
 *
 * A change is told when the main loop has nothing better to do, some objects at a time: a value set
 * on a group of ten thousand must not keep a caller waiting, and what changes again meanwhile is
 * told once. */

#define TOLD_AT_ONCE 64

struct _VmdExportSubtree
{
  VmdExport *export; /* not owned: it owns this */
  const VmdSubtreeKind *kind; /* static */
  char *root; /* absolute path */
  guint registration;
  GHashTable *changed; /* set of objects, to be told of */
  guint telling; /* source, or 0 */
};

/* The object whose place is @node, (transfer full) (nullable). Names and beginnings of ids find an
 * object too, but are not its path: that is the one that we would give it. */
static GObject *
find_object (VmdExportSubtree *self, const char *node)
{
  VmdManager *manager = vmd_export_get_manager (self->export);
  g_autofree char *name = vmd_export_unescape_element (node);
  g_autoptr (GObject) object = name != NULL ? self->kind->find (manager, name) : NULL;
  g_autofree char *element = NULL;

  if (object != NULL)
    element = vmd_export_escape_element (self->kind->get_name (object));
  return g_strcmp0 (element, node) == 0 ? g_steal_pointer (&object) : NULL;
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
      g_autofree char *node = vmd_export_escape_element (self->kind->get_name (object));

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

static GVariant *
get_all (const VmdSubtreeKind *kind, gpointer object)
{
  GVariantBuilder values;

  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  for (const VmdProperty *property = kind->properties; property->name != NULL; property++)
    g_variant_builder_add (&values, "{sv}", property->name, property->get (object));
  return g_variant_new ("(a{sv})", &values);
}

/* The answer to org.freedesktop.DBus.Properties.Get() or GetAll(); NULL: there is no such one. */
static GVariant *
read_properties (gpointer object, const char *method, GVariant *parameters)
{
  const VmdSubtreeKind *kind =
      VMD_IS_DEVICE (object) ? &vmd_subtree_kind_device : &vmd_subtree_kind_group;
  const char *name;

  if (g_str_equal (method, "GetAll"))
    return get_all (kind, object);
  g_variant_get_child (parameters, 1, "&s", &name);
  for (const VmdProperty *property = kind->properties; property->name != NULL; property++)
    if (g_str_equal (property->name, name))
      return g_variant_new ("(v)", property->get (object));
  return NULL;
}

static void
run_read (VmdCall *call, const char *method)
{
  GVariant *answer =
      read_properties (vmd_call_get_object (call), method, vmd_call_get_parameters (call));

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
 * secret, and so where polkit decides on calls, it decides on reading. Elsewhere they are read on
 * the spot. */
static void
method_call_cb (GDBusConnection *connection, const char *sender, const char *path,
                const char *interface, const char *method, GVariant *parameters,
                GDBusMethodInvocation *invocation, gpointer data)
{
  VmdExportSubtree *self = data;
  VmdService *service = vmd_export_get_service (self->export);
  gboolean reads = g_str_equal (interface, "org.freedesktop.DBus.Properties");
  g_autoptr (GObject) object = find_object (self, strrchr (path, '/') + 1);
  GVariant *answer = NULL;

  if (object == NULL)
    {
      g_dbus_method_invocation_return_error (invocation, VMD_ERROR, VMD_ERROR_NOT_FOUND,
                                             "There is nothing at %s any more", path);
      return;
    }
  if (reads && vmd_service_get_polkit (service) == NULL)
    answer = read_properties (object, method, parameters);
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
tell (VmdExportSubtree *self, GObject *object)
{
  g_autofree char *node = vmd_export_escape_element (self->kind->get_name (object));
  g_autofree char *path = g_strconcat (self->root, "/", node, NULL);
  GVariantBuilder changed, invalidated;

  g_variant_builder_init (&changed, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&invalidated, G_VARIANT_TYPE_STRING_ARRAY);
  for (const VmdProperty *property = self->kind->properties; property->name != NULL; property++)
    if (property->news == VMD_PROPERTY_TOLD)
      g_variant_builder_add (&changed, "{sv}", property->name, property->get (object));
    else if (property->news == VMD_PROPERTY_INVALIDATED)
      g_variant_builder_add (&invalidated, "s", property->name);
  g_dbus_connection_emit_signal (
      vmd_export_get_connection (self->export), NULL, path, "org.freedesktop.DBus.Properties",
      "PropertiesChanged",
      g_variant_new ("(sa{sv}as)", self->kind->get_info ()->name, &changed, &invalidated), NULL);
}

static gboolean
tell_cb (gpointer data)
{
  VmdExportSubtree *self = data;
  GHashTableIter iterator;
  gpointer object;

  g_hash_table_iter_init (&iterator, self->changed);
  for (guint i = 0; i < TOLD_AT_ONCE && g_hash_table_iter_next (&iterator, &object, NULL); i++)
    {
      tell (self, object);
      g_hash_table_iter_remove (&iterator);
    }
  if (g_hash_table_size (self->changed) > 0)
    return G_SOURCE_CONTINUE;
  self->telling = 0;
  return G_SOURCE_REMOVE;
}

static void
changed_cb (VmdManager *manager, GObject *object, VmdExportSubtree *self)
{
  g_hash_table_add (self->changed, g_object_ref (object));
  if (self->telling == 0)
    self->telling = g_idle_add (tell_cb, self);
}

static void
removed_cb (VmdManager *manager, GObject *object, VmdExportSubtree *self)
{
  g_hash_table_remove (self->changed, object);
}

VmdExportSubtree *
vmd_export_subtree_new (VmdExport *export, const VmdSubtreeKind *kind)
{
  VmdExportSubtree *self = g_new0 (VmdExportSubtree, 1);
  VmdManager *manager = vmd_export_get_manager (export);
  g_autoptr (GError) error = NULL;

  self->export = export;
  self->kind = kind;
  self->root = vmd_export_absolute (kind->path);
  self->changed = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  /* Else every message would make the names of all. */
  self->registration = g_dbus_connection_register_subtree (
      vmd_export_get_connection (export), self->root, &subtree_vtable,
      G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, self, NULL, &error);
  /* Nobody else has a place below ours. */
  if (self->registration == 0)
    g_critical ("%s: %s", self->root, error->message);
  g_signal_connect (manager, kind->changed_signal, G_CALLBACK (changed_cb), self);
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
  g_clear_handle_id (&self->telling, g_source_remove);
  g_hash_table_unref (self->changed);
  g_free (self->root);
  g_free (self);
}
