/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The user's terminal, which must be as it was when vmctl ends, however it ends. */
gboolean vmctl_terminal_make_raw (GError **error);
void vmctl_terminal_restore (void);
gboolean vmctl_terminal_get_size (int fd, guint *columns, guint *rows);

G_END_DECLS
