/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-broker-storage-private.h"

/* The highest generation of a device that was seen stays, with the sign of whether it is connected:
 * a claim that comes after its own clean-up, from another thread, must not bring it back. */
typedef struct
{
  guint64 generation;
  gboolean connected;
} Entry;

struct _VmdMemoryStorage
{
  GObject parent;

  GMutex mutex; /* a leaf; guards `entries` */
  GHashTable *entries; /* device → Entry */
};

static void vmd_memory_storage_storage_init (VmdBrokerStorageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (VmdMemoryStorage, vmd_memory_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BROKER_STORAGE,
                                                      vmd_memory_storage_storage_init))

static void
update (VmdBrokerStorage *storage, const char *device, guint64 generation, gboolean connected)
{
  VmdMemoryStorage *self = VMD_MEMORY_STORAGE (storage);
  Entry *entry;

  g_mutex_lock (&self->mutex);
  entry = g_hash_table_lookup (self->entries, device);
  if (entry == NULL)
    {
      entry = g_new0 (Entry, 1);
      g_hash_table_insert (self->entries, g_strdup (device), entry);
    }
  if (generation > entry->generation || (generation == entry->generation && !connected))
    {
      entry->generation = generation;
      entry->connected = connected;
    }
  g_mutex_unlock (&self->mutex);
}

static void
claim (VmdBrokerStorage *storage, const char *device, guint64 generation, const char *peer,
       gint64 since)
{
  update (storage, device, generation, TRUE);
}

static void
clean (VmdBrokerStorage *storage, const char *device, guint64 generation)
{
  update (storage, device, generation, FALSE);
}

static void
vmd_memory_storage_storage_init (VmdBrokerStorageInterface *iface)
{
  iface->claim = claim;
  iface->clean = clean;
}

static void
vmd_memory_storage_finalize (GObject *object)
{
  VmdMemoryStorage *self = VMD_MEMORY_STORAGE (object);

  g_clear_pointer (&self->entries, g_hash_table_unref);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (vmd_memory_storage_parent_class)->finalize (object);
}

static void
vmd_memory_storage_class_init (VmdMemoryStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_memory_storage_finalize;
}

static void
vmd_memory_storage_init (VmdMemoryStorage *self)
{
  g_mutex_init (&self->mutex);
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

/* (transfer full) */
VmdMemoryStorage *
vmd_memory_storage_new (void)
{
  return g_object_new (VMD_TYPE_MEMORY_STORAGE, NULL);
}

/* *@generation (nullable): the last one that was heard of, 0: none. */
gboolean
vmd_memory_storage_is_connected (VmdMemoryStorage *self, const char *device, guint64 *generation)
{
  gboolean connected;
  Entry *entry;

  g_mutex_lock (&self->mutex);
  entry = g_hash_table_lookup (self->entries, device);
  connected = entry != NULL && entry->connected;
  if (generation != NULL)
    *generation = entry != NULL ? entry->generation : 0;
  g_mutex_unlock (&self->mutex);
  return connected;
}

guint
vmd_memory_storage_get_n_connected (VmdMemoryStorage *self)
{
  GHashTableIter iterator;
  guint n = 0;
  gpointer entry;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iterator, self->entries);
  while (g_hash_table_iter_next (&iterator, NULL, &entry))
    n += ((Entry *) entry)->connected;
  g_mutex_unlock (&self->mutex);
  return n;
}
