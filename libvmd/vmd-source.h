/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMD_TYPE_SOURCE (vmd_source_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdSource, vmd_source, VMD, SOURCE, GObject)

VMD_AVAILABLE_IN_0_1 VmdSource *vmd_source_open (const char *path, gboolean include_untracked,
                                                 GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 const char *vmd_source_get_top (VmdSource *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_source_get_head (VmdSource *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_source_get_branch (VmdSource *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_source_get_n_files (VmdSource *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_source_get_bytes (VmdSource *self);
VMD_AVAILABLE_IN_0_1 GPtrArray *vmd_source_list_files (VmdSource *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_source_serve (VmdSource *self, int fd, GCancellable *cancellable,
                                                GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_source_serve_async (VmdSource *self, int fd, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_source_serve_finish (VmdSource *self, GAsyncResult *result,
                                                       GError **error);

G_END_DECLS
