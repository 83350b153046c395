/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that vmd runs: its own in libexec, and others' in PATH. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Path of one of vmd's own helpers ("vmd-guest", "vmd-fake-vmm"): in $VMD_LIBEXECDIR if set, in the installed
 * libexec directory, else in the build tree that this library was built in. MISSING_PROGRAM names where it was looked for. */
char *vmd_helper_find (const char *name, GError **error);
/* Path of a program in PATH, /usr/sbin and /sbin included. MISSING_PROGRAM names it and the Debian package that has it. */
char *vmd_program_find (const char *name, GError **error);
/* Runs @argv to its end with no terminal and stdin from /dev/null, killing it when cancelled or late. @output (nullable): its stdout.
 * A non-zero exit is an error that carries the last lines of its stderr. */
gboolean vmd_program_run (const char *const *argv, const char *directory, char **output,
                          GCancellable *cancellable, gint64 deadline, GError **error);

G_END_DECLS
