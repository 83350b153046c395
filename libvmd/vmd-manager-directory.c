/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-directory-private.h"

#include <string.h>

/* What the server asks before it answers anybody: from memory, on its thread. */

struct _VmdManagerDirectory
{
  GObject parent;

  /* Constant. */
  VmdManager *manager; /* owned */
  char admin_id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 admin_hash[VMD_TOKEN_HASH_SIZE];
};

static void directory_init (VmdDeviceDirectoryInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (VmdManagerDirectory, vmd_manager_directory, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_DEVICE_DIRECTORY, directory_init))

static gboolean
refuse (GError **error)
{
  return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED, "The token gives no right to this");
}

static VmdDeviceToken *
find_token (VmdDevice *device, const char *id, const guint8 hash[VMD_TOKEN_HASH_SIZE], gint64 now)
{
  g_autoptr (GPtrArray) tokens = NULL;

  g_mutex_lock (&device->mutex);
  tokens = device->tokens != NULL ? g_ptr_array_ref (device->tokens) : NULL;
  g_mutex_unlock (&device->mutex);
  for (guint i = 0; tokens != NULL && i < tokens->len; i++)
    if (vmd_device_token_matches (tokens->pdata[i], id, hash, now))
      return g_object_ref (tokens->pdata[i]);
  return NULL;
}

static gboolean
authenticate (VmdDeviceDirectory *directory, const char *id, const char *text,
              VmdCredential *credential, GError **error)
{
  VmdManager *manager = VMD_MANAGER_DIRECTORY (directory)->manager;
  g_autoptr (VmdDevice) device = vmd_manager_lookup_device (manager, id);
  g_autoptr (VmdDeviceToken) token = NULL;
  guint8 hash[VMD_TOKEN_HASH_SIZE];

  if (!vmd_bearer_token_split (text, credential->id, hash))
    return refuse (error);
  if (device != NULL)
    token = find_token (device, credential->id, hash,
                        vmd_clock_get_wall (vmd_manager_get_clock (manager)));
  if (token == NULL)
    {
      *credential->id = '\0';
      return refuse (error);
    }
  credential->expires = vmd_device_token_get_expires (token);
  return TRUE;
}

static gboolean
authenticate_admin (VmdDeviceDirectory *directory, const char *text, GError **error)
{
  VmdManagerDirectory *self = VMD_MANAGER_DIRECTORY (directory);
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];

  return (vmd_bearer_token_split (text, id, hash) && g_str_equal (id, self->admin_id) &&
          vmd_bearer_token_hash_equal (hash, self->admin_hash)) ||
         refuse (error);
}

static VmdConfigSnapshot *
ref_snapshot (VmdDeviceDirectory *directory, const char *id, GError **error)
{
  g_autoptr (VmdDevice) device =
      vmd_manager_lookup_device (VMD_MANAGER_DIRECTORY (directory)->manager, id);

  if (device != NULL)
    return vmd_device_ref_snapshot (device);
  vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no device “%s”", id);
  return NULL;
}

static guint
get_n_devices (VmdDeviceDirectory *directory)
{
  return vmd_manager_get_n_devices (VMD_MANAGER_DIRECTORY (directory)->manager);
}

static void
directory_init (VmdDeviceDirectoryInterface *iface)
{
  iface->authenticate = authenticate;
  iface->authenticate_admin = authenticate_admin;
  iface->ref_snapshot = ref_snapshot;
  iface->get_n_devices = get_n_devices;
  iface->change_async = vmd_manager_directory_change_async;
  iface->change_finish = vmd_manager_directory_change_finish;
  iface->query_async = vmd_manager_directory_query_async;
  iface->query_finish = vmd_manager_directory_query_finish;
}

static void
vmd_manager_directory_finalize (GObject *object)
{
  g_clear_object (&VMD_MANAGER_DIRECTORY (object)->manager);
  G_OBJECT_CLASS (vmd_manager_directory_parent_class)->finalize (object);
}

static void
vmd_manager_directory_class_init (VmdManagerDirectoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_manager_directory_finalize;
}

static void
vmd_manager_directory_init (VmdManagerDirectory *self)
{
}

VmdManagerDirectory *
vmd_manager_directory_new (VmdManager *manager, const char *admin_token, GError **error)
{
  g_autoptr (VmdManagerDirectory) self = g_object_new (VMD_TYPE_MANAGER_DIRECTORY, NULL);

  self->manager = g_object_ref (manager);
  if (!vmd_bearer_token_split (admin_token, self->admin_id, self->admin_hash))
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "The administrator's token is none");
      return NULL;
    }
  return g_steal_pointer (&self);
}

VmdManager *
vmd_manager_directory_get_manager (VmdManagerDirectory *self)
{
  return self->manager;
}
