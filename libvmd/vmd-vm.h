/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-exec.h"
#include "vmd-job.h"
#include "vmd-lock.h"
#include "vmd-vm-spec.h"

G_BEGIN_DECLS

typedef enum
{
  VMD_VM_CREATED,
  VMD_VM_RUNNING,
  VMD_VM_PAUSED,
  VMD_VM_STOPPED,
  VMD_VM_ERROR,
} VmdVmState;

typedef enum
{
  VMD_READINESS_NONE,
  VMD_READINESS_LAUNCHED, /* the hypervisor runs */
  VMD_READINESS_REACHABLE, /* SSH login works */
  VMD_READINESS_PROVISIONED, /* the guest says that seed and first-boot work are done */
} VmdReadiness;

#define VMD_TYPE_VM (vmd_vm_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdVm, vmd_vm, VMD, VM, GObject)

/* Reading: from memory, any thread, no lock, never waits. Signal "changed" in the manager's main
 * context. */
VMD_AVAILABLE_IN_0_1 const char *vmd_vm_get_id (VmdVm *self);
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_name (VmdVm *self);
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_image (VmdVm *self);
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_kernel (VmdVm *self);
VMD_AVAILABLE_IN_0_1 guint vmd_vm_get_vcpus (VmdVm *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_vm_get_memory (VmdVm *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_vm_get_disk_size (VmdVm *self);
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_network (VmdVm *self);
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_backend (VmdVm *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_vm_get_created (VmdVm *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_vm_get_launch (VmdVm *self);
VMD_AVAILABLE_IN_0_1 VmdVmState vmd_vm_get_state (VmdVm *self);
/* (nullable) why it is stopped or in error. */
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_reason (VmdVm *self);
/* (nullable) verb now at work: "start", "stop"… */
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_transition (VmdVm *self);
VMD_AVAILABLE_IN_0_1 VmdReadiness vmd_vm_get_readiness (VmdVm *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_vm_get_pid (VmdVm *self); /* 0 when it has none */
VMD_AVAILABLE_IN_0_1 gint64 vmd_vm_get_started (VmdVm *self);
VMD_AVAILABLE_IN_0_1 guint vmd_vm_get_ssh_port (VmdVm *self);
VMD_AVAILABLE_IN_0_1 char *vmd_vm_dup_guest_boot_id (VmdVm *self);

/* Locks. */
VMD_AVAILABLE_IN_0_1 VmdLock *vmd_vm_lock (VmdVm *self, const char *owner, const char *reason,
                                           GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_lock_async (VmdVm *self, const char *owner, const char *reason, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdLock *
vmd_vm_lock_finish (VmdVm *self, GAsyncResult *result, GError **error);
VMD_AVAILABLE_IN_0_1 VmdLock *vmd_workspace_lock (VmdVm *vm, const char *owner, const char *reason,
                                                  GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_workspace_lock_async (VmdVm *vm, const char *owner, const char *reason,
                          GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdLock *
vmd_workspace_lock_finish (VmdVm *vm, GAsyncResult *result, GError **error);

/* Verbs. @lock: NULL, or VM exclusive. @job: NULL, or one of vmd_manager_begin_job(). Sync ones
 * block: not on a main loop. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_start (VmdVm *self, VmdReadiness wait_for, VmdLock *lock,
                                            VmdJob *job, GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_start_async (VmdVm *self, VmdReadiness wait_for, VmdLock *lock, VmdJob *job,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_start_finish (VmdVm *self, GAsyncResult *result,
                                                   GError **error);
/* @grace: milliseconds for the guest to power off, after which it is killed. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_stop (VmdVm *self, guint grace, VmdLock *lock, VmdJob *job,
                                           GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_stop_async (VmdVm *self, guint grace, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_stop_finish (VmdVm *self, GAsyncResult *result,
                                                  GError **error);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_restart (VmdVm *self, guint grace, VmdReadiness wait_for,
                                              VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                                              GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_restart_async (VmdVm *self, guint grace, VmdReadiness wait_for, VmdLock *lock, VmdJob *job,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_restart_finish (VmdVm *self, GAsyncResult *result,
                                                     GError **error);
/* Signals at once, without a lock; then records. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_kill (VmdVm *self, VmdJob *job, GCancellable *cancellable,
                                           GError **error);
VMD_AVAILABLE_IN_0_1 void vmd_vm_kill_async (VmdVm *self, VmdJob *job, GCancellable *cancellable,
                                             GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_kill_finish (VmdVm *self, GAsyncResult *result,
                                                  GError **error);
/* @force: a running VM is killed first; else WRONG_STATE. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_delete (VmdVm *self, gboolean force, VmdLock *lock,
                                             VmdJob *job, GCancellable *cancellable,
                                             GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_delete_async (VmdVm *self, gboolean force, VmdLock *lock, VmdJob *job,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_delete_finish (VmdVm *self, GAsyncResult *result,
                                                    GError **error);
/* A step: @lock (VM exclusive) is needed. vcpus, memory, disk size and network of a VM that does
 * not run. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_configure (VmdVm *self, VmdLock *lock, const VmdVmSpec *spec,
                                                GError **error);
/* The verb around it (`set`): takes the lock itself when @lock is NULL. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_set (VmdVm *self, const VmdVmSpec *spec, VmdLock *lock,
                                          GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_set_async (VmdVm *self, const VmdVmSpec *spec, VmdLock *lock, GCancellable *cancellable,
                  GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_set_finish (VmdVm *self, GAsyncResult *result, GError **error);

/* No lock. Waits until the running VM is so far, or until it stops (WRONG_STATE). */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_wait_ready (VmdVm *self, VmdReadiness readiness,
                                                 GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_wait_ready_async (VmdVm *self, VmdReadiness readiness, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_wait_ready_finish (VmdVm *self, GAsyncResult *result,
                                                        GError **error);
/* Waits until it does not run. */
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_wait_stopped (VmdVm *self, GCancellable *cancellable,
                                                   GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_wait_stopped_async (VmdVm *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);
VMD_AVAILABLE_IN_0_1 gboolean vmd_vm_wait_stopped_finish (VmdVm *self, GAsyncResult *result,
                                                          GError **error);
/* No lock. */
VMD_AVAILABLE_IN_0_1 VmdExecResult *vmd_vm_exec (VmdVm *self, VmdExecSpec *spec, VmdJob *job,
                                                 GCancellable *cancellable, GError **error);
VMD_AVAILABLE_IN_0_1 void
vmd_vm_exec_async (VmdVm *self, VmdExecSpec *spec, VmdJob *job, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data);
VMD_AVAILABLE_IN_0_1 VmdExecResult *
vmd_vm_exec_finish (VmdVm *self, GAsyncResult *result, GError **error);
/* A descriptor, the caller's: the console's log, for reading; the live console, a connected socket.
 * -1 on error. */
VMD_AVAILABLE_IN_0_1 int vmd_vm_open_log (VmdVm *self, GError **error);
VMD_AVAILABLE_IN_0_1 int vmd_vm_open_console (VmdVm *self, GError **error);

G_END_DECLS
