/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "vmd-device-call-private.h"
#include "vmd-manager-state-private.h"

#include <string.h>

/* Lists of devices and groups, and new ones. */

VmdDevice *
vmd_manager_lookup_device (VmdManager *self, const char *id)
{
  return vmd_cache_lookup (self->cache, VMD_ROW_DEVICE, id);
}

VmdDeviceGroup *
vmd_manager_lookup_group (VmdManager *self, const char *name)
{
  return vmd_cache_lookup (self->cache, VMD_ROW_GROUP, name);
}

void
vmd_manager_emit_device_changed (VmdManager *self, VmdDevice *device)
{
  guint changed = vmd_device_get_changed_signal ();

  /* Of ten thousand devices few are listened to one by one. */
  if (g_signal_has_handler_pending (device, changed, 0, TRUE))
    vmd_signal_queue_push (self->signals, device, changed, NULL);
  vmd_manager_emit_once (self, VMD_MANAGER_DEVICE_CHANGED, device);
}

static int
compare_devices (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(VmdDevice *const *) a)->id, (*(VmdDevice *const *) b)->id);
}

/* Returns: (transfer full) (element-type VmdDevice): by id */
GPtrArray *
vmd_manager_dup_devices (VmdManager *self)
{
  GPtrArray *devices = vmd_cache_dup_all (self->cache, VMD_ROW_DEVICE);

  g_ptr_array_sort (devices, compare_devices);
  return devices;
}

guint
vmd_manager_get_n_devices (VmdManager *self)
{
  return vmd_cache_get_size (self->cache, VMD_ROW_DEVICE);
}

/**
 * vmd_manager_list_devices:
 *
 * Returns: (transfer full): the #VmdDevice there are now, sorted by id
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_devices (VmdManager *self)
{
  GListStore *list = g_list_store_new (VMD_TYPE_DEVICE);
  g_autoptr (GPtrArray) devices = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  devices = vmd_manager_dup_devices (self);
  g_list_store_splice (list, 0, 0, devices->pdata, devices->len);
  return G_LIST_MODEL (list);
}

static int
compare_groups (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(VmdDeviceGroup *const *) a)->name, (*(VmdDeviceGroup *const *) b)->name);
}

/**
 * vmd_manager_list_groups:
 *
 * Returns: (transfer full): the #VmdDeviceGroup there are now, sorted by name
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_groups (VmdManager *self)
{
  GListStore *list = g_list_store_new (VMD_TYPE_DEVICE_GROUP);
  g_autoptr (GPtrArray) groups = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  groups = vmd_cache_dup_all (self->cache, VMD_ROW_GROUP);
  g_ptr_array_sort (groups, compare_groups);
  g_list_store_splice (list, 0, 0, groups->pdata, groups->len);
  return G_LIST_MODEL (list);
}

/**
 * vmd_manager_find_device:
 * @name_or_id: its id; or, of a VM, what vmd_manager_find_vm() takes
 *
 * Returns: (transfer full) (nullable): the device; %VMD_ERROR_NOT_FOUND, %VMD_ERROR_AMBIGUOUS,
 *   %VMD_ERROR_INVALID_ARGUMENT when it can be no name and no id
 *
 * Since: 0.1
 */
VmdDevice *
vmd_manager_find_device (VmdManager *self, const char *name_or_id, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VmdVm) vm = NULL;
  VmdDevice *device;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (name_or_id != NULL, NULL);
  device = vmd_manager_lookup_device (self, name_or_id);
  if (device != NULL)
    return device;
  vm = vmd_manager_find_vm (self, name_or_id, &failure);
  if (vm != NULL)
    device = vmd_manager_lookup_device (self, vmd_vm_get_id (vm));
  if (device != NULL)
    return device;
  if (failure != NULL && !g_error_matches (failure, VMD_ERROR, VMD_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    vmd_fail (error, VMD_ERROR_NOT_FOUND,
              "There is no device “%s”: vmctl device list shows those there are", name_or_id);
  return NULL;
}

/**
 * vmd_manager_find_group:
 *
 * Returns: (transfer full) (nullable): the group of that name; %VMD_ERROR_NOT_FOUND,
 *   %VMD_ERROR_INVALID_ARGUMENT when it can be no name
 *
 * Since: 0.1
 */
VmdDeviceGroup *
vmd_manager_find_group (VmdManager *self, const char *name, GError **error)
{
  VmdDeviceGroup *group;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  if (!vmd_name_validate (name, "group", error))
    return NULL;
  group = vmd_manager_lookup_group (self, name);
  if (group == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no group “%s”", name);
  return group;
}

/* -- New ones -- */

static gboolean
check_id (const char *id, GError **error)
{
  if (!vmd_name_validate (id, "device", error))
    return FALSE;
  return !vmd_id_is_valid (id) || vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                                            "“%s” looks like the id of a VM: choose another name"
                                            " for the device",
                                            id);
}

static gboolean
add_device_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const VmdDeviceCall *call = data;
  g_autoptr (VmdConfigSchema) schema = NULL;
  gint64 schema_id = 0;

  if (!vmd_fault_point ("device-add", error) || !check_id (call->target, error))
    return FALSE;
  if (call->text != NULL)
    {
      schema = vmd_config_schema_parse (call->text, -1, error);
      if (schema == NULL ||
          !vmd_schema_row_intern (db, vmd_config_schema_get_text (schema), &schema_id, error))
        return FALSE;
    }
  return vmd_device_row_insert (db, call->target, FALSE, schema_id, call->time, error);
}

/**
 * vmd_manager_add_device_async:
 * @id: its id and name: 1 to 63 of a-z, 0-9 and hyphens, which no device and no VM has
 * @schema: (nullable): JSON: {"fields":{NAME:{"type":…}}}; %NULL: any values may be set
 *
 * Adds a device, on which nothing is set and which has no token.
 *
 * Since: 0.1
 */
void
vmd_manager_add_device_async (VmdManager *self, const char *id, const char *schema,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (id != NULL);
  call = vmd_device_call_new (self, id);
  call->text = g_strdup (schema);
  vmd_device_call_async (call, add_device_in_store, self, vmd_manager_add_device_async, cancellable,
                         callback, user_data);
}

/**
 * vmd_manager_add_device_finish:
 *
 * Returns: (transfer full) (nullable): the device; %VMD_ERROR_INVALID_ARGUMENT, naming what is
 *   wrong with the id or the schema, %VMD_ERROR_EXISTS, %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
VmdDevice *
vmd_manager_add_device_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_manager_add_device_async, error);
  VmdDevice *device = call != NULL ? vmd_manager_lookup_device (self, call->target) : NULL;

  if (call != NULL && device == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "Device “%s” was removed as soon as it was added",
              call->target);
  return device;
}

static gboolean
add_group_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const VmdDeviceCall *call = data;

  return vmd_fault_point ("group-add", error) && vmd_name_validate (call->target, "group", error) &&
         vmd_group_row_insert (db, call->target, call->time, error);
}

/**
 * vmd_manager_add_group_async:
 * @name: 1 to 63 of a-z, 0-9 and hyphens, which no group has
 *
 * Adds a group, which has no values and no devices.
 *
 * Since: 0.1
 */
void
vmd_manager_add_group_async (VmdManager *self, const char *name, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (name != NULL);
  vmd_device_call_async (vmd_device_call_new (self, name), add_group_in_store, self,
                         vmd_manager_add_group_async, cancellable, callback, user_data);
}

/**
 * vmd_manager_add_group_finish:
 *
 * Returns: (transfer full) (nullable): the group; %VMD_ERROR_INVALID_ARGUMENT, %VMD_ERROR_EXISTS,
 *   %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
VmdDeviceGroup *
vmd_manager_add_group_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_manager_add_group_async, error);
  VmdDeviceGroup *group = call != NULL ? vmd_manager_lookup_group (self, call->target) : NULL;

  if (call != NULL && group == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "Group “%s” was removed as soon as it was added",
              call->target);
  return group;
}
