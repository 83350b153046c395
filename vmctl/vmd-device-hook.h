/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The program that is told of a change. Times are in milliseconds. */
typedef struct
{
  const char *program;
  const char *const *environment; /* "NAME=VALUE", besides our own */
  guint deadline; /* then its process group gets SIGTERM … */
  guint grace; /* … and after this SIGKILL */
} VmdDeviceHook;

void vmd_device_hook_run_async (const VmdDeviceHook *hook, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer data);
gboolean vmd_device_hook_run_finish (GAsyncResult *result, GError **error);

G_END_DECLS
