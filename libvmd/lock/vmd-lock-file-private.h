/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file `locks`, through which the processes on one state directory keep out of each other's
 * way. */

#include "vmd-lock-set-private.h"

G_BEGIN_DECLS

typedef struct _VmdLockFile VmdLockFile;

VmdLockFile *vmd_lock_file_open (int state_dir_fd, const char *state_dir, GError **error);
void vmd_lock_file_free (VmdLockFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdLockFile, vmd_lock_file_free)

/* What one request has of the file. One thread at a time. */
typedef struct _VmdLockGrip VmdLockGrip;

typedef enum
{
  VMD_LOCK_GRIP_WHOLE,
  VMD_LOCK_GRIP_PART,
  VMD_LOCK_GRIP_FAILED
} VmdLockGripResult;

VmdLockGrip *vmd_lock_grip_new (VmdLockFile *file, const VmdLockSet *set, GError **error);
VmdLockGripResult vmd_lock_grip_tighten (VmdLockGrip *self, gboolean may_queue, GError **error);
void vmd_lock_grip_free (VmdLockGrip *self);

G_END_DECLS
