/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file vmd.db: how a connection to it is made, and which tables are in it. */

#include "vmd-sqlite-private.h"

G_BEGIN_DECLS

/* "vmd", and a 1: in the header of the file, so that another program's database is told from
 * ours. */
#define VMD_STORE_APPLICATION_ID 0x766d6401

/* How long a statement waits for another process's transaction. Those take milliseconds; one that
 * takes this long belongs to a process that is stopped, or to a disk that hangs. */
#define VMD_STORE_BUSY_TIMEOUT_MS 10000

typedef sqlite3 VmdDatabase;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDatabase, sqlite3_close)

/* vmd-store-database.c */
sqlite3 *vmd_store_database_open (const char *path, GError **error);
gboolean
vmd_store_database_get_number (sqlite3 *db, const char *sql, gint64 *number, GError **error);

/* vmd-store-migrate.c */
gboolean vmd_store_check_version (sqlite3 *db, gint64 *version, GError **error);
gboolean vmd_store_migrate (sqlite3 *db, GError **error);

G_END_DECLS
