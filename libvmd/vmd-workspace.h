/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-job.h"
#include "vmd-lock.h"
#include "vmd-vm.h"

G_BEGIN_DECLS

#define VMD_TYPE_WORKSPACE (vmd_workspace_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdWorkspace, vmd_workspace, VMD, WORKSPACE, GObject)

VMD_AVAILABLE_IN_0_1 const char *vmd_workspace_get_vm_id (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_workspace_get_path (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 char *vmd_workspace_dup_repository (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 char *vmd_workspace_dup_head (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 char *vmd_workspace_dup_branch (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 char *vmd_workspace_dup_mode (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_workspace_get_launch (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_workspace_get_n_files (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_workspace_get_bytes (VmdWorkspace *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_workspace_get_imported (VmdWorkspace *self);

/* Imports what a VmdSource on the other end of @source_fd (taken) has into @guest_path. @mode:
 * "full-copy". @lock: NULL, or workspace exclusive. @replace: put the new tree in the place of the
 * workspace that is there (else EXISTS when a workspace row or a non-empty directory is in the
 * way). The VM must be running. */
VMD_AVAILABLE_IN_0_1 VmdWorkspace *
vmd_workspace_prepare (VmdVm *vm, const char *guest_path, int source_fd, const char *mode,
                       gboolean replace, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                       GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_workspace_prepare_async (VmdVm *vm, const char *guest_path, int source_fd, const char *mode,
                             gboolean replace, VmdLock *lock, VmdJob *job,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdWorkspace *
vmd_workspace_prepare_finish (VmdVm *vm, GAsyncResult *result, GError **error);

G_END_DECLS
