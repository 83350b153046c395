/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "vmd-device-call-private.h"

/* What can be changed of a device; of its values see vmd-config-change.c. */

#define MAX_MESSAGE 1024

/**
 * vmd_device_change_config:
 * @kind: what @json means
 * @json: a JSON object, one level deep: keys of `[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}`; values that are
 *   strings, numbers, booleans, or lists of one of these; with %VMD_CONFIG_CHANGE_PATCH null, too,
 *   which unsets
 * @if_version: the version that it is to be a change of, or %VMD_CONFIG_ANY_VERSION
 * @author: (nullable): who changes it, for the history; at most 256 bytes
 * @cancellable: (nullable): gives up, as long as the change has not begun
 *
 * Changes what is set on the device itself, in one transaction; and blocks until that is on the
 * disk, and can be read here. It is on its way to the device then. Needs no lock. Not on a main
 * loop.
 *
 * Returns: the new version, or the one there is when nothing changed; 0 with
 *   %VMD_ERROR_INVALID_ARGUMENT, naming the key, %VMD_ERROR_CONFLICT when it is not at @if_version,
 *   %VMD_ERROR_NOT_FOUND when it is gone, %VMD_ERROR_CANCELLED, %VMD_ERROR_NO_SPACE,
 *   %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
guint64
vmd_device_change_config (VmdDevice *self, VmdConfigChangeKind kind, const char *json,
                          guint64 if_version, const char *author, GCancellable *cancellable,
                          GError **error)
{
  g_autoptr (VmdDeviceCall) call = NULL;

  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  g_return_val_if_fail (json != NULL, 0);
  call = vmd_config_change_new (self->manager, FALSE, self->id, kind, json, if_version, author);
  if (!vmd_store_transact (vmd_manager_get_store (self->manager), vmd_config_change_in_store, call,
                           cancellable, error))
    return 0;
  return call->new_version;
}

/**
 * vmd_device_change_config_async:
 *
 * vmd_device_change_config() without blocking: thousands may be under way, and share the disk.
 *
 * Since: 0.1
 */
void
vmd_device_change_config_async (VmdDevice *self, VmdConfigChangeKind kind, const char *json,
                                guint64 if_version, const char *author, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (VMD_IS_DEVICE (self));
  g_return_if_fail (json != NULL);
  vmd_device_call_async (
      vmd_config_change_new (self->manager, FALSE, self->id, kind, json, if_version, author),
      vmd_config_change_in_store, self, vmd_device_change_config_async, cancellable, callback,
      user_data);
}

/**
 * vmd_device_change_config_finish:
 *
 * Returns: as vmd_device_change_config()
 *
 * Since: 0.1
 */
guint64
vmd_device_change_config_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_device_change_config_async, error);

  return call != NULL ? call->new_version : 0;
}

/**
 * vmd_device_roll_back_async:
 * @version: one of its history: its own, or one of a group that it is in
 *
 * Sets on the device again what was set on it when @version was made: a change as any other, in a
 * new version. What its groups have since then stays.
 *
 * Since: 0.1
 */
void
vmd_device_roll_back_async (VmdDevice *self, guint64 version, guint64 if_version,
                            const char *author, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (VMD_IS_DEVICE (self));
  vmd_device_call_async (
      vmd_config_roll_back_new (self->manager, FALSE, self->id, version, if_version, author),
      vmd_config_change_in_store, self, vmd_device_roll_back_async, cancellable, callback,
      user_data);
}

/**
 * vmd_device_roll_back_finish:
 *
 * Returns: as vmd_device_change_config(); %VMD_ERROR_NOT_FOUND also without such a version, or when
 *   that is more than 1,000 changes ago; %VMD_ERROR_INVALID_ARGUMENT when it does not fit the
 *   schema of now
 *
 * Since: 0.1
 */
guint64
vmd_device_roll_back_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_device_roll_back_async, error);

  return call != NULL ? call->new_version : 0;
}

/* -- Its schema -- */

static gboolean
intern_schema (sqlite3 *db, const char *text, gint64 *id, GError **error)
{
  g_autoptr (VmdConfigSchema) schema = NULL;

  *id = 0;
  if (text == NULL)
    return TRUE;
  schema = vmd_config_schema_parse (text, -1, error);
  return schema != NULL &&
         vmd_schema_row_intern (db, vmd_config_schema_get_text (schema), id, error);
}

static gboolean
set_schema_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;
  g_autoptr (VmdDeviceRow) row = NULL;
  gint64 old, id;

  if (!vmd_fault_point ("device-schema", error))
    return FALSE;
  row = vmd_config_load_device (db, call->target, error);
  if (row == NULL || !vmd_config_check_version (call, row->effective_version, error) ||
      !intern_schema (db, call->text, &id, error))
    return FALSE;
  old = row->schema;
  if (old == id)
    return TRUE;
  row->schema = id;
  return vmd_config_check_device (db, call->manager, row, error) &&
         vmd_config_touch_device (db, call, row, "schema", error) &&
         vmd_schema_row_drop_unused (db, old, error);
}

/**
 * vmd_device_set_schema_async:
 * @schema: (nullable): JSON: {"fields":{NAME:{"type":…}}}; %NULL: any values may be set
 * @author: (nullable): who changes it, for the history; at most 256 bytes
 *
 * Says what values the device may have; those that it has must fit. A new version of what it is to
 * have, since there may be other defaults.
 *
 * Since: 0.1
 */
void
vmd_device_set_schema_async (VmdDevice *self, const char *schema, const char *author,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  vmd_device_set_schema_at_async (self, schema, VMD_CONFIG_ANY_VERSION, author, cancellable,
                                  callback, user_data);
}

void
vmd_device_set_schema_at_async (VmdDevice *self, const char *schema, guint64 if_version,
                                const char *author, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE (self));
  call = vmd_device_call_new (self->manager, self->id);
  call->text = g_strdup (schema);
  call->if_version = if_version;
  vmd_device_call_set_author (call, author);
  vmd_device_call_async (call, set_schema_in_store, self, vmd_device_set_schema_async, cancellable,
                         callback, user_data);
}

/**
 * vmd_device_set_schema_finish:
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_INVALID_ARGUMENT, naming the field that is wrong or the
 *   key that does not fit, %VMD_ERROR_NOT_FOUND, %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
gboolean
vmd_device_set_schema_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  return vmd_device_call_finish (self, result, vmd_device_set_schema_async, error) != NULL;
}

/* -- What it reports -- */

static gboolean
check_report (const VmdDeviceCall *call, GError **error)
{
  if (g_strcmp0 (call->text, "ok") != 0 && g_strcmp0 (call->text, "failed") != 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "The status of an applied version is “ok” or “failed”");
  return (strlen (call->message) <= MAX_MESSAGE && g_utf8_validate (call->message, -1, NULL)) ||
         vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "The message of an applied version is UTF-8 text of at most %d bytes",
                   MAX_MESSAGE);
}

static gboolean
report_applied_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;
  const VmdAppliedRow applied = { .device = call->target,
                                  .version = call->version,
                                  .status = call->text,
                                  .message = call->message,
                                  .time = call->time };
  g_autoptr (VmdDeviceRow) row = NULL;

  if (!vmd_fault_point ("device-applied", error) || !check_report (call, error))
    return FALSE;
  row = vmd_config_load_device (db, call->target, error);
  if (row == NULL)
    return FALSE;
  if (call->version == 0 || call->version > row->effective_version)
    return vmd_fail (error, VMD_ERROR_CONFLICT,
                     "“%s” cannot have applied version %" G_GUINT64_FORMAT
                     ": it is at %" G_GUINT64_FORMAT,
                     call->target, call->version, row->effective_version);
  return vmd_applied_row_put (db, &applied, error);
}

/**
 * vmd_device_report_applied_async:
 * @version: which it has applied, or failed to
 * @status: "ok" or "failed"
 * @message: (nullable): for people; at most 1,024 bytes
 *
 * Notes what a device reports. The last report counts, also one of an older version.
 *
 * Since: 0.1
 */
void
vmd_device_report_applied_async (VmdDevice *self, guint64 version, const char *status,
                                 const char *message, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE (self));
  call = vmd_device_call_new (self->manager, self->id);
  call->version = version;
  call->text = g_strdup (status);
  call->message = g_strdup (message != NULL ? message : "");
  vmd_device_call_async (call, report_applied_in_store, self, vmd_device_report_applied_async,
                         cancellable, callback, user_data);
}

/**
 * vmd_device_report_applied_finish:
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_INVALID_ARGUMENT, %VMD_ERROR_CONFLICT when it cannot
 *   have that version, %VMD_ERROR_NOT_FOUND, %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
gboolean
vmd_device_report_applied_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  return vmd_device_call_finish (self, result, vmd_device_report_applied_async, error) != NULL;
}

/* -- Its end -- */

static gboolean
remove_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;
  g_autoptr (VmdDeviceRow) row = NULL;

  if (!vmd_fault_point ("device-remove", error))
    return FALSE;
  row = vmd_config_load_device (db, call->target, error);
  if (row == NULL)
    return FALSE;
  if (row->is_guest)
    return vmd_fail (error, VMD_ERROR_WRONG_STATE,
                     "Device %s is a VM, and goes with it: vmctl delete", row->id);
  return vmd_device_row_remove (db, row->id, error);
}

/**
 * vmd_device_remove_async:
 *
 * Removes the device with all that belongs to it. A connection that it has is ended.
 *
 * Since: 0.1
 */
void
vmd_device_remove_async (VmdDevice *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_return_if_fail (VMD_IS_DEVICE (self));
  vmd_device_call_async (vmd_device_call_new (self->manager, self->id), remove_in_store, self,
                         vmd_device_remove_async, cancellable, callback, user_data);
}

/**
 * vmd_device_remove_finish:
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_WRONG_STATE when it is a VM, %VMD_ERROR_NOT_FOUND,
 *   %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
gboolean
vmd_device_remove_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  return vmd_device_call_finish (self, result, vmd_device_remove_async, error) != NULL;
}
