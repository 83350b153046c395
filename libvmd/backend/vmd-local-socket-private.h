/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sockets in the runtime directory, at whose other end is a hypervisor. */

#include "../base/vmd-process-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean vmd_local_socket_check_path (const char *path, GError **error);
int vmd_local_socket_connect (const char *path, const VmdProcessId *process,
                              GCancellable *cancellable, gint64 deadline, GError **error);

G_END_DECLS
