/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-error.h"

G_BEGIN_DECLS

typedef enum
{
  VMD_ACCELERATOR_TCG,
  VMD_ACCELERATOR_KVM
} VmdAccelerator;

gboolean vmd_accelerator_decide (const char *override, gboolean can_open, const char *cpuinfo,
                                 VmdAccelerator *accelerator, const char **reason, GError **error);
gboolean vmd_accelerator_choose (VmdAccelerator *accelerator, const char **reason, GError **error);

G_END_DECLS
