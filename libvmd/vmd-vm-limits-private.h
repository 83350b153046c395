/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a VM may be: the one place that create and configure go through. */

#include "store/vmd-rows-private.h"
#include "vmd-vm-spec.h"

G_BEGIN_DECLS

gboolean vmd_vm_spec_apply (const VmdVmSpec *spec, VmdVmRow *row, GError **error);
guint64 vmd_vm_round_size (guint64 bytes);

G_END_DECLS
