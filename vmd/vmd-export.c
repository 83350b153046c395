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
  VmdExportObjects *objects; /* NULL once stopped, as are these */
  VmdExportSubtree *subtrees[VMD_N_OBJECT_KINDS];
  VmdClients *clients;
};

G_DEFINE_FINAL_TYPE (VmdExport, vmd_export, G_TYPE_OBJECT)

static void
vmd_export_finalize (GObject *object)
{
  VmdExport *self = VMD_EXPORT (object);

  g_clear_pointer (&self->clients, vmd_clients_free);
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

void
vmd_export_add (VmdExport *self, const char *path, GDBusInterfaceSkeleton *skeleton)
{
  g_autofree char *absolute = vmd_export_absolute (path);

  vmd_export_objects_add (self->objects, absolute, skeleton);
}

void
vmd_export_remove (VmdExport *self, const char *path)
{
  g_autofree char *absolute = vmd_export_absolute (path);

  if (self->objects != NULL)
    vmd_export_objects_remove (self->objects, absolute);
}

static void
changed_cb (VmdNews *news, const char *path, GVariant *body, VmdExport *self)
{
  g_dbus_connection_emit_signal (self->connection, NULL, path, "org.freedesktop.DBus.Properties",
                                 "PropertiesChanged", body, NULL);
}

VmdExport *
vmd_export_new (VmdService *service, GDBusConnection *connection, const char *peer)
{
  VmdExport *self = g_object_new (VMD_TYPE_EXPORT, NULL);
  g_autoptr (GDBusInterfaceSkeleton) skeleton = NULL;

  self->service = g_object_ref (service);
  self->connection = g_object_ref (connection);
  self->peer = g_strdup (peer);
  self->clients = vmd_clients_new (self);
  skeleton = vmd_export_manager_new (self);
  self->objects = vmd_export_objects_new (self, skeleton);
  for (guint i = 0; i < VMD_N_OBJECT_KINDS; i++)
    self->subtrees[i] = vmd_export_subtree_new (self, vmd_object_kinds[i], self->objects);
  g_signal_connect_object (vmd_service_get_news (service), "changed", G_CALLBACK (changed_cb), self,
                           0);
  return self;
}

void
vmd_export_stop (VmdExport *self)
{
  g_signal_handlers_disconnect_by_data (vmd_service_get_news (self->service), self);
  for (guint i = 0; i < VMD_N_OBJECT_KINDS; i++)
    g_clear_pointer (&self->subtrees[i], vmd_export_subtree_free);
  vmd_clients_vanish_all (self->clients);
  g_clear_pointer (&self->objects, vmd_export_objects_free);
}
