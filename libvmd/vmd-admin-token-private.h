/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What gives an administrator's rights over HTTP: a file that only the state directory's owner can
 * read. */

#include "vmd-error.h"

G_BEGIN_DECLS

/* The token in <state-dir>/channel-admin-token, which is made when there is none. Not in two
 * threads or processes at once: the caller has the channel's lock. PERMISSION_DENIED when others
 * can read the file, INVALID_ARGUMENT when what is in it is no token, STORE. (transfer full) */
char *vmd_admin_token_ensure (const char *state_dir, GError **error);

G_END_DECLS
