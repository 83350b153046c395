/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fault points: named places at which a test can make the library fail, die or stop. Compiled out
 * unless configured with -Dfault_points=true; then the environment arms them:
 * VMD_FAULT="name:N[:action]" where N counts passages of that name from 1 ("*" as name counts all),
 * and action is fail (default), kill (SIGKILL to itself) or stop (SIGSTOP to itself).
 * VMD_FAULT_LOG=PATH appends each name passed, so that a test can learn how many there are. */

#include "vmd-error.h"

G_BEGIN_DECLS

#ifdef VMD_FAULT_POINTS
gboolean vmd_fault_point_reached (const char *name, GError **error);
#  define vmd_fault_point(name, error) vmd_fault_point_reached ((name), (error))
void vmd_fault_arm (const char *specification);
guint vmd_fault_count (void);
#else
#  define vmd_fault_point(name, error) (TRUE)
#endif

G_END_DECLS
