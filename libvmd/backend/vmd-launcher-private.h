/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program that is to outlive us, from the fork to the moment when it is left to itself. */

#include "../base/vmd-process-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* What to run. Only read by vmd_launcher_hold(). */
typedef struct
{
  const char *const *argv; /* argv[0] is an absolute path */
  const char *const *environment; /* (nullable): this process's */
  const char *log; /* path: its output goes there, and what was there before is gone */
  const int *fds; /* these become its descriptors 3, 4, …; nothing else is inherited */
  guint n_fds; /* at most VMD_LAUNCHER_MAX_FDS */
} VmdLauncherSpec;

#define VMD_LAUNCHER_MAX_FDS 8

typedef struct _VmdLauncher VmdLauncher;

VmdLauncher *vmd_launcher_hold (const VmdLauncherSpec *spec, GError **error);
const VmdProcessId *vmd_launcher_get_process (VmdLauncher *self);
gboolean vmd_launcher_release (VmdLauncher *self, GCancellable *cancellable, gint64 deadline,
                               GError **error);
gboolean vmd_launcher_check (VmdLauncher *self, GError **error);
int vmd_launcher_get_pidfd (VmdLauncher *self);
void vmd_launcher_leave (VmdLauncher *self);
void vmd_launcher_free (VmdLauncher *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdLauncher, vmd_launcher_free)

G_END_DECLS
