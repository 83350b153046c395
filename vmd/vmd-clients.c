/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"

/* Who is at work on one connection. A client of a bus is watched by its unique name from its first
 * call on, for as long as it has something here; on a connection without a bus the one peer is the
 * client, and vmd_clients_free() is its vanishing. */
typedef struct
{
  VmdClients *clients;
  char *sender;
  guint watch; /* 0 without a bus */
  GHashTable *calls; /* set of VmdCall, not owned */
  GHashTable *locks; /* set of tokens */
} Client;

struct _VmdClients
{
  VmdExport *export; /* not owned: it owns this */
  GHashTable *clients; /* sender → Client */
};

/* @client may be freed on the way: it is forgotten when nothing of it is left. */
static void
client_vanish (Client *client)
{
  g_autoptr (VmdService) service = g_object_ref (vmd_export_get_service (client->clients->export));
  g_autoptr (GList) calls = g_hash_table_get_keys (client->calls);
  g_autoptr (GHashTable) locks = g_steal_pointer (&client->locks);
  GHashTableIter iterator;
  gpointer token;

  client->locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_iter_init (&iterator, locks);
  while (g_hash_table_iter_next (&iterator, &token, NULL))
    vmd_service_remove_lock (service, token);
  /* A call ends later, on the main loop, when its work has noticed. */
  for (GList *l = calls; l != NULL; l = l->next)
    vmd_call_client_vanished (l->data);
}

static void
client_free (gpointer data)
{
  Client *client = data;

  if (client->watch != 0)
    g_bus_unwatch_name (client->watch);
  g_hash_table_unref (client->calls);
  g_hash_table_unref (client->locks);
  g_free (client->sender);
  g_free (client);
}

static void
name_vanished_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  client_vanish (data);
}

static Client *
ensure_client (VmdClients *self, const char *sender)
{
  Client *client = g_hash_table_lookup (self->clients, sender);

  if (client != NULL)
    return client;
  client = g_new0 (Client, 1);
  client->clients = self;
  client->sender = g_strdup (sender);
  client->calls = g_hash_table_new (NULL, NULL);
  client->locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert (self->clients, client->sender, client);
  if (vmd_export_get_peer (self->export) == NULL)
    client->watch = g_bus_watch_name_on_connection (vmd_export_get_connection (self->export),
                                                    sender, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                                    name_vanished_cb, client, NULL);
  return client;
}

static void
drop_if_unused (VmdClients *self, Client *client)
{
  if (g_hash_table_size (client->calls) == 0 && g_hash_table_size (client->locks) == 0)
    g_hash_table_remove (self->clients, client->sender);
}

VmdClients *
vmd_clients_new (VmdExport *export)
{
  VmdClients *self = g_new0 (VmdClients, 1);

  self->export = export;
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, client_free);
  return self;
}

void
vmd_clients_vanish_all (VmdClients *self)
{
  g_autoptr (GList) clients = g_hash_table_get_values (self->clients);

  for (GList *l = clients; l != NULL; l = l->next)
    client_vanish (l->data);
}

void
vmd_clients_free (VmdClients *self)
{
  g_hash_table_unref (self->clients);
  g_free (self);
}

void
vmd_clients_add_call (VmdClients *self, const char *sender, VmdCall *call)
{
  g_hash_table_add (ensure_client (self, sender)->calls, call);
}

void
vmd_clients_remove_call (VmdClients *self, const char *sender, VmdCall *call)
{
  Client *client = g_hash_table_lookup (self->clients, sender);

  if (client == NULL)
    return;
  g_hash_table_remove (client->calls, call);
  drop_if_unused (self, client);
}

void
vmd_clients_add_lock (VmdClients *self, const char *sender, const char *token)
{
  g_hash_table_add (ensure_client (self, sender)->locks, g_strdup (token));
}

void
vmd_clients_remove_lock (VmdClients *self, const char *sender, const char *token)
{
  Client *client = g_hash_table_lookup (self->clients, sender);

  if (client == NULL)
    return;
  g_hash_table_remove (client->locks, token);
  drop_if_unused (self, client);
}

VmdCall *
vmd_clients_find_call (VmdClients *self, const char *sender, const char *job_id)
{
  Client *client = g_hash_table_lookup (self->clients, sender);
  GHashTableIter iterator;
  gpointer key;

  if (client == NULL)
    return NULL;
  g_hash_table_iter_init (&iterator, client->calls);
  while (g_hash_table_iter_next (&iterator, &key, NULL))
    {
      VmdJob *job = vmd_call_get_job (key);

      if (job != NULL && g_str_equal (vmd_job_get_id (job), job_id))
        return key;
    }
  return NULL;
}
