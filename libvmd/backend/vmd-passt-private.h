/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way out of a guest. */

#include "vmd-backend-private.h"

G_BEGIN_DECLS

typedef struct _VmdPasst VmdPasst;

VmdPasst *vmd_passt_start (const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
                           GCancellable *cancellable, gint64 deadline, GError **error);
int vmd_passt_get_fd (VmdPasst *self);
void vmd_passt_leave (VmdPasst *self);
void vmd_passt_free (VmdPasst *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdPasst, vmd_passt_free)

G_END_DECLS
