/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that vmd runs: its own in libexec, and others' in PATH. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

char *vmd_helper_find (const char *name, GError **error);
char *vmd_program_find (const char *name, GError **error);
gboolean vmd_program_run (const char *const *argv, const char *directory, char **output,
                          GCancellable *cancellable, gint64 deadline, GError **error);

G_END_DECLS
