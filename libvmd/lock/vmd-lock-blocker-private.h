/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who is in the way of a request. */

#include "vmd-lock-line-private.h"

G_BEGIN_DECLS

/* Who in this process is in the way of @ticket: read under the mutex, used after it. */
typedef struct
{
  VmdLockTicket *ticket; /* (nullable): a reference */
  gboolean held;
  gint64 since;
} VmdLockBlocker;

VmdLockBlocker vmd_lock_blocker_find (VmdLockLine *line, VmdLockTicket *ticket);
/* @requests_fd: the directory of the records, which are read. (transfer full) */
char *
vmd_lock_blocker_describe (const VmdLockBlocker *blocker, VmdLockTicket *ticket, int requests_fd);
/* Returns: FALSE, with NESTED_LOCK: @other is of the same owner */
gboolean vmd_lock_blocker_fail_nested (VmdLockTicket *ticket, VmdLockTicket *other, GError **error);

G_END_DECLS
