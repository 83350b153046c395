/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-call-private.h"
#include "vmd-manager-devices-private.h"

/* Whatever a device gets, of its schema's defaults, its groups and its own values, fits its schema
 * and is no larger than what may be set on one device: no change is made that would end that, and
 * whoever asks for it is told which device it is about.
 *
 * A device is checked by itself, as it would be, when it is changed, gets a schema, or joins or
 * leaves a group. For a change of a group that would mean to read ten thousand members, so they are
 * read only where the change can make a difference that the group's values do not show: where a
 * member could miss something that must be set, since the group had it, or since the member had
 * nothing set before and may be incomplete; and where what a member gets could become too large.
 * All else is seen from the group's values and from each schema among the members. That is exact,
 * as long as the members were good before. */

/* Only what is committed is in memory: one that this transaction makes may come to nothing, and its
 * number be given to another. */
VmdConfigSchema *
vmd_config_load_schema (sqlite3 *db, VmdManager *manager, gint64 id, GError **error)
{
  VmdConfigSchema *schema = vmd_manager_devices_ref_schema (manager, id);
  g_autofree char *text = NULL;

  if (schema != NULL || id == 0)
    return schema;
  text = vmd_schema_row_load (db, id, error);
  return text != NULL ? vmd_config_schema_parse (text, -1, error) : NULL;
}

static VmdConfigValues *
overlay_text (VmdConfigValues *under, const char *text, GError **error)
{
  g_autoptr (VmdConfigValues) over = vmd_config_values_parse (text, -1, error);

  return over != NULL ? vmd_config_values_overlay (under, over) : NULL;
}

/* Returns: (transfer full) (nullable): what @row's device gets */
static VmdConfigValues *
compose (const VmdDeviceRow *row, GPtrArray *groups, VmdConfigSchema *schema, GError **error)
{
  g_autoptr (VmdConfigValues) values = NULL;

  values =
      schema != NULL ? vmd_config_schema_ref_defaults (schema) : vmd_config_values_new_empty ();
  for (guint i = 0; i < groups->len; i++)
    {
      VmdConfigValues *next =
          overlay_text (values, ((const VmdGroupRow *) groups->pdata[i])->own, error);

      if (next == NULL)
        return NULL;
      vmd_config_values_unref (values);
      values = next;
    }
  return overlay_text (values, row->own, error);
}

gboolean
vmd_config_check_device (sqlite3 *db, VmdManager *manager, const VmdDeviceRow *row, GError **error)
{
  g_autoptr (VmdConfigSchema) schema = NULL;
  g_autoptr (VmdConfigValues) values = NULL;
  g_autoptr (GPtrArray) groups = vmd_group_row_load_of_device (db, row->id, error);

  if (groups == NULL)
    return FALSE;
  /* What is its own was checked when it was read. */
  if (row->schema == 0 && groups->len == 0)
    return TRUE;
  if (row->schema != 0)
    {
      schema = vmd_config_load_schema (db, manager, row->schema, error);
      if (schema == NULL)
        return FALSE;
    }
  values = compose (row, groups, schema, error);
  return values != NULL && vmd_config_values_check_size (values, error) &&
         (schema == NULL || vmd_config_schema_check (schema, values, error));
}

/* -- Groups -- */

static gboolean
check_member (sqlite3 *db, VmdManager *manager, const char *group, const char *device,
              GError **error)
{
  g_autoptr (VmdDeviceRow) row = vmd_config_load_device (db, device, error);

  if (row == NULL)
    return FALSE;
  if (vmd_config_check_device (db, manager, row, error))
    return TRUE;
  g_prefix_error (error, "Device “%s” of group “%s” cannot have this: ", device, group);
  return FALSE;
}

/* @devices: (nullable) (transfer full): NULL: they could not be read */
static gboolean
check_members (sqlite3 *db, VmdManager *manager, const char *group, GPtrArray *devices,
               GError **error)
{
  gboolean is_good = devices != NULL;

  for (guint i = 0; is_good && i < devices->len; i++)
    is_good = check_member (db, manager, group, devices->pdata[i], error);
  g_clear_pointer (&devices, g_ptr_array_unref);
  return is_good;
}

/* What the group sets, by itself, for each schema among its members. *@may_miss: some member could
 * miss something. */
static gboolean
check_parts (sqlite3 *db, VmdManager *manager, const char *group, VmdConfigValues *before,
             VmdConfigValues *after, gboolean *may_miss, GError **error)
{
  g_autoptr (GPtrArray) schemas = vmd_group_schema_load (db, group, error);

  *may_miss = FALSE;
  for (guint i = 0; schemas != NULL && i < schemas->len; i++)
    {
      const VmdGroupSchema *member = schemas->pdata[i];
      g_autoptr (VmdConfigSchema) schema =
          vmd_config_load_schema (db, manager, member->schema, error);

      if (schema == NULL)
        return FALSE;
      *may_miss |= vmd_config_schema_may_miss (schema, before, after);
      if (vmd_config_schema_check_part (schema, after, error))
        continue;
      g_prefix_error (error, "Device “%s” of group “%s” cannot have this: ", member->device, group);
      return FALSE;
    }
  return schemas != NULL;
}

/* Above how many bytes, all in all, what a member gets could be too large; G_MAXSIZE: it is no
 * larger than before. */
static gsize
get_doubtful_size (VmdConfigValues *before, VmdConfigValues *after)
{
  g_autoptr (VmdConfigValues) both = vmd_config_values_overlay (before, after);
  gsize length_before, length_after;

  if (vmd_config_values_get_n_keys (both) > vmd_config_values_get_n_keys (before))
    return VMD_CONFIG_MAX_KEYS * strlen ("\"k\":1,");
  vmd_config_values_get_text (before, &length_before);
  vmd_config_values_get_text (after, &length_after);
  return length_after > length_before ? VMD_CONFIG_MAX_SIZE : G_MAXSIZE;
}

/* In a transaction in which @group has @after already, and had @before. */
gboolean
vmd_config_check_group (sqlite3 *db, VmdManager *manager, const char *group,
                        VmdConfigValues *before, VmdConfigValues *after, GError **error)
{
  gsize doubtful = get_doubtful_size (before, after);
  gboolean may_miss;

  if (!check_parts (db, manager, group, before, after, &may_miss, error))
    return FALSE;
  if (may_miss)
    return check_members (db, manager, group, vmd_member_row_load_devices (db, group, error),
                          error);
  return doubtful == G_MAXSIZE ||
         check_members (db, manager, group, vmd_member_row_load_large (db, group, doubtful, error),
                        error);
}
