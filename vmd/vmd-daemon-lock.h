/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include <gio/gio.h>
#include <vmd.h>

G_BEGIN_DECLS

/* One daemon per state directory: a lock on <state-dir>/daemon, whose content is the first one's
 * address. Held until the process ends. BUSY names that address. */
gboolean vmd_daemon_lock_take (const char *state_dir, const char *address, GError **error);

G_END_DECLS
