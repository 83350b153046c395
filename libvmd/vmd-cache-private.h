/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The handles behind a manager's lists, by kind and key. */

#include "store/vmd-store-private.h"

G_BEGIN_DECLS

typedef struct _VmdCache VmdCache;

VmdCache *vmd_cache_new (void);
void vmd_cache_free (VmdCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdCache, vmd_cache_free)

VmdCache *vmd_cache_steal (VmdCache *self);
gpointer vmd_cache_replace (VmdCache *self, VmdRowKind kind, const char *key, gpointer object);
gpointer vmd_cache_lookup (VmdCache *self, VmdRowKind kind, const char *key);
GPtrArray *vmd_cache_dup_all (VmdCache *self, VmdRowKind kind);
guint vmd_cache_get_size (VmdCache *self, VmdRowKind kind);
GStrv vmd_cache_dup_keys (VmdCache *self, VmdRowKind kind);

G_END_DECLS
