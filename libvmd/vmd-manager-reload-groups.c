/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-devices-state-private.h"

/* From the rows of groups to their handles, and who is in which. A group's change touches its
 * members in memory, and no row of theirs. */

static void
emit_group_changed (VmdManager *self, VmdDeviceGroup *group)
{
  vmd_signal_queue_push (self->signals, group, vmd_device_group_get_changed_signal (), NULL);
  vmd_manager_emit_once (self, VMD_MANAGER_GROUP_CHANGED, group);
}

static void
set_member (VmdManager *self, VmdDeviceGroup *group, VmdDevice *device, gboolean is_member)
{
  g_mutex_lock (&group->mutex);
  if (is_member)
    g_hash_table_add (group->members, g_ref_string_acquire (device->id));
  else
    g_hash_table_remove (group->members, device->id);
  g_mutex_unlock (&group->mutex);
  emit_group_changed (self, group);
}

static void
unsettle_members (VmdManager *self, VmdDeviceGroup *group)
{
  GHashTableIter iterator;
  gpointer id;

  /* Nobody else writes to it. */
  g_hash_table_iter_init (&iterator, group->members);
  while (g_hash_table_iter_next (&iterator, &id, NULL))
    {
      g_autoptr (VmdDevice) device = vmd_manager_lookup_device (self, id);

      if (device != NULL)
        vmd_manager_devices_unsettle (self->devices, device);
    }
}

static void
put_group (VmdManager *self, VmdDeviceGroup *group, const VmdGroupRow *row)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdConfigValues) values = NULL;
  g_autoptr (VmdConfigValues) old = NULL;

  if (group->version == row->version)
    return;
  values = vmd_config_values_parse (row->own, -1, &error);
  if (values == NULL)
    {
      g_debug ("The values of group %s cannot be read: %s", group->name, error->message);
      return;
    }
  g_mutex_lock (&group->mutex);
  old = g_steal_pointer (&group->values);
  group->values = g_steal_pointer (&values);
  group->version = row->version;
  g_mutex_unlock (&group->mutex);
  unsettle_members (self, group);
  emit_group_changed (self, group);
}

/* Members see to themselves: their rows have changed too. */
static void
drop_group (VmdManager *self, VmdDeviceGroup *group)
{
  g_autoptr (VmdDeviceGroup) old = NULL;

  g_mutex_lock (&group->mutex);
  group->gone = TRUE;
  g_mutex_unlock (&group->mutex);
  old = vmd_cache_replace (self->cache, VMD_ROW_GROUP, group->name, NULL);
  vmd_signal_queue_push (self->signals, group, vmd_device_group_get_removed_signal (), NULL);
  vmd_manager_emit (self, VMD_MANAGER_GROUP_REMOVED, group);
}

static VmdDeviceGroup *
add_group (VmdManager *self, const VmdGroupRow *row)
{
  VmdDeviceGroup *group = vmd_device_group_new (self, row);
  g_autoptr (VmdDeviceGroup) old = NULL;

  old = vmd_cache_replace (self->cache, VMD_ROW_GROUP, row->name, g_object_ref (group));
  put_group (self, group, row);
  vmd_manager_emit (self, VMD_MANAGER_GROUP_ADDED, group);
  return group;
}

/* Returns: (transfer full) (nullable): as @row has it, which may be NULL */
static VmdDeviceGroup *
take_group (VmdManager *self, const char *name, const VmdGroupRow *row)
{
  VmdDeviceGroup *group = vmd_manager_lookup_group (self, name);

  /* One of that name that was removed and made again is another one. */
  if (group != NULL && (row == NULL || row->created != group->created))
    {
      drop_group (self, group);
      g_clear_object (&group);
    }
  if (row == NULL)
    return NULL;
  if (group == NULL)
    return add_group (self, row);
  put_group (self, group, row);
  return group;
}

void
vmd_manager_reload_group (VmdManager *self, sqlite3 *db, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdGroupRow) row = vmd_group_row_load (db, name, &error);
  g_autoptr (VmdDeviceGroup) group = NULL;

  if (error == NULL)
    group = take_group (self, name, row);
}

/* Returns: (transfer full) (nullable): of VmdDeviceGroup, by name; NULL: in none */
static GPtrArray *
load_groups (VmdManager *self, sqlite3 *db, VmdDevice *device, GError **error)
{
  g_autoptr (GPtrArray) groups = NULL;
  g_autoptr (GPtrArray) rows = vmd_group_row_load_of_device (db, device->id, error);

  if (rows == NULL || rows->len == 0)
    return NULL;
  groups = g_ptr_array_new_full (rows->len, g_object_unref);
  for (guint i = 0; i < rows->len; i++)
    {
      const VmdGroupRow *row = rows->pdata[i];
      VmdDeviceGroup *group = take_group (self, row->name, row);

      if (group != NULL)
        g_ptr_array_add (groups, group);
    }
  return g_steal_pointer (&groups);
}

static gboolean
has_group (GPtrArray *groups, gpointer group)
{
  return groups != NULL && g_ptr_array_find (groups, group, NULL);
}

/* @groups: (transfer full) (nullable) */
static void
put_groups (VmdManager *self, VmdDevice *device, GPtrArray *groups)
{
  g_autoptr (GPtrArray) old = NULL;

  g_mutex_lock (&device->mutex);
  old = g_steal_pointer (&device->groups);
  device->groups = groups;
  g_mutex_unlock (&device->mutex);
  for (guint i = 0; groups != NULL && i < groups->len; i++)
    if (!has_group (old, groups->pdata[i]))
      set_member (self, groups->pdata[i], device, TRUE);
  for (guint i = 0; old != NULL && i < old->len; i++)
    if (!has_group (groups, old->pdata[i]))
      set_member (self, old->pdata[i], device, FALSE);
}

void
vmd_manager_reload_membership (VmdManager *self, sqlite3 *db, VmdDevice *device)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *groups = load_groups (self, db, device, &error);

  if (error == NULL)
    put_groups (self, device, groups);
}

void
vmd_manager_end_membership (VmdManager *self, VmdDevice *device)
{
  put_groups (self, device, NULL);
}
