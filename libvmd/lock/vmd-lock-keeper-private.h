/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands behind a lock table and the locks that came from it, for as long as either lives. */

#include "vmd-lock-ticket-private.h"

G_BEGIN_DECLS

VmdLockKeeper *vmd_lock_keeper_new (const char *state_dir, GError **error);
VmdLockKeeper *vmd_lock_keeper_ref (VmdLockKeeper *self);
void vmd_lock_keeper_unref (VmdLockKeeper *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdLockKeeper, vmd_lock_keeper_unref)
void vmd_lock_keeper_close (VmdLockKeeper *self);

gboolean vmd_lock_keeper_admit (VmdLockKeeper *self, VmdLockTicket *ticket, GError **error);
gboolean vmd_lock_keeper_wait (VmdLockKeeper *self, VmdLockTicket *ticket, GError **error);
void vmd_lock_keeper_hand_over (VmdLockKeeper *self, VmdLockTicket *ticket);
void vmd_lock_keeper_dismiss (VmdLockKeeper *self, VmdLockTicket *ticket);

/* In vmd-lock.c: what the caller gets for a ticket that was granted. Takes a reference of its
 * own. */
VmdLock *vmd_lock_new (VmdLockTicket *ticket);

GPtrArray *vmd_lock_keeper_read_records (VmdLockKeeper *self);
void vmd_lock_keeper_set_patience (VmdLockKeeper *self, gint64 microseconds);

G_END_DECLS
