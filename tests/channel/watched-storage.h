/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A broker's storage that can be waited for: what it is told it hands on to one in memory. */

#include "channel/vmd-broker-storage-private.h"

G_BEGIN_DECLS

#define TYPE_WATCHED_STORAGE (watched_storage_get_type ())
G_DECLARE_FINAL_TYPE (WatchedStorage, watched_storage, TEST, WATCHED_STORAGE, GObject)

WatchedStorage *watched_storage_new (VmdMemoryStorage *memory);
/* Until so many devices are connected. FALSE: not within @seconds. */
gboolean
watched_storage_wait_for_connected (WatchedStorage *self, guint n_connected, guint seconds);
/* Until it has been told @n_cleanings times that a connection is no more. */
gboolean
watched_storage_wait_for_cleanings (WatchedStorage *self, guint n_cleanings, guint seconds);

G_END_DECLS
