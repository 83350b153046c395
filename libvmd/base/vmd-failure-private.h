/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The edges at which a foreign error becomes a VmdError, and the joining of errors. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean
vmd_fail_errno (GError **error, int saved_errno, const char *format, ...) G_GNUC_PRINTF (3, 4);
gboolean vmd_fail (GError **error, VmdError code, const char *format, ...) G_GNUC_PRINTF (3, 4);
void vmd_propagate_foreign (GError **error, GError *foreign, const char *prefix_format, ...)
    G_GNUC_PRINTF (3, 4);
void vmd_error_join (GError **error, GError *more);
gboolean vmd_is_cancelled (GCancellable *cancellable, GError **error);
void vmd_blank_controls (char *text);

G_END_DECLS
