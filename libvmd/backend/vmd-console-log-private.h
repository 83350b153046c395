/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-error.h"

G_BEGIN_DECLS

/* At this size a console's file is cut, and then so much of its end is kept. */
#define VMD_CONSOLE_LOG_MAX (16 * 1024 * 1024)
#define VMD_CONSOLE_LOG_KEPT (8 * 1024 * 1024)

char *vmd_console_log_dup_path (const char *vm_dir);
gboolean vmd_console_log_trim (const char *path, GError **error);

G_END_DECLS
