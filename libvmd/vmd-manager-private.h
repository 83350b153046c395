/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of libvmd's handles share: the services of a manager, and the caches behind its
 * lists. */

#include "archive/vmd-archive-private.h"
#include "backend/vmd-backend-private.h"
#include "backend/vmd-process-watcher-private.h"
#include "base/vmd-clock-private.h"
#include "base/vmd-failure-private.h"
#include "base/vmd-worker-private.h"
#include "lock/vmd-lock-table-private.h"
#include "store/vmd-rows-private.h"
#include "store/vmd-store-private.h"
#include "transport/vmd-transport-private.h"
#include "vmd-job-private.h"
#include "vmd-manager.h"

G_BEGIN_DECLS

/* Services: made at open, never change until close. (transfer none) */
VmdStore *vmd_manager_get_store (VmdManager *self);
VmdLockTable *vmd_manager_get_lock_table (VmdManager *self);
VmdWorker *vmd_manager_get_worker (VmdManager *self);
VmdBackend *vmd_manager_get_backend (VmdManager *self);
VmdTransport *vmd_manager_get_transport (VmdManager *self);
VmdConnectionPool *vmd_manager_get_connection_pool (VmdManager *self);
VmdProcessWatcher *vmd_manager_get_process_watcher (VmdManager *self);
VmdClock *vmd_manager_get_clock (VmdManager *self);
/* Cancelled at close: one cancellable for the whole service. */
GCancellable *vmd_manager_get_cancellable (VmdManager *self);
/* Between these two, the close waits. A verb's bracket calls them. */
void vmd_manager_enter_verb (VmdManager *self);
void vmd_manager_leave_verb (VmdManager *self);

/* Paths (transfer full): <state-dir>/vms/<id>, <runtime-dir>/<first 12 of id>, images/<digest>.raw,
 * kernels/<version>. */
char *vmd_manager_dup_vm_dir (VmdManager *self, const char *vm_id);
char *vmd_manager_dup_vm_runtime_dir (VmdManager *self, const char *vm_id);
char *vmd_manager_dup_image_path (VmdManager *self, const char *digest);
char *vmd_manager_dup_kernel_dir (VmdManager *self, const char *version);
/* A new private directory below <state-dir>/staging, made; staging of dead processes is reaped at
 * open. */
char *vmd_manager_make_staging (VmdManager *self, GError **error);

/* Every verb has a job. @job NULL: one is begun for it. Chained: the caller's @cancellable and the
 * manager's cancel it.
 *   g_autoptr (VmdVerb) verb = vmd_verb_begin (manager, job, "import", target, cancellable, error);
 *   … wait on vmd_verb_get_cancellable (verb) …
 *   return vmd_verb_end (verb, &local_error, error);      // finishes the job, explains an abort
 */
typedef struct _VmdVerb VmdVerb;
VmdVerb *vmd_verb_begin (VmdManager *manager, VmdJob *job, const char *kind, const char *target,
                         GCancellable *cancellable, GError **error);
VmdJob *vmd_verb_get_job (VmdVerb *self);
GCancellable *vmd_verb_get_cancellable (VmdVerb *self);
/* Finishes the job with *@local (nullable) and moves it to @error. TRUE when there was none. */
gboolean vmd_verb_end (VmdVerb *self, GError **local, GError **error);
void
vmd_verb_free (VmdVerb *self); /* finishes the job as failed if vmd_verb_end() was not reached */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdVerb, vmd_verb_free)

/* Guest jobs: work in a guest that must end, with VM_STOPPED, when that launch of the VM ends or
 * when stop, kill, restart or delete is claimed for it, by whichever process. Registered while the
 * work runs. */
typedef struct _VmdGuestGuard VmdGuestGuard;
VmdGuestGuard *
vmd_guest_guard_new (VmdManager *manager, VmdJob *job, const char *vm_id, guint64 launch);
void vmd_guest_guard_free (VmdGuestGuard *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdGuestGuard, vmd_guest_guard_free)
/* TRUE while this is a live launch that nobody has claimed to end. From memory. */
gboolean
vmd_guest_guard_check (VmdManager *manager, const char *vm_id, guint64 launch, GError **error);

/* For prepare, export, exec: phase (a) of DESIGN 3.10: is it running? Where is its guest?
 * WRONG_STATE names the state and the next step. From memory. */
VmdGuestAddress *vmd_vm_dup_address (VmdVm *self, GError **error);
VmdManager *vmd_vm_get_manager (VmdVm *self); /* (transfer none) */
char *vmd_vm_dup_dir (VmdVm *self);

/* Handles made by the caches (vmd-manager-reload.c); rows are copied. */
VmdImage *vmd_image_new (VmdManager *manager, const VmdImageRow *row);
VmdKernel *vmd_kernel_new (VmdManager *manager, const VmdKernelRow *row);
VmdWorkspace *vmd_workspace_new (VmdManager *manager, const VmdWorkspaceRow *row);
/* From memory: (transfer full) (nullable). */
VmdWorkspace *vmd_manager_lookup_workspace (VmdManager *self, const char *vm_id, const char *path);

/* A lock for the length of a verb: @lock given: checked and begun to be used; NULL: requested.
 * Freed: released, or its use ended. */
typedef struct _VmdHold VmdHold;
VmdHold *vmd_hold_new (VmdManager *manager, VmdLock *lock, VmdLockKind kind, const char *name,
                       VmdLockMode mode, const char *reason, VmdJob *job, GCancellable *cancellable,
                       GError **error);
void vmd_hold_free (VmdHold *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdHold, vmd_hold_free)

G_END_DECLS
