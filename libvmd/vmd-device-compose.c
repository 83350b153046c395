/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-private.h"

#include <string.h>

/* From what is set to what is sent. A device holds one text, the payload of its snapshot:
 * {"version":N,"values":{…}}. What is set on the device itself is kept beside it only if that is
 * not the same.
 *
 * When a group of ten thousand changes, what lies below the members' own values (defaults, groups)
 * is the same for all that have the same schema and the same groups, and is made once; members on
 * which nothing is set share one snapshot. So the cost of a member is one overlay and one copy, or
 * two references. */

#define PREFIX "{\"version\":"
#define INFIX ",\"values\":"

static VmdConfigSnapshot *
new_snapshot (guint64 version, const char *values, gsize length)
{
  g_autoptr (GBytes) payload = NULL;
  char head[sizeof PREFIX + sizeof INFIX + 20];
  gsize head_length = g_snprintf (head, sizeof head, PREFIX "%" G_GUINT64_FORMAT INFIX, version);
  char *text = g_malloc (head_length + length + 1);

  memcpy (text, head, head_length);
  memcpy (text + head_length, values, length);
  text[head_length + length] = '}';
  payload = g_bytes_new_take (text, head_length + length + 1);
  return vmd_config_snapshot_new (version, payload);
}

/* Returns: (transfer none): the values in it, which are not NUL-terminated */
const char *
vmd_device_snapshot_get_values (const VmdConfigSnapshot *snapshot, gsize *length)
{
  gsize size;
  const char *text = g_bytes_get_data (snapshot->payload, &size);
  const char *values = text + strlen (PREFIX);

  while (g_ascii_isdigit (*values))
    values++;
  values += strlen (INFIX);
  *length = text + size - 1 - values;
  return values;
}

/* -- What lies below a device's own values -- */

void
vmd_device_composer_clear (VmdDeviceComposer *self)
{
  g_clear_pointer (&self->schema, vmd_config_schema_unref);
  g_clear_pointer (&self->layers, g_ptr_array_unref);
  g_clear_pointer (&self->base, vmd_config_values_unref);
  g_clear_pointer (&self->bare, vmd_config_snapshot_unref);
}

static gboolean
is_same_base (const VmdDeviceComposer *self, const VmdDevice *device)
{
  guint n_groups = device->groups != NULL ? device->groups->len : 0;

  if (self->layers == NULL || self->schema != device->schema || self->layers->len != n_groups)
    return FALSE;
  for (guint i = 0; i < n_groups; i++)
    if (self->layers->pdata[i] != ((VmdDeviceGroup *) device->groups->pdata[i])->values)
      return FALSE;
  return TRUE;
}

static void
add_to_base (VmdDeviceComposer *self, VmdConfigValues *over)
{
  VmdConfigValues *under = self->base;

  if (vmd_config_values_get_n_keys (over) == 0)
    return;
  self->base =
      under != NULL ? vmd_config_values_overlay (under, over) : vmd_config_values_ref (over);
  g_clear_pointer (&under, vmd_config_values_unref);
}

static void
make_base (VmdDeviceComposer *self, const VmdDevice *device)
{
  guint n_groups = device->groups != NULL ? device->groups->len : 0;

  vmd_device_composer_clear (self);
  self->layers = g_ptr_array_new_full (n_groups, (GDestroyNotify) vmd_config_values_unref);
  if (device->schema != NULL)
    {
      g_autoptr (VmdConfigValues) defaults = vmd_config_schema_ref_defaults (device->schema);

      self->schema = vmd_config_schema_ref (device->schema);
      add_to_base (self, defaults);
    }
  for (guint i = 0; i < n_groups; i++)
    {
      const VmdDeviceGroup *group = device->groups->pdata[i];

      g_ptr_array_add (self->layers, vmd_config_values_ref (group->values));
      add_to_base (self, group->values);
    }
}

/* -- A device's own -- */

/* Returns: (transfer none): its text */
static const char *
get_own_text (const VmdDevice *device, gsize *length)
{
  if (device->new_own != NULL)
    {
      *length = strlen (device->new_own);
      return device->new_own;
    }
  if (device->own != NULL)
    return vmd_config_values_get_text (device->own, length);
  return vmd_device_snapshot_get_values (device->snapshot, length);
}

static VmdConfigValues *
ref_own (const VmdDevice *device, GError **error)
{
  const char *text;
  gsize length;

  if (device->new_own == NULL && device->own != NULL)
    return vmd_config_values_ref (device->own);
  text = get_own_text (device, &length);
  return vmd_config_values_parse (text, length, error);
}

static guint64
get_version (const VmdDevice *device)
{
  guint64 version = device->own_version;

  for (guint i = 0; device->groups != NULL && i < device->groups->len; i++)
    version = MAX (version, ((VmdDeviceGroup *) device->groups->pdata[i])->version);
  return version;
}

/* @own: (transfer full) (nullable), @snapshot: (transfer full) */
static void
put (VmdDevice *device, VmdConfigValues *own, VmdConfigSnapshot *snapshot)
{
  g_autoptr (VmdConfigValues) old_own = NULL;
  g_autoptr (VmdConfigSnapshot) old = NULL;

  g_mutex_lock (&device->mutex);
  old_own = g_steal_pointer (&device->own);
  old = g_steal_pointer (&device->snapshot);
  device->own = own;
  device->snapshot = snapshot;
  g_mutex_unlock (&device->mutex);
  g_clear_pointer (&device->new_own, g_free);
}

static VmdConfigSnapshot *
ref_bare (VmdDeviceComposer *self, guint64 version)
{
  const char *text;
  gsize length;

  if (self->bare == NULL || self->bare->version != version)
    {
      g_clear_pointer (&self->bare, vmd_config_snapshot_unref);
      text = vmd_config_values_get_text (self->base, &length);
      self->bare = new_snapshot (version, text, length);
    }
  return vmd_config_snapshot_ref (self->bare);
}

static void
compose_over_base (VmdDevice *device, VmdDeviceComposer *self, guint64 version)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdConfigValues) own = ref_own (device, &error);
  g_autoptr (VmdConfigValues) values = NULL;
  const char *text;
  gsize length;

  /* A record that is damaged: what can be had without it. */
  if (own == NULL)
    {
      g_debug ("The values of device %s cannot be read: %s", device->id, error->message);
      own = vmd_config_values_new_empty ();
    }
  if (vmd_config_values_get_n_keys (own) == 0)
    {
      put (device, g_steal_pointer (&own), ref_bare (self, version));
      return;
    }
  values = vmd_config_values_overlay (self->base, own);
  text = vmd_config_values_get_text (values, &length);
  if (vmd_config_values_equal (values, own))
    g_clear_pointer (&own, vmd_config_values_unref);
  put (device, g_steal_pointer (&own), new_snapshot (version, text, length));
}

/* One version is one set of values, so what has the version is right. */
gboolean
vmd_device_compose (VmdDevice *device, VmdDeviceComposer *composer)
{
  guint64 version = get_version (device);
  VmdConfigSnapshot *snapshot;
  const char *text;
  gsize length;

  if (device->snapshot != NULL && device->snapshot->version == version)
    {
      g_clear_pointer (&device->new_own, g_free);
      return FALSE;
    }
  if (!is_same_base (composer, device))
    make_base (composer, device);
  if (composer->base != NULL)
    {
      compose_over_base (device, composer, version);
      return TRUE;
    }
  text = get_own_text (device, &length);
  snapshot = new_snapshot (version, text, length);
  put (device, NULL, snapshot);
  return TRUE;
}
