/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who is connected, written behind into the store. */

#include "channel/vmd-broker-storage-private.h"
#include "store/vmd-store-private.h"
#include "vmd-manager.h"

G_BEGIN_DECLS

#define VMD_TYPE_PRESENCE_STORAGE (vmd_presence_storage_get_type ())
G_DECLARE_FINAL_TYPE (VmdPresenceStorage, vmd_presence_storage, VMD, PRESENCE_STORAGE, GObject)

/* On the storage's own thread, without a mutex, at most four times a second for a device. */
typedef void (*VmdPresenceChanged) (const char *device, gpointer data);

/* Begins an epoch: no device is connected any more, and generations begin above *@epoch. @changed
 * is told of every device that came, went or was refused from then on. Blocks for as long as the
 * store takes. To be closed. (transfer full) */
VmdPresenceStorage *vmd_presence_storage_open (VmdStore *store, VmdPresenceChanged changed,
                                               gpointer data, guint32 *epoch, GError **error);
/* The same on @manager's store, whose devices show it. It has no reference on @manager, which is to
 * be closed after it. */
VmdPresenceStorage *vmd_manager_open_presence (VmdManager *manager, guint32 *epoch, GError **error);
/* Blocks until what was claimed and cleaned before is in the store, or could not be written: then
 * it is tried again later. Not on the store's thread. */
gboolean vmd_presence_storage_flush (VmdPresenceStorage *self, GError **error);
/* Writes what is left, unless that fails four times or takes two seconds and one transaction; what
 * comes after that is ignored. Twice is as good as once. Not on the store's thread, and not from
 * @changed. */
void vmd_presence_storage_close (VmdPresenceStorage *self);

G_END_DECLS
