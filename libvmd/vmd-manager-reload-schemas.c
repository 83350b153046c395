/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-devices-state-private.h"

/* The schemas that devices have: one object for each, however many devices have it. */

typedef struct
{
  VmdConfigSchema *schema;
  guint n_users; /* devices */
} Schema;

static void
schema_free (gpointer data)
{
  Schema *schema = data;

  vmd_config_schema_unref (schema->schema);
  g_free (schema);
}

/* Returns: (transfer full): id → schema, empty */
GHashTable *
vmd_manager_schemas_new (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, schema_free);
}

VmdConfigSchema *
vmd_manager_devices_ref_schema (VmdManager *self, gint64 id)
{
  Schema *known = g_hash_table_lookup (self->devices->schemas, &id);

  return known != NULL ? vmd_config_schema_ref (known->schema) : NULL;
}

void
vmd_manager_devices_release_schema (VmdManagerDevices *self, VmdDevice *device)
{
  Schema *known = g_hash_table_lookup (self->schemas, &device->schema_id);

  if (device->schema != NULL && known != NULL && --known->n_users == 0)
    g_hash_table_remove (self->schemas, &device->schema_id);
}

/* Returns: (transfer full) (nullable): one that cannot be read is none */
static VmdConfigSchema *
use_schema (VmdManagerDevices *self, sqlite3 *db, gint64 id)
{
  Schema *known = g_hash_table_lookup (self->schemas, &id);
  g_autoptr (VmdConfigSchema) schema = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (known == NULL)
    {
      text = vmd_schema_row_load (db, id, &error);
      schema = text != NULL ? vmd_config_schema_parse (text, -1, &error) : NULL;
      if (schema == NULL)
        {
          g_debug ("Schema %" G_GINT64_FORMAT " cannot be read: %s", id,
                   error != NULL ? error->message : "there is no such row");
          return NULL;
        }
      known = g_new0 (Schema, 1);
      known->schema = g_steal_pointer (&schema);
      g_hash_table_insert (self->schemas, g_memdup2 (&id, sizeof id), known);
    }
  known->n_users++;
  return vmd_config_schema_ref (known->schema);
}

void
vmd_manager_devices_put_schema (VmdManagerDevices *self, sqlite3 *db, VmdDevice *device, gint64 id)
{
  g_autoptr (VmdConfigSchema) old = NULL;
  VmdConfigSchema *schema;

  if (device->schema_id == id)
    return;
  schema = id != 0 ? use_schema (self, db, id) : NULL;
  vmd_manager_devices_release_schema (self, device);
  g_mutex_lock (&device->mutex);
  old = g_steal_pointer (&device->schema);
  device->schema = schema;
  g_mutex_unlock (&device->mutex);
  device->schema_id = id;
}
