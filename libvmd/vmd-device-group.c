/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "vmd-device-call-private.h"

/**
 * VmdDeviceGroup:
 *
 * Devices that get the same values, each unless it has its own. A change of a group is one change,
 * in one version, however many devices are in it.
 *
 * Reading is from memory, on any thread. Signals `changed` and `removed` are as those of a device.
 *
 * Since: 0.1
 */

static guint changed_signal;
static guint removed_signal;

G_DEFINE_FINAL_TYPE (VmdDeviceGroup, vmd_device_group, G_TYPE_OBJECT)

static void
vmd_device_group_finalize (GObject *object)
{
  VmdDeviceGroup *self = VMD_DEVICE_GROUP (object);

  g_hash_table_unref (self->members);
  g_clear_pointer (&self->values, vmd_config_values_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->name);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (vmd_device_group_parent_class)->finalize (object);
}

static void
vmd_device_group_class_init (VmdDeviceGroupClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_device_group_finalize;

  /**
   * VmdDeviceGroup::changed:
   *
   * Emitted in the manager's main context after its values or its members have changed.
   *
   * Since: 0.1
   */
  changed_signal = g_signal_new ("changed", VMD_TYPE_DEVICE_GROUP, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);
  /**
   * VmdDeviceGroup::removed:
   *
   * Emitted in the manager's main context once it is gone.
   *
   * Since: 0.1
   */
  removed_signal = g_signal_new ("removed", VMD_TYPE_DEVICE_GROUP, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);
}

static void
vmd_device_group_init (VmdDeviceGroup *self)
{
  g_mutex_init (&self->mutex);
  self->values = vmd_config_values_new_empty ();
  self->members =
      g_hash_table_new_full (g_str_hash, g_str_equal, (GDestroyNotify) g_ref_string_release, NULL);
}

VmdDeviceGroup *
vmd_device_group_new (VmdManager *manager, const VmdGroupRow *row)
{
  VmdDeviceGroup *self = g_object_new (VMD_TYPE_DEVICE_GROUP, NULL);

  self->manager = g_object_ref (manager);
  self->name = g_strdup (row->name);
  self->created = row->created;
  return self;
}

guint
vmd_device_group_get_changed_signal (void)
{
  return changed_signal;
}

guint
vmd_device_group_get_removed_signal (void)
{
  return removed_signal;
}

/**
 * vmd_device_group_get_name:
 *
 * Returns: its name, which never changes
 *
 * Since: 0.1
 */
const char *
vmd_device_group_get_name (VmdDeviceGroup *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE_GROUP (self), NULL);
  return self->name;
}

/**
 * vmd_device_group_get_version:
 *
 * Returns: the version of its values
 *
 * Since: 0.1
 */
guint64
vmd_device_group_get_version (VmdDeviceGroup *self)
{
  guint64 version;

  g_return_val_if_fail (VMD_IS_DEVICE_GROUP (self), 0);
  g_mutex_lock (&self->mutex);
  version = self->version;
  g_mutex_unlock (&self->mutex);
  return version;
}

/**
 * vmd_device_group_dup_values:
 *
 * Returns: (transfer full): what is set on it, as a JSON object
 *
 * Since: 0.1
 */
char *
vmd_device_group_dup_values (VmdDeviceGroup *self)
{
  g_autoptr (VmdConfigValues) values = NULL;

  g_return_val_if_fail (VMD_IS_DEVICE_GROUP (self), NULL);
  g_mutex_lock (&self->mutex);
  values = vmd_config_values_ref (self->values);
  g_mutex_unlock (&self->mutex);
  return g_strdup (vmd_config_values_get_text (values, NULL));
}

static int
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/**
 * vmd_device_group_dup_members:
 *
 * Returns: (transfer full): the ids of the devices in it, sorted
 *
 * Since: 0.1
 */
GStrv
vmd_device_group_dup_members (VmdDeviceGroup *self)
{
  g_autoptr (GPtrArray) members = g_ptr_array_new ();
  GHashTableIter iterator;
  gpointer id;

  g_return_val_if_fail (VMD_IS_DEVICE_GROUP (self), NULL);
  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iterator, self->members);
  while (g_hash_table_iter_next (&iterator, &id, NULL))
    g_ptr_array_add (members, g_strdup (id));
  g_mutex_unlock (&self->mutex);
  g_ptr_array_sort (members, compare_text);
  g_ptr_array_add (members, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&members), FALSE);
}

/**
 * vmd_device_group_get_n_members:
 *
 * Returns: how many devices are in it
 *
 * Since: 0.1
 */
guint
vmd_device_group_get_n_members (VmdDeviceGroup *self)
{
  guint n_members;

  g_return_val_if_fail (VMD_IS_DEVICE_GROUP (self), 0);
  g_mutex_lock (&self->mutex);
  n_members = g_hash_table_size (self->members);
  g_mutex_unlock (&self->mutex);
  return n_members;
}

/**
 * vmd_device_group_change_config_async:
 *
 * As vmd_device_change_config_async(), for all devices in the group at once. Values that the schema
 * of a device in it forbids are refused; whether a device has all that its schema requires is asked
 * when that device is changed.
 *
 * Since: 0.1
 */
void
vmd_device_group_change_config_async (VmdDeviceGroup *self, VmdConfigChangeKind kind,
                                      const char *json, guint64 if_version, const char *author,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_return_if_fail (VMD_IS_DEVICE_GROUP (self));
  g_return_if_fail (json != NULL);
  vmd_device_call_async (
      vmd_config_change_new (self->manager, TRUE, self->name, kind, json, if_version, author),
      vmd_config_change_in_store, self, vmd_device_group_change_config_async, cancellable, callback,
      user_data);
}

/**
 * vmd_device_group_change_config_finish:
 *
 * Returns: as vmd_device_change_config(); %VMD_ERROR_INVALID_ARGUMENT names a device whose schema
 *   it does not fit, that would lack what its schema asks for, or that would get too much
 *
 * Since: 0.1
 */
guint64
vmd_device_group_change_config_finish (VmdDeviceGroup *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_device_group_change_config_async, error);

  return call != NULL ? call->new_version : 0;
}

/**
 * vmd_device_group_roll_back_async:
 * @version: one of its history
 *
 * Sets on the group again what was set on it when @version was made, in a new version.
 *
 * Since: 0.1
 */
void
vmd_device_group_roll_back_async (VmdDeviceGroup *self, guint64 version, guint64 if_version,
                                  const char *author, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (VMD_IS_DEVICE_GROUP (self));
  vmd_device_call_async (
      vmd_config_roll_back_new (self->manager, TRUE, self->name, version, if_version, author),
      vmd_config_change_in_store, self, vmd_device_group_roll_back_async, cancellable, callback,
      user_data);
}

/**
 * vmd_device_group_roll_back_finish:
 *
 * Returns: as vmd_device_roll_back_finish()
 *
 * Since: 0.1
 */
guint64
vmd_device_group_roll_back_finish (VmdDeviceGroup *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_device_group_roll_back_async, error);

  return call != NULL ? call->new_version : 0;
}

/* -- Who is in it -- */

static gboolean
check_room (sqlite3 *db, const char *device, GError **error)
{
  g_autoptr (GPtrArray) groups = vmd_group_row_load_of_device (db, device, error);

  return groups != NULL &&
         (groups->len <= VMD_MAX_GROUPS_OF_DEVICE ||
          vmd_fail (error, VMD_ERROR_WRONG_STATE, "Device “%s” can be in %d groups at most", device,
                    VMD_MAX_GROUPS_OF_DEVICE));
}

static gboolean
write_member (sqlite3 *db, const VmdDeviceCall *call, GError **error)
{
  gboolean is_member = call->kind != 0;
  gboolean changed;

  if (!(is_member ? vmd_member_row_add (db, call->target, call->text, call->time, &changed, error)
                  : vmd_member_row_remove (db, call->target, call->text, &changed, error)))
    return FALSE;
  if (changed)
    return TRUE;
  return is_member ? vmd_fail (error, VMD_ERROR_EXISTS, "Device “%s” is in group “%s” already",
                               call->text, call->target)
                   : vmd_fail (error, VMD_ERROR_NOT_FOUND, "Device “%s” is not in group “%s”",
                               call->text, call->target);
}

/* What the device gets is checked as it would be: after joining, or leaving. */
static gboolean
set_member_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;
  g_autofree char *note =
      g_strdup_printf (call->kind != 0 ? "joined group %s" : "left group %s", call->target);
  g_autoptr (VmdGroupRow) group = NULL;
  g_autoptr (VmdDeviceRow) device = NULL;

  if (!vmd_fault_point ("group-member", error))
    return FALSE;
  group = vmd_config_load_group (db, call->target, error);
  device = group != NULL ? vmd_config_load_device (db, call->text, error) : NULL;
  return device != NULL && write_member (db, call, error) && check_room (db, call->text, error) &&
         vmd_config_check_device (db, call->manager, device, error) &&
         vmd_config_touch_device (db, call, device, note, error);
}

/**
 * vmd_device_group_set_member_async:
 * @device: who
 * @is_member: whether it is to be in the group, or not
 * @author: (nullable): who changes it, for the device's history; at most 256 bytes
 *
 * Puts a device into the group or takes it out, which is a new version for the device.
 *
 * Since: 0.1
 */
void
vmd_device_group_set_member_async (VmdDeviceGroup *self, VmdDevice *device, gboolean is_member,
                                   const char *author, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE_GROUP (self));
  g_return_if_fail (VMD_IS_DEVICE (device));
  call = vmd_device_call_new (self->manager, self->name);
  call->text = g_strdup (vmd_device_get_id (device));
  call->kind = is_member;
  vmd_device_call_set_author (call, author);
  vmd_device_call_async (call, set_member_in_store, self, vmd_device_group_set_member_async,
                         cancellable, callback, user_data);
}

/**
 * vmd_device_group_set_member_finish:
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_EXISTS when it is in it already, %VMD_ERROR_NOT_FOUND
 *   when it is not, or either is gone, %VMD_ERROR_INVALID_ARGUMENT when what it would get does not
 *   fit its schema, %VMD_ERROR_WRONG_STATE when it is in 16 groups, %VMD_ERROR_CANCELLED,
 *   %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
gboolean
vmd_device_group_set_member_finish (VmdDeviceGroup *self, GAsyncResult *result, GError **error)
{
  return vmd_device_call_finish (self, result, vmd_device_group_set_member_async, error) != NULL;
}

/* -- Its end -- */

/* Every member gets a version of its own: what it has is not the same any more. */
static gboolean
release_members (sqlite3 *db, const VmdDeviceCall *call, GError **error)
{
  g_autoptr (GPtrArray) devices = vmd_member_row_load_devices (db, call->target, error);
  g_autofree char *note = g_strdup_printf ("left group %s", call->target);
  gboolean changed;

  for (guint i = 0; devices != NULL && i < devices->len; i++)
    {
      g_autoptr (VmdDeviceRow) device = vmd_config_load_device (db, devices->pdata[i], error);

      if (device == NULL || !vmd_member_row_remove (db, call->target, device->id, &changed, error))
        return FALSE;
      if (!vmd_config_check_device (db, call->manager, device, error))
        {
          g_prefix_error (error, "Device “%s” cannot do without group “%s”: ", device->id,
                          call->target);
          return FALSE;
        }
      if (!vmd_config_touch_device (db, call, device, note, error))
        return FALSE;
    }
  return devices != NULL;
}

static gboolean
remove_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;
  g_autoptr (VmdGroupRow) row = NULL;

  if (!vmd_fault_point ("group-remove", error))
    return FALSE;
  row = vmd_config_load_group (db, call->target, error);
  return row != NULL && release_members (db, call, error) &&
         vmd_group_row_remove (db, call->target, error);
}

/**
 * vmd_device_group_remove_async:
 * @author: (nullable): who does it, for the history of its devices; at most 256 bytes
 *
 * Removes the group; the devices in it stay, without its values.
 *
 * Since: 0.1
 */
void
vmd_device_group_remove_async (VmdDeviceGroup *self, const char *author, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE_GROUP (self));
  call = vmd_device_call_new (self->manager, self->name);
  vmd_device_call_set_author (call, author);
  vmd_device_call_async (call, remove_in_store, self, vmd_device_group_remove_async, cancellable,
                         callback, user_data);
}

/**
 * vmd_device_group_remove_finish:
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_NOT_FOUND, %VMD_ERROR_INVALID_ARGUMENT, naming a device
 *   that would lack what its schema asks for, %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
gboolean
vmd_device_group_remove_finish (VmdDeviceGroup *self, GAsyncResult *result, GError **error)
{
  return vmd_device_call_finish (self, result, vmd_device_group_remove_async, error) != NULL;
}
