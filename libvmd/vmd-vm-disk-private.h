/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A VM's disk: a qcow2 overlay on an image that nobody writes to. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean vmd_vm_disk_ensure (const char *path, const char *base, guint64 size,
                             GCancellable *cancellable, GError **error);

G_END_DECLS
