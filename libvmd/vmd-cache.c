/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-cache-private.h"

/* Readers look things up and go; the one writer is the store's thread (vmd-manager-reload.c). The
 * mutex is a leaf: no object is released under it, since a finalizer may do anything. */
struct _VmdCache
{
  GMutex mutex; /* guards the tables */
  GHashTable *tables[VMD_N_ROW_KINDS]; /* by VmdRowKind: key → GObject, owned */
};

VmdCache *
vmd_cache_new (void)
{
  VmdCache *self = g_new0 (VmdCache, 1);

  g_mutex_init (&self->mutex);
  for (guint i = 0; i < G_N_ELEMENTS (self->tables); i++)
    self->tables[i] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

/* Empties the tables too; nobody may be using @self any more. */
void
vmd_cache_free (VmdCache *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->tables); i++)
    {
      g_autoptr (GPtrArray) objects = vmd_cache_dup_all (self, i);

      /* One reference is the array's, the other was the table's. */
      for (guint j = 0; j < objects->len; j++)
        g_object_unref (objects->pdata[j]);
      g_hash_table_unref (self->tables[i]);
    }
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* Returns: (transfer full): all that was in @self, which is empty afterwards */
VmdCache *
vmd_cache_steal (VmdCache *self)
{
  VmdCache *stolen = vmd_cache_new ();

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < G_N_ELEMENTS (self->tables); i++)
    {
      GHashTable *table = self->tables[i];

      self->tables[i] = stolen->tables[i];
      stolen->tables[i] = table;
    }
  g_mutex_unlock (&self->mutex);
  return stolen;
}

/**
 * vmd_cache_replace:
 * @object: (transfer full) (nullable) (type GObject): what @key means from now on
 *
 * Returns: (transfer full) (nullable): what it meant before
 */
gpointer
vmd_cache_replace (VmdCache *self, VmdRowKind kind, const char *key, gpointer object)
{
  gpointer old = NULL;

  g_mutex_lock (&self->mutex);
  old = g_hash_table_lookup (self->tables[kind], key);
  if (object != NULL)
    g_hash_table_replace (self->tables[kind], g_strdup (key), object);
  else
    g_hash_table_remove (self->tables[kind], key);
  g_mutex_unlock (&self->mutex);
  return old;
}

/* Returns: (transfer full) (nullable) */
gpointer
vmd_cache_lookup (VmdCache *self, VmdRowKind kind, const char *key)
{
  gpointer object;

  g_mutex_lock (&self->mutex);
  object = g_hash_table_lookup (self->tables[kind], key);
  if (object != NULL)
    g_object_ref (object);
  g_mutex_unlock (&self->mutex);
  return object;
}

/* Returns: (transfer full) (element-type GObject): in no order */
GPtrArray *
vmd_cache_dup_all (VmdCache *self, VmdRowKind kind)
{
  GPtrArray *objects = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iterator;
  gpointer object;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iterator, self->tables[kind]);
  while (g_hash_table_iter_next (&iterator, NULL, &object))
    g_ptr_array_add (objects, g_object_ref (object));
  g_mutex_unlock (&self->mutex);
  return objects;
}

guint
vmd_cache_get_size (VmdCache *self, VmdRowKind kind)
{
  guint size;

  g_mutex_lock (&self->mutex);
  size = g_hash_table_size (self->tables[kind]);
  g_mutex_unlock (&self->mutex);
  return size;
}

/* Returns: (transfer full): in no order */
GStrv
vmd_cache_dup_keys (VmdCache *self, VmdRowKind kind)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  GHashTableIter iterator;
  gpointer key;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iterator, self->tables[kind]);
  while (g_hash_table_iter_next (&iterator, &key, NULL))
    g_strv_builder_add (builder, key);
  g_mutex_unlock (&self->mutex);
  return g_strv_builder_end (builder);
}
