/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directory `requests`: who holds and who waits, in every process, for lists and messages. */

#include "vmd-lock-info-private.h"

G_BEGIN_DECLS

typedef struct _VmdLockRecord VmdLockRecord;

/* @requests_fd is the directory; the caller's. None of these waits for anybody. */
VmdLockRecord *vmd_lock_record_new (int requests_fd, VmdLockRequest *request, gint64 since);
void vmd_lock_record_set_held (VmdLockRecord *self, gint64 since);
void vmd_lock_record_free (VmdLockRecord *self);
GPtrArray *vmd_lock_record_read_all (int requests_fd, VmdLockRecord *except);

G_END_DECLS
