/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a broker writes down who is connected. A seam: several brokers may share one storage, and
 * each change names the generation that it is about, so that a late one changes nothing. */

#include <glib-object.h>

G_BEGIN_DECLS

#define VMD_TYPE_BROKER_STORAGE (vmd_broker_storage_get_type ())
G_DECLARE_INTERFACE (VmdBrokerStorage, vmd_broker_storage, VMD, BROKER_STORAGE, GObject)

struct _VmdBrokerStorageInterface
{
  GTypeInterface parent;
  /* Neither waits: they may be written behind. On any thread. */
  void (*claim) (VmdBrokerStorage *self, const char *device, guint64 generation, const char *peer,
                 gint64 since);
  void (*clean) (VmdBrokerStorage *self, const char *device, guint64 generation);
  /* (nullable) */
  void (*refuse) (VmdBrokerStorage *self, const char *device, gint64 retry_after);
};

/* @device is connected as @generation, unless a higher one is known. */
void vmd_broker_storage_claim (VmdBrokerStorage *self, const char *device, guint64 generation,
                               const char *peer, gint64 since);
/* @device is not connected any more, if @generation is still the one. */
void vmd_broker_storage_clean (VmdBrokerStorage *self, const char *device, guint64 generation);

/* A newcomer was refused since @device is contested, as it is for @retry_after microseconds more:
 * for whoever shows that. Between whom, the broker's status says. */
void vmd_broker_storage_refuse (VmdBrokerStorage *self, const char *device, gint64 retry_after);

/* One that keeps it in memory: for tests, and for a broker that shares with nobody. */
#define VMD_TYPE_MEMORY_STORAGE (vmd_memory_storage_get_type ())
G_DECLARE_FINAL_TYPE (VmdMemoryStorage, vmd_memory_storage, VMD, MEMORY_STORAGE, GObject)
VmdMemoryStorage *vmd_memory_storage_new (void);
gboolean
vmd_memory_storage_is_connected (VmdMemoryStorage *self, const char *device, guint64 *generation);
guint vmd_memory_storage_get_n_connected (VmdMemoryStorage *self);

G_END_DECLS
