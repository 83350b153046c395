/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-job.h"
#include "vmd-lock.h"

G_BEGIN_DECLS

#define VMD_TYPE_IMAGE (vmd_image_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdImage, vmd_image, VMD, IMAGE, GObject)

/* A handle is what the name pointed at when it was looked up; look it up again to see an update. */
VMD_AVAILABLE_IN_0_1 const char *vmd_image_get_name (VmdImage *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_image_get_digest (VmdImage *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_image_get_size (VmdImage *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_image_get_virtual_size (VmdImage *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_image_get_source (VmdImage *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_image_get_created (VmdImage *self);

VMD_AVAILABLE_IN_0_1 VmdLock *
vmd_image_lock (VmdImage *self, VmdLockMode mode, const char *owner, const char *reason,
                GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_image_lock_async (VmdImage *self, VmdLockMode mode, const char *owner, const char *reason,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdLock *
vmd_image_lock_finish (VmdImage *self, GAsyncResult *result, GError **error);
/* @lock: NULL, or this image exclusive. IN_USE when a VM needs it. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_image_delete (VmdImage *self, VmdLock *lock, VmdJob *job,
                                                GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_image_delete_async (VmdImage *self, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_image_delete_finish (VmdImage *self, GAsyncResult *result,
                                                       GError **error);

G_END_DECLS
