/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One cancellable that fires when any of two does. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmdCancelChain VmdCancelChain;

VmdCancelChain *vmd_cancel_chain_new (GCancellable *first, GCancellable *second);
GCancellable *vmd_cancel_chain_get (VmdCancelChain *self);
void vmd_cancel_chain_free (VmdCancelChain *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdCancelChain, vmd_cancel_chain_free)

G_END_DECLS
