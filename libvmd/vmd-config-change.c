/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "vmd-device-call-private.h"
#include "vmd-manager-devices-private.h"

/* A change of what is set on a device or on a group: load, compare the version, change, check,
 * write, all in one transaction on the store's thread. So of two that expect one version exactly
 * one succeeds, and neither holds a lock while it thinks.
 *
 * What is checked, and how that costs little: vmd-config-check.c. */

#define MAX_AUTHOR 256

enum
{
  EDIT_ROLL_BACK = VMD_CONFIG_CHANGE_REPLACE + 1,
};

/* A device or a group, as far as a change is concerned. */
typedef struct
{
  VmdDeviceRow *device; /* (nullable) */
  VmdGroupRow *group; /* (nullable) */
  guint64 version; /* what @if_version is compared with */
  const char *own;
} Target;

static void
target_clear (Target *target)
{
  g_clear_pointer (&target->device, vmd_device_row_free);
  g_clear_pointer (&target->group, vmd_group_row_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Target, target_clear)

VmdDeviceCall *
vmd_config_change_new (VmdManager *manager, gboolean is_group, const char *target,
                       VmdConfigChangeKind kind, const char *json, guint64 if_version,
                       const char *author)
{
  VmdDeviceCall *call = vmd_device_call_new (manager, target);

  call->is_group = is_group;
  call->kind = kind;
  call->text = g_strdup (json);
  call->if_version = if_version;
  vmd_device_call_set_author (call, author);
  return call;
}

VmdDeviceCall *
vmd_config_roll_back_new (VmdManager *manager, gboolean is_group, const char *target,
                          guint64 version, guint64 if_version, const char *author)
{
  VmdDeviceCall *call = vmd_config_change_new (manager, is_group, target, VMD_CONFIG_CHANGE_REPLACE,
                                               NULL, if_version, author);

  call->kind = EDIT_ROLL_BACK;
  call->version = version;
  return call;
}

VmdDeviceRow *
vmd_config_load_device (sqlite3 *db, const char *id, GError **error)
{
  GError *failure = NULL;
  VmdDeviceRow *row = vmd_device_row_load (db, id, &failure);

  if (failure != NULL)
    g_propagate_error (error, failure);
  else if (row == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no device “%s” (any more)", id);
  return row;
}

VmdGroupRow *
vmd_config_load_group (sqlite3 *db, const char *name, GError **error)
{
  GError *failure = NULL;
  VmdGroupRow *row = vmd_group_row_load (db, name, &failure);

  if (failure != NULL)
    g_propagate_error (error, failure);
  else if (row == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no group “%s” (any more)", name);
  return row;
}

static gboolean
load_target (sqlite3 *db, const VmdDeviceCall *call, Target *target, GError **error)
{
  if (call->is_group)
    {
      target->group = vmd_config_load_group (db, call->target, error);
      if (target->group == NULL)
        return FALSE;
      target->version = target->group->version;
      target->own = target->group->own;
      return TRUE;
    }
  target->device = vmd_config_load_device (db, call->target, error);
  if (target->device == NULL)
    return FALSE;
  target->version = target->device->effective_version;
  target->own = target->device->own;
  return TRUE;
}

gboolean
vmd_config_check_version (const VmdDeviceCall *call, guint64 version, GError **error)
{
  return call->if_version == VMD_CONFIG_ANY_VERSION || call->if_version == version ||
         vmd_fail (error, VMD_ERROR_CONFLICT,
                   "“%s” is at version %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT
                   ": somebody changed it meanwhile",
                   call->target, version, call->if_version);
}

/* Returns: (transfer full) (nullable): what is to be set from now on */
static VmdConfigValues *
make_values (sqlite3 *db, const VmdDeviceCall *call, const char *own, GError **error)
{
  g_autoptr (VmdConfigValues) values = NULL;
  g_autofree char *old = NULL;

  if (call->kind == VMD_CONFIG_CHANGE_REPLACE)
    return vmd_config_values_parse (call->text, -1, error);
  if (call->kind == EDIT_ROLL_BACK)
    {
      old = vmd_history_row_load_own (db, call->is_group, call->target, call->version, error);
      return old != NULL ? vmd_config_values_parse (old, -1, error) : NULL;
    }
  values = vmd_config_values_parse (own, -1, error);
  return values != NULL ? vmd_config_values_patch (values, call->text, error) : NULL;
}

/* -- Writing -- */

static gboolean
write_history (sqlite3 *db, const VmdDeviceCall *call, const char *target, guint64 version,
               guint64 revision, const char *note, const char *own, GError **error)
{
  const VmdHistoryRow row = { .version = version,
                              .is_group = call->is_group,
                              .target = (char *) target,
                              .revision = revision,
                              .author = call->author,
                              .time = call->time,
                              .note = (char *) note,
                              .own = (char *) own };

  return vmd_history_row_insert (db, &row, error);
}

static gboolean
write_device (sqlite3 *db, const VmdDeviceCall *call, VmdDeviceRow *row, const char *note,
              GError **error)
{
  row->revision++;
  return vmd_config_version_draw (db, &row->version, error) &&
         vmd_device_row_update (db, row, error) &&
         write_history (db, call, row->id, row->version, row->revision, note, row->own, error);
}

static gboolean
write_group (sqlite3 *db, const VmdDeviceCall *call, VmdGroupRow *row, const char *note,
             GError **error)
{
  row->revision++;
  return vmd_config_version_draw (db, &row->version, error) &&
         vmd_group_row_update (db, row, error) &&
         write_history (db, call, row->name, row->version, row->revision, note, row->own, error);
}

gboolean
vmd_config_touch_device (sqlite3 *db, const VmdDeviceCall *call, VmdDeviceRow *row,
                         const char *note, GError **error)
{
  VmdDeviceCall of_device = *call;

  of_device.is_group = FALSE;
  return write_device (db, &of_device, row, note, error);
}

static gboolean
write_values (sqlite3 *db, VmdDeviceCall *call, Target *target, VmdConfigValues *values,
              GError **error)
{
  g_autoptr (VmdConfigValues) before = NULL;
  g_autofree char *note = NULL;
  char **own = call->is_group ? &target->group->own : &target->device->own;

  note = call->kind == EDIT_ROLL_BACK
             ? g_strdup_printf ("rolled back to %" G_GUINT64_FORMAT, call->version)
             : g_strdup ("");
  /* One that is damaged counts as empty, so that it can be put right. */
  before = vmd_config_values_parse (*own, -1, NULL);
  if (before == NULL)
    before = vmd_config_values_new_empty ();
  g_free (*own);
  *own = g_strdup (vmd_config_values_get_text (values, NULL));
  if (call->is_group)
    {
      if (!write_group (db, call, target->group, note, error) ||
          !vmd_config_check_group (db, call->manager, call->target, before, values, error))
        return FALSE;
      call->new_version = target->group->version;
      return TRUE;
    }
  if (!vmd_config_check_device (db, call->manager, target->device, error) ||
      !write_device (db, call, target->device, note, error))
    return FALSE;
  call->new_version = target->device->version;
  return TRUE;
}

/* In a transaction. What changes nothing is no change: it has the version that there is. */
gboolean
vmd_config_change_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;
  g_auto (Target) target = { 0 };
  g_autoptr (VmdConfigValues) values = NULL;

  if (strlen (call->author) > MAX_AUTHOR || !g_utf8_validate (call->author, -1, NULL))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "An author is UTF-8 text of at most %d bytes", MAX_AUTHOR);
  if (!vmd_fault_point ("config-change", error) || !load_target (db, call, &target, error) ||
      !vmd_config_check_version (call, target.version, error))
    return FALSE;
  values = make_values (db, call, target.own, error);
  if (values == NULL)
    return FALSE;
  call->new_version = target.version;
  return g_str_equal (vmd_config_values_get_text (values, NULL), target.own) ||
         write_values (db, call, &target, values, error);
}
