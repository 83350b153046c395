/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the lock table reads of a request. */

#include "vmd-lock-set-private.h"

G_BEGIN_DECLS

gboolean vmd_lock_request_seal (VmdLockRequest *self, GError **error);
const VmdLockSet *vmd_lock_request_get_set (VmdLockRequest *self);
const char *vmd_lock_request_get_owner (VmdLockRequest *self);
const char *vmd_lock_request_get_reason (VmdLockRequest *self);
const char *vmd_lock_request_get_job (VmdLockRequest *self);
const char *vmd_lock_request_get_sender (VmdLockRequest *self);
gint64 vmd_lock_request_get_timeout (VmdLockRequest *self);

G_END_DECLS
