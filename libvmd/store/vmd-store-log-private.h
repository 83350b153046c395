/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database's write-ahead log: what room it has, and when it is written back. */

#include "vmd-sqlite-private.h"

G_BEGIN_DECLS

/* The store's thread's. */
typedef struct
{
  sqlite3 *db;
  guint frames; /* in the log, as of the last commit */
  gsize room; /* bytes that are reserved for it */
  gint64 committed; /* monotonic microseconds: when that was */
} VmdStoreLog;

void vmd_store_log_reserve (sqlite3 *db);
void vmd_store_log_begin (VmdStoreLog *self, sqlite3 *db);
void vmd_store_log_keep_room (VmdStoreLog *self);
guint vmd_store_log_get_patience (VmdStoreLog *self);
void vmd_store_log_tidy (VmdStoreLog *self);

G_END_DECLS
