/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A VM from inside: what the files vmd-vm-*.c share, one for each verb. */

#include "vmd-manager-private.h"
#include "vmd-vm-snapshot-private.h"

G_BEGIN_DECLS

struct _VmdVm
{
  GObject parent;

  VmdManager *manager; /* owned: a circle, which vmd_manager_close() breaks */
  char *id;

  GMutex mutex; /* a leaf; guards what follows */
  VmdVmSnapshot *snapshot; /* replaced, never changed: vmd_vm_edit() */
  GPtrArray *waiters; /* VmdVmWaiter, one reference each */
  GPtrArray *guards; /* VmdGuestGuard, their maker's */
  GHashTable *claims; /* token → VmdJob: this process's, asked for or held */
  char *outcome_token; /* the claim that ended last in this process … */
  GError *outcome; /* … and (nullable) what it failed with */
  VmdMachine *machine; /* (nullable) of machine_launch */
  guint64 machine_launch;
  GCancellable *probe; /* (nullable) of the readiness probe of probe_launch */
  guint64 probe_launch;
  gboolean settling; /* a settling is queued or under way */
  guint64 settle_failed; /* the launch that could not be settled: not tried again by itself */
  char *host_key; /* (nullable) read once */

  /* The store's thread's alone (vmd-vm-reload.c), not guarded. */
  guint64 process_watch; /* 0: none */
  VmdProcessId watched_process;
  guint64 owner_watch; /* 0: none */
  char *watched_token;
};

/* vmd-vm.c */
VmdVm *vmd_vm_new (VmdManager *manager, const char *id);
VmdVmSnapshot *vmd_vm_ref_snapshot (VmdVm *self);
/* Changes @next; FALSE when there is nothing to change. Runs without the mutex, perhaps more than
 * once. */
typedef gboolean (*VmdVmEdit) (VmdVmSnapshot *next, gconstpointer data);
gboolean vmd_vm_edit (VmdVm *self, VmdVmEdit edit, gconstpointer data);

/* vmd-vm-reload.c: on the store's thread, or when that has ended. */
void vmd_vm_reload (VmdVm *self, sqlite3 *db);
void vmd_vm_unwatch (VmdVm *self);

/* vmd-vm-follow.c */
void vmd_vm_follow (VmdVm *self);

/* vmd-vm-exit.c */
void vmd_vm_process_exited_cb (const VmdProcessId *process, int wait_status, gpointer data);
void vmd_vm_set_exit_reason (VmdVm *self, guint64 launch, const char *reason);
gboolean vmd_vm_settle (VmdVm *self, GError **error);
gboolean vmd_vm_settle_with (VmdVm *self, VmdHold *hold, GError **error);
void vmd_vm_settle_later (VmdVm *self);

/* vmd-vm-wait.c */
typedef gboolean (*VmdVmCondition) (const VmdVmSnapshot *snapshot, gconstpointer data);
gboolean
vmd_vm_wait_until (VmdVm *self, VmdVmCondition condition, gconstpointer data,
                   GCancellable *cancellable, gint64 deadline, const char *what, GError **error);
typedef struct _VmdVmWaiter VmdVmWaiter;
void vmd_vm_waiter_unref (VmdVmWaiter *waiter);
void vmd_vm_wake_waiters (VmdVm *self);
gboolean vmd_vm_wait_for_readiness (VmdVm *self, guint64 launch, VmdReadiness readiness,
                                    GCancellable *cancellable, GError **error);

/* vmd-vm-tear-down.c */
gboolean
vmd_vm_tear_down (VmdVm *self, const VmdLaunchRow *launch, const char *reason, GError **error);

/* vmd-vm-machine.c */
VmdMachine *
vmd_vm_ref_machine (VmdVm *self, GCancellable *cancellable, gint64 deadline, GError **error);
void vmd_vm_take_machine (VmdVm *self, guint64 launch, VmdMachine *machine);
void vmd_vm_forget_machine (VmdVm *self);

/* vmd-vm-ready.c */
void vmd_vm_probe_follow (VmdVm *self);

/* vmd-vm-console.c */
char *vmd_vm_dup_console_tail (VmdVm *self);

/* vmd-guest-guard.c */
void vmd_vm_check_guards (VmdVm *self);

/* vmd-manager-following.c */
/* Whoever has to know of each change of a VM soon, and waits for nothing: on any thread, one at a
 * time, and never under a mutex. It is told of all that are there when it is set; NULL: it is told
 * nothing any more when this returns. */
typedef void (*VmdVmFollower) (VmdVm *vm, gpointer data);
void vmd_manager_set_vm_follower (VmdManager *self, VmdVmFollower follower, gpointer data);
void vmd_manager_tell_vm_follower (VmdManager *self, VmdVm *vm);

/* vmd-manager.c */
void vmd_manager_emit_changed (VmdManager *self, VmdVm *vm);
gboolean vmd_manager_is_real (VmdManager *self);
guint vmd_manager_get_boot_timeout (VmdManager *self);

/* Signal "changed" of a VM; made in vmd-vm.c. */
guint vmd_vm_get_changed_signal (void);

G_END_DECLS
