/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-group.h"
#include "vmd-image.h"
#include "vmd-kernel.h"
#include "vmd-vm.h"
#include "vmd-workspace.h"

G_BEGIN_DECLS

#define VMD_TYPE_MANAGER (vmd_manager_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdManager, vmd_manager, VMD, MANAGER, GObject)

/* Opens a state directory (NULL: the user's own), recovers what a crash left, re-adopts running
 * VMs. @backend: NULL or "qemu", or "fake". Blocks for as long as that takes; guests are not waited
 * for. Signals are emitted in the thread-default context of the caller:
 *   "vm-added" (VmdVm) "vm-removed" (VmdVm) "image-added"/"image-removed" (VmdImage; an update is
 *   removed + added), "kernel-added"/"kernel-removed" (VmdKernel),
 *   "workspace-added"/"workspace-removed" (VmdWorkspace; update = both), "job-added"/"job-removed"
 *   (VmdJob), "device-added"/"device-removed"/"device-changed" (VmdDevice),
 *   "group-added"/"group-removed"/"group-changed" (VmdDeviceGroup). */
VMD_AVAILABLE_IN_0_1 VmdManager *vmd_manager_open (const char *state_dir, const char *backend,
                                                   GCancellable *cancellable, GError **error);
/* Cancels what this process has under way, waits for it, closes. Running VMs go on. */
VMD_AVAILABLE_IN_0_1 void vmd_manager_close (VmdManager *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_manager_get_state_dir (VmdManager *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_manager_get_runtime_dir (VmdManager *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_manager_get_backend_name (VmdManager *self);

/* Reading: from memory, any thread. Lists are (transfer full) snapshots, sorted by name. */
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_vms (VmdManager *self);
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_images (VmdManager *self);
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_kernels (VmdManager *self);
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_workspaces (VmdManager *self);
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_jobs (VmdManager *self);
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_locks (VmdManager *self);
/* By id, name or unique prefix of either. NOT_FOUND, AMBIGUOUS (names those that fit),
 * INVALID_ARGUMENT. (transfer full) */
VMD_AVAILABLE_IN_0_1 VmdVm *
vmd_manager_find_vm (VmdManager *self, const char *name_or_id, GError **error);
/* By its whole id only; those being deleted too. (transfer full) (nullable) */
VMD_AVAILABLE_IN_0_1 VmdVm *vmd_manager_lookup_vm (VmdManager *self, const char *id);
VMD_AVAILABLE_IN_0_1 VmdImage *
vmd_manager_find_image (VmdManager *self, const char *name, GError **error);
/* NULL: the default one. */
VMD_AVAILABLE_IN_0_1 VmdKernel *
vmd_manager_find_kernel (VmdManager *self, const char *version, GError **error);
VMD_AVAILABLE_IN_0_1 VmdJob *
vmd_manager_find_job (VmdManager *self, const char *id, GError **error);

/* Jobs. @id: NULL, or the caller's choice ([A-Za-z0-9_]{1,64}); EXISTS when taken. */
VMD_AVAILABLE_IN_0_1 VmdJob *
vmd_manager_begin_job (VmdManager *self, const char *kind, const char *target, const char *owner,
                       const char *id, GError **error);

/* Locks. */
VMD_AVAILABLE_IN_0_1 VmdLock *vmd_manager_lock (VmdManager *self, VmdLockRequest *request,
                                                GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_manager_lock_async (VmdManager *self, VmdLockRequest *request, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdLock *
vmd_manager_lock_finish (VmdManager *self, GAsyncResult *result, GError **error);
VMD_AVAILABLE_IN_0_1 VmdLock *
vmd_manager_try_lock (VmdManager *self, VmdLockRequest *request, GError **error);

/* Verbs. */
VMD_AVAILABLE_IN_0_1 VmdVm *
vmd_manager_create_vm (VmdManager *self, const VmdVmSpec *spec, VmdJob *job,
                       GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_manager_create_vm_async (VmdManager *self, const VmdVmSpec *spec, VmdJob *job,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdVm *
vmd_manager_create_vm_finish (VmdManager *self, GAsyncResult *result, GError **error);
/* A root file system as a tar (any compression libarchive knows), read from @fd (taken). */
VMD_AVAILABLE_IN_0_1 VmdImage *
vmd_manager_import_image (VmdManager *self, const char *name, int fd, const char *source,
                          VmdJob *job, GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_manager_import_image_async (VmdManager *self, const char *name, int fd, const char *source,
                                VmdJob *job, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdImage *
vmd_manager_import_image_finish (VmdManager *self, GAsyncResult *result, GError **error);
VMD_AVAILABLE_IN_0_1 VmdImage *
vmd_manager_build_tiny_image (VmdManager *self, const char *name, VmdJob *job,
                              GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_manager_build_tiny_image_async (VmdManager *self, const char *name, VmdJob *job,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdImage *
vmd_manager_build_tiny_image_finish (VmdManager *self, GAsyncResult *result, GError **error);
/* A kernel .deb, or a vmlinuz; @modules_fd: -1, or a tar of its lib/modules/<version> directory.
 * Both descriptors are taken. */
VMD_AVAILABLE_IN_0_1 VmdKernel *
vmd_manager_import_kernel (VmdManager *self, int fd, int modules_fd, const char *source,
                           VmdJob *job, GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_manager_import_kernel_async (VmdManager *self, int fd, int modules_fd, const char *source,
                                 VmdJob *job, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdKernel *
vmd_manager_import_kernel_finish (VmdManager *self, GAsyncResult *result, GError **error);
/* The default kernel, fetched from Debian's linux-image-cloud-amd64 when there is none yet. */
VMD_AVAILABLE_IN_0_1 VmdKernel *
vmd_manager_ensure_kernel (VmdManager *self, VmdJob *job, GCancellable *cancellable,
                           GError **error);

/* Devices and their groups. Lists are sorted by id and by name. Finding: a device's id, or what
 * names a VM; a group's name. (transfer full) */
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_devices (VmdManager *self);
VMD_AVAILABLE_IN_0_1 VmdDevice *
vmd_manager_find_device (VmdManager *self, const char *name_or_id, GError **error);
VMD_AVAILABLE_IN_0_1 GListModel *vmd_manager_list_groups (VmdManager *self);
VMD_AVAILABLE_IN_0_1 VmdDeviceGroup *
vmd_manager_find_group (VmdManager *self, const char *name, GError **error);
/* @schema: (nullable) JSON. EXISTS; INVALID_ARGUMENT. */
VMD_AVAILABLE_IN_0_1 void
vmd_manager_add_device_async (VmdManager *self, const char *id, const char *schema,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdDevice *
vmd_manager_add_device_finish (VmdManager *self, GAsyncResult *result, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_manager_add_group_async (VmdManager *self, const char *name, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdDeviceGroup *
vmd_manager_add_group_finish (VmdManager *self, GAsyncResult *result, GError **error);

G_END_DECLS
