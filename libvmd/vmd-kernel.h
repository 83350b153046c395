/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-job.h"
#include "vmd-lock.h"

G_BEGIN_DECLS

#define VMD_TYPE_KERNEL (vmd_kernel_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdKernel, vmd_kernel, VMD, KERNEL, GObject)

VMD_AVAILABLE_IN_0_1 const char *vmd_kernel_get_version (VmdKernel *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_kernel_get_source (VmdKernel *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_kernel_get_size (VmdKernel *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_kernel_get_is_default (VmdKernel *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_kernel_get_created (VmdKernel *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_kernel_delete (VmdKernel *self, VmdLock *lock, VmdJob *job,
                                                 GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_kernel_delete_async (VmdKernel *self, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_kernel_delete_finish (VmdKernel *self, GAsyncResult *result,
                                                        GError **error);

G_END_DECLS
