/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-devices-private.h"
#include "vmd-manager-state-private.h"

/* From the rows of devices and groups to their handles. A row that is told of is read, and its
 * device put among those that are to be settled; when all rows of a batch are read, each of these
 * is composed once, told of once, and published once. So nobody sees a device half-way between two
 * transactions, in a combination that there never was, and a device that ten rows are about costs
 * one snapshot.
 *
 * All of this is the store's thread's. What it costs grows with what changed: a device's row is
 * read alone, and a group's change touches the members, in memory, and no row of theirs. */

typedef struct
{
  VmdConfigSchema *schema;
  guint n_users; /* devices */
} Schema;

struct _VmdManagerDevices
{
  /* The store's thread's. */
  GHashTable *schemas; /* id → Schema */
  GPtrArray *unsettled; /* of VmdDevice, references */
  VmdDeviceServer server; /* all NULL: there is none */

  GMutex mutex; /* a leaf; guards what follows */
  VmdBroker *broker; /* (nullable) */
};

static void
schema_free (gpointer data)
{
  Schema *schema = data;

  vmd_config_schema_unref (schema->schema);
  g_free (schema);
}

VmdManagerDevices *
vmd_manager_devices_new (void)
{
  VmdManagerDevices *self = g_new0 (VmdManagerDevices, 1);

  g_mutex_init (&self->mutex);
  self->schemas = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, schema_free);
  self->unsettled = g_ptr_array_new_with_free_func (g_object_unref);
  return self;
}

void
vmd_manager_devices_free (VmdManagerDevices *self)
{
  g_clear_object (&self->broker);
  g_ptr_array_unref (self->unsettled);
  g_hash_table_unref (self->schemas);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

typedef struct
{
  VmdManagerDevices *devices;
  VmdDeviceServer server;
} ServerChange;

/* On the store's thread, which is where the server is told from. */
static gboolean
set_server_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const ServerChange *change = data;

  change->devices->server = change->server;
  return TRUE;
}

gboolean
vmd_manager_set_device_server (VmdManager *self, const VmdDeviceServer *server, VmdBroker *broker,
                               GError **error)
{
  ServerChange change = { .devices = self->devices };
  g_autoptr (VmdBroker) old = NULL;

  if (server != NULL)
    change.server = *server;
  g_mutex_lock (&self->devices->mutex);
  old = g_steal_pointer (&self->devices->broker);
  self->devices->broker = broker != NULL ? g_object_ref (broker) : NULL;
  g_mutex_unlock (&self->devices->mutex);
  return vmd_store_transact (self->store, set_server_in_store, &change, NULL, error);
}

VmdBroker *
vmd_manager_ref_broker (VmdManager *self)
{
  VmdBroker *broker;

  g_mutex_lock (&self->devices->mutex);
  broker = self->devices->broker != NULL ? g_object_ref (self->devices->broker) : NULL;
  g_mutex_unlock (&self->devices->mutex);
  return broker;
}

/* -- Schemas: one object for each, however many devices have it -- */

VmdConfigSchema *
vmd_manager_devices_ref_schema (VmdManager *self, gint64 id)
{
  Schema *known = g_hash_table_lookup (self->devices->schemas, &id);

  return known != NULL ? vmd_config_schema_ref (known->schema) : NULL;
}

static void
release_schema (VmdManagerDevices *self, gint64 id)
{
  Schema *known = g_hash_table_lookup (self->schemas, &id);

  if (known != NULL && --known->n_users == 0)
    g_hash_table_remove (self->schemas, &id);
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

static void
put_schema (VmdManagerDevices *self, sqlite3 *db, VmdDevice *device, gint64 id)
{
  g_autoptr (VmdConfigSchema) old = NULL;
  VmdConfigSchema *schema;

  if (device->schema_id == id)
    return;
  schema = id != 0 ? use_schema (self, db, id) : NULL;
  if (device->schema != NULL)
    release_schema (self, device->schema_id);
  g_mutex_lock (&device->mutex);
  old = g_steal_pointer (&device->schema);
  device->schema = schema;
  g_mutex_unlock (&device->mutex);
  device->schema_id = id;
}

/* -- What there is to settle -- */

static void
unsettle (VmdManagerDevices *self, VmdDevice *device)
{
  if (device->is_unsettled)
    return;
  device->is_unsettled = TRUE;
  g_ptr_array_add (self->unsettled, g_object_ref (device));
}

static void
settle (VmdManager *self, VmdDevice *device, VmdDeviceComposer *composer)
{
  VmdDeviceServer *server = &self->devices->server;
  gboolean is_new = device->snapshot == NULL;
  g_autoptr (VmdDevice) old = NULL;
  gboolean composed;

  device->is_unsettled = FALSE;
  if (device->gone)
    return;
  composed = vmd_device_compose (device, composer);
  if (is_new)
    {
      old = vmd_cache_replace (self->cache, VMD_ROW_DEVICE, device->id, g_object_ref (device));
      vmd_manager_emit (self, VMD_MANAGER_DEVICE_ADDED, device);
    }
  else
    vmd_manager_emit_device_changed (self, device);
  if (composed && server->changed != NULL)
    server->changed (device->id, device->snapshot, server->data);
}

void
vmd_manager_settle_devices (VmdManager *self)
{
  GPtrArray *unsettled = self->devices->unsettled;
  VmdDeviceComposer composer = { 0 };

  for (guint i = 0; i < unsettled->len; i++)
    settle (self, unsettled->pdata[i], &composer);
  g_ptr_array_set_size (unsettled, 0);
  vmd_device_composer_clear (&composer);
}

/* -- Groups -- */

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
        unsettle (self->devices, device);
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

static void
reload_group (VmdManager *self, sqlite3 *db, const char *name)
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

/* -- What belongs to a device -- */

static void
reload_members (VmdManager *self, sqlite3 *db, VmdDevice *device)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *groups = load_groups (self, db, device, &error);

  if (error == NULL)
    put_groups (self, device, groups);
}

static VmdDeviceToken *
find_token (GPtrArray *tokens, const char *id)
{
  for (guint i = 0; tokens != NULL && i < tokens->len; i++)
    if (g_str_equal (vmd_device_token_get_id (tokens->pdata[i]), id))
      return tokens->pdata[i];
  return NULL;
}

static void
tell_tokens (VmdManager *self, VmdDevice *device, GPtrArray *before, GPtrArray *now)
{
  const VmdDeviceServer *server = &self->devices->server;

  for (guint i = 0; before != NULL && server->token_removed != NULL && i < before->len; i++)
    {
      const char *id = vmd_device_token_get_id (before->pdata[i]);

      if (find_token (now, id) == NULL)
        server->token_removed (device->id, id, server->data);
    }
  for (guint i = 0; now != NULL && server->token_added != NULL && i < now->len; i++)
    if (find_token (before, vmd_device_token_get_id (now->pdata[i])) == NULL)
      server->token_added (device->id, now->pdata[i], server->data);
}

static gboolean
is_removed (sqlite3 *db, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdDeviceRow) row = vmd_device_row_load (db, id, &error);

  return row == NULL && error == NULL;
}

static void
reload_tokens (VmdManager *self, sqlite3 *db, VmdDevice *device)
{
  g_autoptr (GPtrArray) rows = vmd_token_row_load_of_device (db, device->id, NULL);
  g_autoptr (GPtrArray) old = NULL;
  GPtrArray *tokens = NULL;

  /* With its device gone none is revoked: the device's own row is told of in the same batch. */
  if (rows == NULL || (rows->len == 0 && is_removed (db, device->id)))
    return;
  if (rows->len > 0)
    tokens = g_ptr_array_new_full (rows->len, g_object_unref);
  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add (tokens, vmd_device_token_new (rows->pdata[i]));
  g_mutex_lock (&device->mutex);
  old = g_steal_pointer (&device->tokens);
  device->tokens = tokens;
  g_mutex_unlock (&device->mutex);
  tell_tokens (self, device, old, tokens);
}

static void
reload_applied (VmdManager *self, sqlite3 *db, VmdDevice *device)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdAppliedRow) row = vmd_applied_row_load (db, device->id, &error);
  g_autoptr (VmdAppliedRow) old = NULL;

  if (error != NULL)
    return;
  g_mutex_lock (&device->mutex);
  old = g_steal_pointer (&device->applied);
  device->applied = g_steal_pointer (&row);
  g_mutex_unlock (&device->mutex);
}

static void
reload_presence (VmdManager *self, sqlite3 *db, VmdDevice *device)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdPresenceRow) row = vmd_presence_row_load (db, device->id, &error);
  g_autoptr (VmdPresenceRow) old = NULL;

  if (error != NULL)
    return;
  g_mutex_lock (&device->mutex);
  old = g_steal_pointer (&device->presence);
  device->presence = g_steal_pointer (&row);
  g_mutex_unlock (&device->mutex);
}

/* -- Devices -- */

static void
drop_device (VmdManager *self, VmdDevice *device)
{
  const VmdDeviceServer *server = &self->devices->server;
  g_autoptr (VmdDevice) old = NULL;

  g_mutex_lock (&device->mutex);
  device->gone = TRUE;
  g_mutex_unlock (&device->mutex);
  put_groups (self, device, NULL);
  if (device->schema != NULL)
    release_schema (self->devices, device->schema_id);
  old = vmd_cache_replace (self->cache, VMD_ROW_DEVICE, device->id, NULL);
  if (server->removed != NULL)
    server->removed (device->id, server->data);
  vmd_signal_queue_push (self->signals, device, vmd_device_get_removed_signal (), NULL);
  vmd_manager_emit (self, VMD_MANAGER_DEVICE_REMOVED, device);
}

static void
put_device (VmdManager *self, sqlite3 *db, VmdDevice *device, VmdDeviceRow *row)
{
  put_schema (self->devices, db, device, row->schema);
  g_free (device->new_own);
  device->new_own = g_steal_pointer (&row->own);
  g_mutex_lock (&device->mutex);
  device->own_version = row->version;
  g_mutex_unlock (&device->mutex);
  unsettle (self->devices, device);
}

static void
reload_device (VmdManager *self, sqlite3 *db, const char *id)
{
  g_autoptr (VmdDevice) device = vmd_manager_lookup_device (self, id);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdDeviceRow) row = vmd_device_row_load (db, id, &error);

  if (error != NULL)
    return;
  /* One of that name that was removed and made again is another one. */
  if (device != NULL && (row == NULL || row->created != device->created))
    {
      drop_device (self, device);
      g_clear_object (&device);
    }
  if (row == NULL)
    return;
  if (device != NULL)
    {
      put_device (self, db, device, row);
      return;
    }
  device = vmd_device_new (self, row);
  put_device (self, db, device, row);
  reload_members (self, db, device);
  reload_tokens (self, db, device);
  reload_applied (self, db, device);
  reload_presence (self, db, device);
}

/* A device that is not known is one whose own row is told of in the same batch: then all is read
 * that belongs to it. */
void
vmd_manager_reload_device_row (VmdManager *self, sqlite3 *db, VmdRowKind kind, const char *key)
{
  g_autoptr (VmdDevice) device = NULL;

  if (kind == VMD_ROW_DEVICE)
    reload_device (self, db, key);
  else if (kind == VMD_ROW_GROUP)
    reload_group (self, db, key);
  else
    device = vmd_manager_lookup_device (self, key);
  if (device == NULL)
    return;
  if (kind == VMD_ROW_MEMBER)
    reload_members (self, db, device);
  else if (kind == VMD_ROW_TOKEN)
    reload_tokens (self, db, device);
  else if (kind == VMD_ROW_APPLIED)
    reload_applied (self, db, device);
  else
    reload_presence (self, db, device);
  /* Where it is served, whoever connects is told of at once, and not once more when that has been
   * written down. */
  if (kind != VMD_ROW_PRESENCE || self->devices->server.changed == NULL)
    unsettle (self->devices, device);
}

/* When everything may have changed, each device is read whole, and its own row need not be told
 * of. */
GPtrArray *
vmd_manager_load_device_keys (sqlite3 *db, VmdRowKind kind, GError **error)
{
  return kind == VMD_ROW_GROUP ? vmd_group_row_load_names (db, error)
                               : vmd_device_row_load_ids (db, error);
}
