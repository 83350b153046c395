/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  VMD_LOCK_VM, /* name: VM id */
  VMD_LOCK_WORKSPACE, /* name: VM id */
  VMD_LOCK_IMAGE, /* name: image name */
  VMD_LOCK_KERNEL, /* name: kernel version */
  VMD_LOCK_CREATE, /* leaf, no name */
  VMD_LOCK_PUBLISH, /* leaf, no name */
} VmdLockKind;

typedef enum
{
  VMD_LOCK_SHARED,
  VMD_LOCK_EXCLUSIVE
} VmdLockMode;

#define VMD_TYPE_LOCK_REQUEST (vmd_lock_request_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdLockRequest, vmd_lock_request, VMD, LOCK_REQUEST,
                                           GObject)

VMD_AVAILABLE_IN_0_1 VmdLockRequest *vmd_lock_request_new (const char *owner, const char *reason);
VMD_AVAILABLE_IN_0_1 void
vmd_lock_request_add (VmdLockRequest *self, VmdLockKind kind, const char *name, VmdLockMode mode);
/* How long to wait: milliseconds; 0 not at all; -1 (default) as long as it takes. */
VMD_AVAILABLE_IN_0_1 void vmd_lock_request_set_timeout (VmdLockRequest *self, gint64 milliseconds);
VMD_AVAILABLE_IN_0_1 void vmd_lock_request_set_job (VmdLockRequest *self, const char *job_id);
VMD_AVAILABLE_IN_0_1 void vmd_lock_request_set_sender (VmdLockRequest *self, const char *sender);

#define VMD_TYPE_LOCK (vmd_lock_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdLock, vmd_lock, VMD, LOCK, GObject)

VMD_AVAILABLE_IN_0_1 void vmd_lock_release (VmdLock *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_lock_is_held (VmdLock *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_lock_covers (VmdLock *self, VmdLockKind kind, const char *name,
                                               VmdLockMode mode);
VMD_AVAILABLE_IN_0_1 const char *vmd_lock_get_owner (VmdLock *self);

/* Who holds or waits, for lists and messages. */
#define VMD_TYPE_LOCK_INFO (vmd_lock_info_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdLockInfo, vmd_lock_info, VMD, LOCK_INFO, GObject)

/* "vm/<id>:exclusive workspace/<id>:shared" */
VMD_AVAILABLE_IN_0_1 const char *vmd_lock_info_get_resources (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_lock_info_get_held (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_lock_info_get_owner (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_lock_info_get_reason (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_lock_info_get_job (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_lock_info_get_sender (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_lock_info_get_pid (VmdLockInfo *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_lock_info_get_since (VmdLockInfo *self);

G_END_DECLS
