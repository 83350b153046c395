/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sqlite3 with GError and autoptr. Each statement is prepared and bound; SQL text never has a value
 * in it. */

#include "vmd-error.h"

#include <sqlite3.h>

G_BEGIN_DECLS

typedef sqlite3_stmt VmdStatement;
/* Ends it; it may be kept for the next one who wants the same. */
void vmd_sqlite_release (VmdStatement *statement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdStatement, vmd_sqlite_release)

/* What to do about a damaged database. A log that stays would be applied to whatever takes its
 * place. */
#define VMD_SQLITE_REPAIR                                                                          \
  "stop what uses it, move it away with its -wal, and put a backup in its place, or begin with an" \
  " empty one"

/* The one function that makes a VmdError of sqlite's. SQLITE_FULL → NO_SPACE, SQLITE_CORRUPT/NOTADB
 * → STORE_CORRUPT, SQLITE_CONSTRAINT_UNIQUE/PRIMARYKEY → EXISTS, the rest STORE. Returns FALSE. */
gboolean vmd_sqlite_fail (sqlite3 *db, GError **error, const char *doing);
VmdStatement *vmd_sqlite_prepare (sqlite3 *db, const char *sql, GError **error);
/* @types: one letter for each parameter: s text (NULL allowed), i gint64, d double, b const void* +
 *   gsize. */
gboolean
vmd_sqlite_bind (sqlite3 *db, VmdStatement *statement, GError **error, const char *types, ...);
/* SQLITE_ROW or SQLITE_DONE; -1 with @error set. */
int vmd_sqlite_step (sqlite3 *db, VmdStatement *statement, GError **error);
/* Prepares, binds, runs to the end. @changed (nullable): sqlite3_changes(). */
gboolean
vmd_sqlite_run (sqlite3 *db, int *changed, GError **error, const char *sql, const char *types, ...);
char *vmd_sqlite_dup_text (VmdStatement *statement, int column);
/* 0 for what is negative or above @maximum: a record may be damaged. */
guint64 vmd_sqlite_get_unsigned (VmdStatement *statement, int column, guint64 maximum);

/* Makes a row, owned, of what a statement is at. */
typedef gpointer (*VmdSqliteReader) (VmdStatement *statement);
/* The first row of @sql; NULL without error: there is none. */
gpointer vmd_sqlite_load_one (sqlite3 *db, VmdSqliteReader reader, GError **error, const char *sql,
                              const char *types, ...);
/* All rows of @sql, in its order; @destroy frees one. (transfer full) */
GPtrArray *vmd_sqlite_load_all (sqlite3 *db, VmdSqliteReader reader, GDestroyNotify destroy,
                                GError **error, const char *sql, const char *types, ...);

G_END_DECLS
