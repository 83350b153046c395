/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../base/vmd-process-private.h"

G_BEGIN_DECLS

void vmd_left_child_add (const VmdProcessId *process);
gboolean vmd_left_child_reap (const VmdProcessId *process, int *wait_status);

G_END_DECLS
