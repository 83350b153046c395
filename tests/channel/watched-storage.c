/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "watched-storage.h"

struct _WatchedStorage
{
  GObject parent;
  VmdMemoryStorage *memory; /* a reference */

  GMutex mutex; /* guards what follows */
  GCond told;
  guint n_cleanings;
};

static void storage_init (VmdBrokerStorageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (WatchedStorage, watched_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BROKER_STORAGE, storage_init))

static void
claim (VmdBrokerStorage *storage, const char *device, guint64 generation, const char *peer,
       gint64 since)
{
  WatchedStorage *self = TEST_WATCHED_STORAGE (storage);

  vmd_broker_storage_claim (VMD_BROKER_STORAGE (self->memory), device, generation, peer, since);
  g_mutex_lock (&self->mutex);
  g_cond_broadcast (&self->told);
  g_mutex_unlock (&self->mutex);
}

static void
clean (VmdBrokerStorage *storage, const char *device, guint64 generation)
{
  WatchedStorage *self = TEST_WATCHED_STORAGE (storage);

  vmd_broker_storage_clean (VMD_BROKER_STORAGE (self->memory), device, generation);
  g_mutex_lock (&self->mutex);
  self->n_cleanings++;
  g_cond_broadcast (&self->told);
  g_mutex_unlock (&self->mutex);
}

static void
storage_init (VmdBrokerStorageInterface *iface)
{
  iface->claim = claim;
  iface->clean = clean;
}

static void
watched_storage_finalize (GObject *object)
{
  WatchedStorage *self = TEST_WATCHED_STORAGE (object);

  g_clear_object (&self->memory);
  g_cond_clear (&self->told);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (watched_storage_parent_class)->finalize (object);
}

static void
watched_storage_class_init (WatchedStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = watched_storage_finalize;
}

static void
watched_storage_init (WatchedStorage *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->told);
}

WatchedStorage *
watched_storage_new (VmdMemoryStorage *memory)
{
  WatchedStorage *self = g_object_new (TYPE_WATCHED_STORAGE, NULL);

  self->memory = g_object_ref (memory);
  return self;
}

gboolean
watched_storage_wait_for_connected (WatchedStorage *self, guint n_connected, guint seconds)
{
  gint64 deadline = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  gboolean in_time = TRUE;

  g_mutex_lock (&self->mutex);
  while (in_time && vmd_memory_storage_get_n_connected (self->memory) != n_connected)
    in_time = g_cond_wait_until (&self->told, &self->mutex, deadline);
  g_mutex_unlock (&self->mutex);
  return in_time;
}

gboolean
watched_storage_wait_for_cleanings (WatchedStorage *self, guint n_cleanings, guint seconds)
{
  gint64 deadline = g_get_monotonic_time () + seconds * G_USEC_PER_SEC;
  gboolean in_time = TRUE;

  g_mutex_lock (&self->mutex);
  while (in_time && self->n_cleanings < n_cleanings)
    in_time = g_cond_wait_until (&self->told, &self->mutex, deadline);
  g_mutex_unlock (&self->mutex);
  return in_time;
}
