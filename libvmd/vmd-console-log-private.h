/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file in which a guest's console is kept. */

#include "vmd-error.h"

#include <sys/types.h>

G_BEGIN_DECLS

/* One that holds more is shortened to the last bytes of it. */
#define VMD_CONSOLE_LOG_MAX (16 * 1024 * 1024)
#define VMD_CONSOLE_LOG_KEPT (8 * 1024 * 1024)

int vmd_console_log_open (const char *vm_dir);
gsize vmd_console_log_read (int fd, char *buffer, gsize length, off_t offset);
gboolean vmd_console_log_trim (const char *vm_dir, GError **error);
gboolean vmd_console_log_give_back (const char *vm_dir, GError **error);
gboolean vmd_console_log_move_end (int fd, GError **error);

G_END_DECLS
