/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-devices-state-private.h"

/* From the rows of devices and groups to their handles. A row that is told of is read, and its
 * device put among those that are to be settled; when all rows of a batch are read, each of these
 * is composed once, told of once, and published once. So nobody sees a device half-way between two
 * transactions, in a combination that there never was, and a device that ten rows are about costs
 * one snapshot.
 *
 * All of this is the store's thread's. What it costs grows with what changed: a device's row is
 * read alone. */

VmdManagerDevices *
vmd_manager_devices_new (void)
{
  VmdManagerDevices *self = g_new0 (VmdManagerDevices, 1);

  g_mutex_init (&self->mutex);
  self->schemas = vmd_manager_schemas_new ();
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

/* -- What there is to settle -- */

void
vmd_manager_devices_unsettle (VmdManagerDevices *self, VmdDevice *device)
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

/* -- What belongs to a device -- */

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
  vmd_manager_end_membership (self, device);
  vmd_manager_devices_release_schema (self->devices, device);
  old = vmd_cache_replace (self->cache, VMD_ROW_DEVICE, device->id, NULL);
  if (server->removed != NULL)
    server->removed (device->id, server->data);
  vmd_signal_queue_push (self->signals, device, vmd_device_get_removed_signal (), NULL);
  vmd_manager_emit (self, VMD_MANAGER_DEVICE_REMOVED, device);
}

static void
put_device (VmdManager *self, sqlite3 *db, VmdDevice *device, VmdDeviceRow *row)
{
  vmd_manager_devices_put_schema (self->devices, db, device, row->schema);
  g_free (device->new_own);
  device->new_own = g_steal_pointer (&row->own);
  g_mutex_lock (&device->mutex);
  device->own_version = row->version;
  g_mutex_unlock (&device->mutex);
  vmd_manager_devices_unsettle (self->devices, device);
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
  vmd_manager_reload_membership (self, db, device);
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
    vmd_manager_reload_group (self, db, key);
  else
    device = vmd_manager_lookup_device (self, key);
  if (device == NULL)
    return;
  if (kind == VMD_ROW_MEMBER)
    vmd_manager_reload_membership (self, db, device);
  else if (kind == VMD_ROW_TOKEN)
    reload_tokens (self, db, device);
  else if (kind == VMD_ROW_APPLIED)
    reload_applied (self, db, device);
  else
    reload_presence (self, db, device);
  /* Where it is served, whoever connects is told of at once, and not once more when that has been
   * written down. */
  if (kind != VMD_ROW_PRESENCE || self->devices->server.changed == NULL)
    vmd_manager_devices_unsettle (self->devices, device);
}

/* When everything may have changed, each device is read whole, and its own row need not be told
 * of. */
GPtrArray *
vmd_manager_load_device_keys (sqlite3 *db, VmdRowKind kind, GError **error)
{
  return kind == VMD_ROW_GROUP ? vmd_group_row_load_names (db, error)
                               : vmd_device_row_load_ids (db, error);
}
