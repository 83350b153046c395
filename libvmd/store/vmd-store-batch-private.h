/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Group commit. The store's thread's alone. */

#include "vmd-store-queue-private.h"

G_BEGIN_DECLS

gboolean vmd_store_batch_run (sqlite3 *db, GPtrArray *calls);

G_END_DECLS
