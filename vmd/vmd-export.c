/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-export-subtree.h"

struct _VmdExport
{
  GObject parent;

  VmdService *service;
  GDBusConnection *connection;
  char *peer; /* (nullable) */
  GDBusObjectManagerServer *objects;
  VmdExportSubtree *devices; /* NULL once stopped */
  VmdExportSubtree *groups; /* NULL once stopped */
  VmdClients *clients;
};

G_DEFINE_FINAL_TYPE (VmdExport, vmd_export, G_TYPE_OBJECT)

static void
vmd_export_finalize (GObject *object)
{
  VmdExport *self = VMD_EXPORT (object);

  g_clear_pointer (&self->clients, vmd_clients_free);
  g_clear_object (&self->objects);
  g_clear_object (&self->connection);
  g_clear_object (&self->service);
  g_free (self->peer);
  G_OBJECT_CLASS (vmd_export_parent_class)->finalize (object);
}

static void
vmd_export_class_init (VmdExportClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_export_finalize;
}

static void
vmd_export_init (VmdExport *self)
{
}

VmdService *
vmd_export_get_service (VmdExport *self)
{
  return self->service;
}

VmdManager *
vmd_export_get_manager (VmdExport *self)
{
  return vmd_service_get_manager (self->service);
}

GDBusConnection *
vmd_export_get_connection (VmdExport *self)
{
  return self->connection;
}

const char *
vmd_export_get_peer (VmdExport *self)
{
  return self->peer;
}

VmdClients *
vmd_export_get_clients (VmdExport *self)
{
  return self->clients;
}

char *
vmd_export_absolute (const char *relative_path)
{
  return g_strconcat (VMD_OBJECT_PATH "/", relative_path, NULL);
}

/* An object path's element has only letters, digits and "_": every other byte is written _xx. */
char *
vmd_export_escape_element (const char *text)
{
  GString *escaped = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c++)
    if (g_ascii_isalnum (*c))
      g_string_append_c (escaped, *c);
    else
      g_string_append_printf (escaped, "_%02x", (guchar) *c);
  return g_string_free (escaped, FALSE);
}

char *
vmd_export_unescape_element (const char *element)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (const char *c = element; *c != '\0'; c++)
    {
      if (*c != '_')
        {
          g_string_append_c (text, *c);
          continue;
        }
      if (!g_ascii_isxdigit (c[1]) || !g_ascii_isxdigit (c[2]))
        return NULL;
      g_string_append_c (text,
                         (char) (g_ascii_xdigit_value (c[1]) * 16 + g_ascii_xdigit_value (c[2])));
      c += 2;
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
vmd_export_vm_path (VmdVm *vm)
{
  return g_strconcat ("vms/", vmd_vm_get_id (vm), NULL);
}

char *
vmd_export_image_path (VmdImage *image)
{
  g_autofree char *element = vmd_export_escape_element (vmd_image_get_name (image));

  return g_strconcat ("images/", element, NULL);
}

char *
vmd_export_kernel_path (VmdKernel *kernel)
{
  g_autofree char *element = vmd_export_escape_element (vmd_kernel_get_version (kernel));

  return g_strconcat ("kernels/", element, NULL);
}

char *
vmd_export_workspace_path (VmdWorkspace *workspace)
{
  g_autofree char *digest =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, vmd_workspace_get_path (workspace), -1);

  return g_strdup_printf ("workspaces/%s_%.16s", vmd_workspace_get_vm_id (workspace), digest);
}

char *
vmd_export_device_path (VmdDevice *device)
{
  g_autofree char *element = vmd_export_escape_element (vmd_device_get_id (device));

  return g_strconcat ("devices/", element, NULL);
}

char *
vmd_export_group_path (VmdDeviceGroup *group)
{
  g_autofree char *element = vmd_export_escape_element (vmd_device_group_get_name (group));

  return g_strconcat ("groups/", element, NULL);
}

char *
vmd_export_job_path (VmdJob *job)
{
  return g_strconcat ("jobs/", vmd_job_get_id (job), NULL);
}

void
vmd_export_add (VmdExport *self, const char *path, GDBusInterfaceSkeleton *skeleton)
{
  g_autofree char *absolute = vmd_export_absolute (path);
  g_autoptr (GDBusObjectSkeleton) object = g_dbus_object_skeleton_new (absolute);

  g_dbus_object_skeleton_add_interface (object, skeleton);
  g_dbus_object_manager_server_export (self->objects, object);
}

void
vmd_export_remove (VmdExport *self, const char *path)
{
  g_autofree char *absolute = vmd_export_absolute (path);

  g_dbus_object_manager_server_unexport (self->objects, absolute);
}

/* For each kind of object: what to do when the library has a new one, and when one is gone. */
#define DEFINE_EXPORTED(kind, Type)                                                                \
  static void kind##_added_cb (VmdManager *manager, Type *object, VmdExport *self)                 \
  {                                                                                                \
    g_autofree char *path = vmd_export_##kind##_path (object);                                     \
    g_autoptr (GDBusInterfaceSkeleton) skeleton = vmd_export_##kind##_new (self, object);          \
                                                                                                   \
    vmd_export_add (self, path, skeleton);                                                         \
  }                                                                                                \
                                                                                                   \
  static void kind##_removed_cb (VmdManager *manager, Type *object, VmdExport *self)               \
  {                                                                                                \
    g_autofree char *path = vmd_export_##kind##_path (object);                                     \
                                                                                                   \
    vmd_export_remove (self, path);                                                                \
  }                                                                                                \
                                                                                                   \
  static void populate_##kind##s (VmdExport *self, VmdManager *manager)                            \
  {                                                                                                \
    g_autoptr (GListModel) list = vmd_manager_list_##kind##s (manager);                            \
                                                                                                   \
    for (guint i = 0; i < g_list_model_get_n_items (list); i++)                                    \
      {                                                                                            \
        g_autoptr (Type) object = g_list_model_get_item (list, i);                                 \
                                                                                                   \
        kind##_added_cb (manager, object, self);                                                   \
      }                                                                                            \
    g_signal_connect_object (manager, #kind "-added", G_CALLBACK (kind##_added_cb), self, 0);      \
    g_signal_connect_object (manager, #kind "-removed", G_CALLBACK (kind##_removed_cb), self, 0);  \
  }

DEFINE_EXPORTED (vm, VmdVm)
DEFINE_EXPORTED (image, VmdImage)
DEFINE_EXPORTED (kernel, VmdKernel)
DEFINE_EXPORTED (workspace, VmdWorkspace)
DEFINE_EXPORTED (job, VmdJob)

VmdExport *
vmd_export_new (VmdService *service, GDBusConnection *connection, const char *peer)
{
  VmdExport *self = g_object_new (VMD_TYPE_EXPORT, NULL);
  VmdManager *manager = vmd_service_get_manager (service);
  g_autoptr (GDBusInterfaceSkeleton) skeleton = NULL;

  self->service = g_object_ref (service);
  self->connection = g_object_ref (connection);
  self->peer = g_strdup (peer);
  self->clients = vmd_clients_new (self);
  self->objects = g_dbus_object_manager_server_new (VMD_OBJECT_PATH);
  skeleton = vmd_export_manager_new (self);
  vmd_export_add (self, "Manager", skeleton);
  populate_vms (self, manager);
  populate_images (self, manager);
  populate_kernels (self, manager);
  populate_workspaces (self, manager);
  populate_jobs (self, manager);
  g_dbus_object_manager_server_set_connection (self->objects, connection);
  self->devices = vmd_export_subtree_new (self, &vmd_subtree_kind_device);
  self->groups = vmd_export_subtree_new (self, &vmd_subtree_kind_group);
  return self;
}

void
vmd_export_stop (VmdExport *self)
{
  VmdManager *manager = vmd_service_get_manager (self->service);

  g_signal_handlers_disconnect_by_data (manager, self);
  g_clear_pointer (&self->devices, vmd_export_subtree_free);
  g_clear_pointer (&self->groups, vmd_export_subtree_free);
  vmd_clients_vanish_all (self->clients);
  g_dbus_object_manager_server_set_connection (self->objects, NULL);
}
