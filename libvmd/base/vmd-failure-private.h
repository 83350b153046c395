/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The edges at which a foreign error becomes a VmdError, and the joining of errors. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Sets @error from @saved_errno: ENOSPC, EDQUOT → NO_SPACE; EACCES, EPERM → PERMISSION_DENIED; ENOENT → NOT_FOUND;
 * EEXIST → EXISTS; ETIMEDOUT → TIMED_OUT; the rest FAILED. The message is "<formatted>: <strerror>".
 * Always returns FALSE. */
gboolean vmd_fail_errno (GError **error, int saved_errno, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Sets @error with @code. Always returns FALSE, so that `return vmd_fail (error, …)` reads well. */
gboolean vmd_fail (GError **error, VmdError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Turns @foreign (consumed; G_IO_ERROR, G_FILE_ERROR, G_SPAWN_ERROR, JSON …) into a VmdError in @error, with
 * "<prefix>: " before its message. A VmdError keeps its code. G_IO_ERROR_CANCELLED → CANCELLED, and so on. */
void vmd_propagate_foreign (GError **error, GError *foreign, const char *prefix_format, ...)
    G_GNUC_PRINTF (3, 4);

/* Adds what went wrong while undoing to the error that made the undoing necessary: *@error keeps its code, its
 * message gains "; and then: <message>". *@error NULL: @more becomes it. Consumes @more (nullable). */
void vmd_error_join (GError **error, GError *more);

/* TRUE, and @error set with CANCELLED, when @cancellable is. */
gboolean vmd_is_cancelled (GCancellable *cancellable, GError **error);

G_END_DECLS
