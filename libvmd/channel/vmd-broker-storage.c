/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-broker-storage-private.h"

G_DEFINE_INTERFACE (VmdBrokerStorage, vmd_broker_storage, G_TYPE_OBJECT)

static void
vmd_broker_storage_default_init (VmdBrokerStorageInterface *iface)
{
}

void
vmd_broker_storage_claim (VmdBrokerStorage *self, const char *device, guint64 generation,
                          const char *peer, gint64 since)
{
  VMD_BROKER_STORAGE_GET_IFACE (self)->claim (self, device, generation, peer, since);
}

void
vmd_broker_storage_clean (VmdBrokerStorage *self, const char *device, guint64 generation)
{
  VMD_BROKER_STORAGE_GET_IFACE (self)->clean (self, device, generation);
}

void
vmd_broker_storage_refuse (VmdBrokerStorage *self, const char *device, gint64 retry_after)
{
  VmdBrokerStorageInterface *iface = VMD_BROKER_STORAGE_GET_IFACE (self);

  if (iface->refuse != NULL)
    iface->refuse (self, device, retry_after);
}
