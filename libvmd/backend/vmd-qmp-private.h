/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client of the QEMU Machine Protocol. */

#include "vmd-error.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _VmdQmp VmdQmp;

VmdQmp *vmd_qmp_open (int fd, GCancellable *cancellable, gint64 deadline, GError **error);
JsonNode *vmd_qmp_execute (VmdQmp *self, const char *command, JsonObject *arguments,
                           GCancellable *cancellable, gint64 deadline, GError **error);
void vmd_qmp_free (VmdQmp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdQmp, vmd_qmp_free)

G_END_DECLS
