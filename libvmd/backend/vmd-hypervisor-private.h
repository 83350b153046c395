/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Spawning a hypervisor that speaks QMP: the steps that all backends have in common. */

#include "vmd-backend-private.h"

G_BEGIN_DECLS

char *vmd_hypervisor_dup_socket (const VmdLaunchPlan *plan, const char *name);
char *vmd_hypervisor_dup_channel_socket (const char *control_socket);
VmdMachine *vmd_hypervisor_spawn (const char *const *argv, const int *fds, guint n_fds,
                                  const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
                                  GCancellable *cancellable, gint64 deadline, GError **error);

G_END_DECLS
