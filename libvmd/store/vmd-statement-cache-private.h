/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Statements that stay prepared: vmd_sqlite_prepare() takes them from here, and letting go of one
 * puts it back. */

#include "vmd-sqlite-private.h"

G_BEGIN_DECLS

void vmd_statement_cache_begin (sqlite3 *db);
void vmd_statement_cache_end (void);
VmdStatement *vmd_statement_cache_take (sqlite3 *db, const char *sql);
gboolean vmd_statement_cache_put (VmdStatement *statement);

G_END_DECLS
