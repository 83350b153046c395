/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the table `changes` to the observer. The store's thread's alone. */

#include "vmd-store-private.h"

G_BEGIN_DECLS

/* How many changes are kept for those that are behind. */
#define VMD_STORE_CHANGES_KEPT 4096

typedef struct
{
  VmdStore *store; /* not owned: whom it belongs to */
  VmdStoreObserver observer; /* (nullable) */
  VmdStoreBatchDone done; /* (nullable) */
  gpointer data;
  gint64 last; /* the last change that was told; -1: none, all is to be read */
  gint64 data_version; /* as last seen */
  gboolean is_behind; /* the last attempt failed */
} VmdStoreFeed;

void vmd_store_feed_tell (VmdStoreFeed *self, sqlite3 *db);
void vmd_store_feed_look (VmdStoreFeed *self, sqlite3 *db);
gboolean vmd_store_feed_prune (sqlite3 *db, GError **error);

G_END_DECLS
