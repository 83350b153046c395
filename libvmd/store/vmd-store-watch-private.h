/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the store's thread sleeps on: a kick of this process, or a sign of another one. */

#include "vmd-error.h"

G_BEGIN_DECLS

typedef struct _VmdStoreWatch VmdStoreWatch;

VmdStoreWatch *vmd_store_watch_new (const char *state_dir, GError **error);
void vmd_store_watch_free (VmdStoreWatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdStoreWatch, vmd_store_watch_free)

void vmd_store_watch_kick (VmdStoreWatch *self);
void vmd_store_watch_touch (VmdStoreWatch *self);
void vmd_store_watch_wait (VmdStoreWatch *self, guint milliseconds);

G_END_DECLS
