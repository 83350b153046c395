/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's side of `vmd-guest unpack`: a tree on its way into its place in a guest. */

#include "transport/vmd-transport-private.h"

G_BEGIN_DECLS

typedef struct _VmdUnpack VmdUnpack;

VmdUnpack *vmd_unpack_begin (VmdGuestConnection *connection, const char *path, gboolean replace,
                             GCancellable *cancellable, GError **error);
gboolean vmd_unpack_write (VmdUnpack *self, const void *data, gsize length,
                           GCancellable *cancellable, GError **error);
gboolean vmd_unpack_publish (VmdUnpack *self, GCancellable *cancellable, GError **error);
gboolean vmd_unpack_keep (VmdUnpack *self, GError **error);
void vmd_unpack_free (VmdUnpack *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdUnpack, vmd_unpack_free)

G_END_DECLS
