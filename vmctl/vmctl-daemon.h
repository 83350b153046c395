/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The daemon of a state directory: where it is, and how it is started. */
char *vmctl_daemon_dup_state_dir (void);
char *vmctl_daemon_dup_address (const char *state_dir);
gboolean vmctl_daemon_start (const char *state_dir, guint limit_ms, GCancellable *cancellable,
                             GError **error);

G_END_DECLS
