/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-directory-private.h"

G_DEFINE_INTERFACE (VmdDeviceDirectory, vmd_device_directory, G_TYPE_OBJECT)

static void
vmd_device_directory_default_init (VmdDeviceDirectoryInterface *iface)
{
}

gboolean
vmd_device_directory_authenticate (VmdDeviceDirectory *self, const char *device, const char *token,
                                   VmdCredential *credential, GError **error)
{
  return VMD_DEVICE_DIRECTORY_GET_IFACE (self)->authenticate (self, device, token, credential,
                                                              error);
}

gboolean
vmd_device_directory_authenticate_admin (VmdDeviceDirectory *self, const char *token,
                                         GError **error)
{
  return VMD_DEVICE_DIRECTORY_GET_IFACE (self)->authenticate_admin (self, token, error);
}

VmdConfigSnapshot *
vmd_device_directory_ref_snapshot (VmdDeviceDirectory *self, const char *device, GError **error)
{
  return VMD_DEVICE_DIRECTORY_GET_IFACE (self)->ref_snapshot (self, device, error);
}

guint
vmd_device_directory_get_n_devices (VmdDeviceDirectory *self)
{
  return VMD_DEVICE_DIRECTORY_GET_IFACE (self)->get_n_devices (self);
}

void
vmd_device_directory_change_async (VmdDeviceDirectory *self, const VmdDirectoryChange *change,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer data)
{
  VMD_DEVICE_DIRECTORY_GET_IFACE (self)->change_async (self, change, cancellable, callback, data);
}

gboolean
vmd_device_directory_change_finish (VmdDeviceDirectory *self, GAsyncResult *result,
                                    guint64 *version, char **text, GError **error)
{
  return VMD_DEVICE_DIRECTORY_GET_IFACE (self)->change_finish (self, result, version, text, error);
}

void
vmd_device_directory_query_async (VmdDeviceDirectory *self, const VmdDirectoryQuery *query,
                                  GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer data)
{
  VMD_DEVICE_DIRECTORY_GET_IFACE (self)->query_async (self, query, cancellable, callback, data);
}

char *
vmd_device_directory_query_finish (VmdDeviceDirectory *self, GAsyncResult *result, GError **error)
{
  return VMD_DEVICE_DIRECTORY_GET_IFACE (self)->query_finish (self, result, error);
}
