/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-private.h"
#include "vmd-vm-private.h"

/**
 * VmdDevice:
 *
 * Something that is configured: it has values, a version that rises with each change of them, a
 * schema that says which values it may have, tokens by which it is known, and groups whose values
 * it gets besides its own. Every VM is a device, from its creation until it is deleted; others are
 * added by hand.
 *
 * All that is read comes from memory, on any thread, without waiting. A change is one transaction:
 * there is no lock to take, and of two changes that expect one version exactly one succeeds.
 *
 * Signal `changed` tells, in the manager's main context, that something read earlier may differ;
 * `removed` that the device is gone. A program that follows many listens to the manager's
 * "device-changed" and "device-removed".
 *
 * Since: 0.1
 */

/**
 * VmdConfigChangeKind:
 * @VMD_CONFIG_CHANGE_PATCH: a JSON merge patch on what is set: null unsets
 * @VMD_CONFIG_CHANGE_REPLACE: all that is to be set
 *
 * What the JSON of a change means.
 *
 * Since: 0.1
 */

/**
 * VMD_CONFIG_ANY_VERSION:
 *
 * For a change that does not care which version it changes.
 *
 * Since: 0.1
 */

static guint changed_signal;
static guint removed_signal;

G_DEFINE_FINAL_TYPE (VmdDevice, vmd_device, G_TYPE_OBJECT)

static void
vmd_device_finalize (GObject *object)
{
  VmdDevice *self = VMD_DEVICE (object);

  g_clear_pointer (&self->presence, vmd_presence_row_free);
  g_clear_pointer (&self->applied, vmd_applied_row_free);
  g_clear_pointer (&self->tokens, g_ptr_array_unref);
  g_clear_pointer (&self->snapshot, vmd_config_snapshot_unref);
  g_clear_pointer (&self->groups, g_ptr_array_unref);
  g_clear_pointer (&self->own, vmd_config_values_unref);
  g_clear_pointer (&self->schema, vmd_config_schema_unref);
  g_free (self->new_own);
  g_mutex_clear (&self->mutex);
  g_clear_pointer (&self->id, g_ref_string_release);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (vmd_device_parent_class)->finalize (object);
}

static void
vmd_device_class_init (VmdDeviceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_device_finalize;

  /**
   * VmdDevice::changed:
   *
   * Emitted in the manager's main context after any of the things that can be read has changed.
   *
   * Since: 0.1
   */
  changed_signal = g_signal_new ("changed", VMD_TYPE_DEVICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
  /**
   * VmdDevice::removed:
   *
   * Emitted in the manager's main context once it is gone.
   *
   * Since: 0.1
   */
  removed_signal = g_signal_new ("removed", VMD_TYPE_DEVICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
vmd_device_init (VmdDevice *self)
{
  g_mutex_init (&self->mutex);
}

VmdDevice *
vmd_device_new (VmdManager *manager, const VmdDeviceRow *row)
{
  VmdDevice *self = g_object_new (VMD_TYPE_DEVICE, NULL);

  self->manager = g_object_ref (manager);
  self->id = g_ref_string_new (row->id);
  self->is_guest = row->is_guest;
  self->created = row->created;
  return self;
}

guint
vmd_device_get_changed_signal (void)
{
  return changed_signal;
}

guint
vmd_device_get_removed_signal (void)
{
  return removed_signal;
}

/* Returns: (transfer full): what it is to have now */
VmdConfigSnapshot *
vmd_device_ref_snapshot (VmdDevice *self)
{
  VmdConfigSnapshot *snapshot;

  g_mutex_lock (&self->mutex);
  snapshot = vmd_config_snapshot_ref (self->snapshot);
  g_mutex_unlock (&self->mutex);
  return snapshot;
}

/**
 * vmd_device_get_id:
 *
 * Returns: its id: a VM's, or the name it was added under. Never changes
 *
 * Since: 0.1
 */
const char *
vmd_device_get_id (VmdDevice *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  return self->id;
}

/**
 * vmd_device_dup_name:
 *
 * Returns: (transfer full): what to call it: the name of the VM that it is, else its id
 *
 * Since: 0.1
 */
char *
vmd_device_dup_name (VmdDevice *self)
{
  g_autoptr (VmdVm) vm = NULL;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  if (self->is_guest)
    vm = vmd_manager_lookup_vm (self->manager, self->id);
  return vm != NULL ? vmd_vm_dup_name (vm) : g_strdup (self->id);
}

/**
 * vmd_device_is_guest:
 *
 * Returns: whether it is a VM, and goes with that
 *
 * Since: 0.1
 */
gboolean
vmd_device_is_guest (VmdDevice *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE (self), FALSE);
  return self->is_guest;
}

/**
 * vmd_device_is_gone:
 *
 * Returns: whether it was removed: then what is read is as it was at last
 *
 * Since: 0.1
 */
gboolean
vmd_device_is_gone (VmdDevice *self)
{
  gboolean gone;

  g_return_val_if_fail (VMD_IS_DEVICE (self), TRUE);
  g_mutex_lock (&self->mutex);
  gone = self->gone;
  g_mutex_unlock (&self->mutex);
  return gone;
}

/**
 * vmd_device_get_created:
 *
 * Returns: when it was added, in microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_device_get_created (VmdDevice *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  return self->created;
}

/**
 * vmd_device_get_version:
 *
 * Returns: the version of what it is to have. Versions rise, and have gaps: they are drawn from one
 *   counter for all devices and groups
 *
 * Since: 0.1
 */
guint64
vmd_device_get_version (VmdDevice *self)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;

  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  snapshot = vmd_device_ref_snapshot (self);
  return snapshot->version;
}

/**
 * vmd_device_dup_values:
 *
 * Returns: (transfer full): what it is to have, as a JSON object: the defaults of its schema, over
 *   these its groups' values in the order of their names, over these its own
 *
 * Since: 0.1
 */
char *
vmd_device_dup_values (VmdDevice *self)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  const char *values;
  gsize length;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  snapshot = vmd_device_ref_snapshot (self);
  values = vmd_device_snapshot_get_values (snapshot, &length);
  return g_strndup (values, length);
}

/**
 * vmd_device_dup_own_values:
 *
 * Returns: (transfer full): what is set on the device itself, as a JSON object
 *
 * Since: 0.1
 */
char *
vmd_device_dup_own_values (VmdDevice *self)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  g_autoptr (VmdConfigValues) own = NULL;
  const char *text;
  gsize length;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  g_mutex_lock (&self->mutex);
  own = self->own != NULL ? vmd_config_values_ref (self->own) : NULL;
  snapshot = vmd_config_snapshot_ref (self->snapshot);
  g_mutex_unlock (&self->mutex);
  if (own != NULL)
    text = vmd_config_values_get_text (own, &length);
  else
    text = vmd_device_snapshot_get_values (snapshot, &length);
  return g_strndup (text, length);
}

/**
 * vmd_device_dup_schema:
 *
 * Returns: (transfer full) (nullable): what values it may have, as JSON; %NULL: any
 *
 * Since: 0.1
 */
char *
vmd_device_dup_schema (VmdDevice *self)
{
  g_autoptr (VmdConfigSchema) schema = NULL;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  g_mutex_lock (&self->mutex);
  schema = self->schema != NULL ? vmd_config_schema_ref (self->schema) : NULL;
  g_mutex_unlock (&self->mutex);
  return schema != NULL ? g_strdup (vmd_config_schema_get_text (schema)) : NULL;
}

/**
 * vmd_device_dup_groups:
 *
 * Returns: (transfer full): the names of the groups that it is in, sorted
 *
 * Since: 0.1
 */
GStrv
vmd_device_dup_groups (VmdDevice *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  g_mutex_lock (&self->mutex);
  for (guint i = 0; self->groups != NULL && i < self->groups->len; i++)
    g_strv_builder_add (builder, ((VmdDeviceGroup *) self->groups->pdata[i])->name);
  g_mutex_unlock (&self->mutex);
  return g_strv_builder_end (builder);
}

/**
 * vmd_device_get_applied_version:
 *
 * Returns: the version that the device reported last to have applied, or to have failed to; 0: none
 *
 * Since: 0.1
 */
guint64
vmd_device_get_applied_version (VmdDevice *self)
{
  guint64 version;

  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  g_mutex_lock (&self->mutex);
  version = self->applied != NULL ? self->applied->version : 0;
  g_mutex_unlock (&self->mutex);
  return version;
}

/**
 * vmd_device_dup_applied_status:
 *
 * Returns: (transfer full): "ok" or "failed", as the device reported it; "" before it has
 *
 * Since: 0.1
 */
char *
vmd_device_dup_applied_status (VmdDevice *self)
{
  char *status;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  g_mutex_lock (&self->mutex);
  status = g_strdup (self->applied != NULL ? self->applied->status : "");
  g_mutex_unlock (&self->mutex);
  return status;
}

/**
 * vmd_device_dup_applied_message:
 *
 * Returns: (transfer full): what the device reported besides, for people
 *
 * Since: 0.1
 */
char *
vmd_device_dup_applied_message (VmdDevice *self)
{
  char *message;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  g_mutex_lock (&self->mutex);
  message = g_strdup (self->applied != NULL ? self->applied->message : "");
  g_mutex_unlock (&self->mutex);
  return message;
}

/**
 * vmd_device_get_applied_time:
 *
 * Returns: when the device reported, in microseconds since 1970; 0: it has not
 *
 * Since: 0.1
 */
gint64
vmd_device_get_applied_time (VmdDevice *self)
{
  gint64 time;

  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  g_mutex_lock (&self->mutex);
  time = self->applied != NULL ? self->applied->time : 0;
  g_mutex_unlock (&self->mutex);
  return time;
}
