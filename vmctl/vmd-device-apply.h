/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-options.h"
#include "vmd-device-snapshot.h"

G_BEGIN_DECLS

/* Makes snapshots what this machine works with: files, then the hook. */
typedef struct _VmdDeviceApply VmdDeviceApply;

/* @error: (nullable) why @version could not be applied. */
typedef void (*VmdDeviceAppliedFunc) (guint64 version, const GError *error, gpointer data);

VmdDeviceApply *
vmd_device_apply_new (const VmdDeviceOptions *options, VmdDeviceAppliedFunc func, gpointer data);
void vmd_device_apply_free (VmdDeviceApply *self);
void vmd_device_apply_take (VmdDeviceApply *self, VmdDeviceSnapshot *snapshot);
void vmd_device_apply_again (VmdDeviceApply *self);
void vmd_device_apply_stop (VmdDeviceApply *self);
gboolean vmd_device_apply_is_busy (VmdDeviceApply *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceApply, vmd_device_apply_free)

G_END_DECLS
