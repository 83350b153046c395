/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows: what is kept, as C structs, and the statements on them. All functions run inside a
 * VmdStoreFunc. A row struct is plain data with one owner; `_copy`, `_free` and autoptr for
 * each. */

#include "../base/vmd-process-private.h"
#include "vmd-error.h"

#include <sqlite3.h>

G_BEGIN_DECLS

/* -- vms (vmd-rows-vm.c) -- */
typedef struct
{
  char *id;
  char *name; /* UNIQUE while not tombstoned */
  char *image_name; /* what the user asked for */
  char *image; /* sha256 of the base image at create: an updated name does not change a VM */
  char *ssh_server; /* (nullable) of that base image: "dropbear", "openssh", "none" */
  char *kernel; /* kernel version */
  guint vcpus;
  guint64 memory; /* bytes */
  guint64 disk_size; /* bytes */
  char *network; /* "user" or "none" */
  char *backend; /* "qemu", "fake" */
  gint64 created; /* wall clock, microseconds */
  guint64 launch; /* number of the last launch, 0: never launched */
  char *reason; /* (nullable) why it stopped, or why its record is bad */
  gboolean bad; /* the record could not be used: state "error" */
  gboolean deleted; /* tombstone: name and addresses are free, tear-down is under way */
} VmdVmRow;

void vmd_vm_row_free (VmdVmRow *row);
VmdVmRow *vmd_vm_row_copy (const VmdVmRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdVmRow, vmd_vm_row_free)

/* With the device that it is. EXISTS names the VM that has the name; NOT_FOUND when the image or
 * kernel row is gone. */
gboolean vmd_vm_row_insert (sqlite3 *db, const VmdVmRow *row, GError **error);
/* NULL without error: no such row. Tombstoned rows are found. */
VmdVmRow *vmd_vm_row_load (sqlite3 *db, const char *id, GError **error);
/* (element-type VmdVmRow) (transfer full) */
GPtrArray *vmd_vm_row_load_all (sqlite3 *db, GError **error);
/* Name, vcpus, memory, disk_size, network, by id; NOT_FOUND when gone or tombstoned. */
gboolean vmd_vm_row_update (sqlite3 *db, const VmdVmRow *row, GError **error);
gboolean vmd_vm_row_set_reason (sqlite3 *db, const char *id, const char *reason, gboolean bad,
                                GError **error);
/* Frees the name in the same statement, and removes the device that the VM is. */
gboolean vmd_vm_row_tombstone (sqlite3 *db, const char *id, GError **error);
/* The last step of a delete: VM, device, launches, resources, workspaces. */
gboolean vmd_vm_row_remove (sqlite3 *db, const char *id, GError **error);

/* -- launches and what they made (vmd-rows-launch.c) -- */
typedef struct
{
  char *vm;
  guint64 launch;
  VmdProcessId process; /* pid 0: the row is written, the process not yet made */
  char *socket; /* control socket (QMP) */
  guint port; /* SSH on 127.0.0.1, 0: not known yet */
  char *guest_boot_id; /* (nullable) as the guest said */
  gint64 started; /* wall clock, microseconds */
} VmdLaunchRow;

void vmd_launch_row_free (VmdLaunchRow *row);
VmdLaunchRow *vmd_launch_row_copy (const VmdLaunchRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdLaunchRow, vmd_launch_row_free)

/* Raises vms.launch by one and inserts the launch, or fails with WRONG_STATE if there is one.
 * Returns the number, 0 on error. */
guint64 vmd_launch_row_begin (sqlite3 *db, const char *vm, const char *socket, gint64 started,
                              GError **error);
gboolean vmd_launch_row_set_process (sqlite3 *db, const char *vm, guint64 launch,
                                     const VmdProcessId *process, GError **error);
gboolean
vmd_launch_row_set_port (sqlite3 *db, const char *vm, guint64 launch, guint port, GError **error);
gboolean vmd_launch_row_set_guest_boot_id (sqlite3 *db, const char *vm, guint64 launch,
                                           const char *boot_id, GError **error);
VmdLaunchRow *vmd_launch_row_load (sqlite3 *db, const char *vm, GError **error);
GPtrArray *vmd_launch_row_load_all (sqlite3 *db, GError **error);
/* Launch and resources go; vms.reason is set. Only if @launch is still the one (changed says
 * so). */
gboolean vmd_launch_row_end (sqlite3 *db, const char *vm, guint64 launch, const char *reason,
                             gboolean *changed, GError **error);

typedef struct
{
  char *kind; /* "process", "directory", "file", "socket" */
  char *name; /* path, or "<pid> <start time> <boot id>" */
} VmdResource;
void vmd_resource_free (VmdResource *resource);
/* Before the thing is made. Idempotent. */
gboolean vmd_resource_record (sqlite3 *db, const char *vm, guint64 launch, const char *kind,
                              const char *name, GError **error);
gboolean vmd_resource_forget (sqlite3 *db, const char *vm, guint64 launch, const char *kind,
                              const char *name, GError **error);
/* (element-type VmdResource), in the order recorded. */
GPtrArray *vmd_resource_load (sqlite3 *db, const char *vm, guint64 launch, GError **error);

/* -- claims (vmd-rows-transition.c) -- */
typedef struct
{
  char *vm;
  char *verb; /* "start", "stop", "restart", "delete", "set", "kill" */
  guint64 launch;
  VmdProcessId owner;
  char *token; /* random: which claim of this owner */
  char *who; /* for messages: "vmctl stop (pid 1234)" */
  gint64 since; /* wall clock, microseconds */
  gboolean cancel; /* somebody wants this claim to end */
} VmdTransitionRow;

void vmd_transition_row_free (VmdTransitionRow *row);
VmdTransitionRow *vmd_transition_row_copy (const VmdTransitionRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdTransitionRow, vmd_transition_row_free)

/* Inserts; a row whose owner is dead is replaced. FALSE with BUSY, and *@holder set, when there is
 * a live one. */
gboolean vmd_transition_row_claim (sqlite3 *db, const VmdTransitionRow *row,
                                   VmdTransitionRow **holder, GError **error);
VmdTransitionRow *vmd_transition_row_load (sqlite3 *db, const char *vm, GError **error);
GPtrArray *vmd_transition_row_load_all (sqlite3 *db, GError **error);
gboolean
vmd_transition_row_request_cancel (sqlite3 *db, const char *vm, const char *token, GError **error);
/* Removes only the claim with @token. */
gboolean
vmd_transition_row_release (sqlite3 *db, const char *vm, const char *token, GError **error);

/* -- images (vmd-rows-image.c) -- */
typedef struct
{
  char *name;
  char *digest; /* sha256 of the file, hex; file: images/<digest>.raw */
  guint64 size; /* bytes allocated on disk */
  guint64 virtual_size; /* bytes of the disk */
  char *source; /* "tiny", or where it came from */
  char *ssh_server; /* "dropbear", "openssh", "none" */
  gint64 created;
} VmdImageRow;

void vmd_image_row_free (VmdImageRow *row);
VmdImageRow *vmd_image_row_copy (const VmdImageRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdImageRow, vmd_image_row_free)
/* Inserts, or points the name at another digest. */
gboolean vmd_image_row_put (sqlite3 *db, const VmdImageRow *row, GError **error);
VmdImageRow *vmd_image_row_load (sqlite3 *db, const char *name, GError **error);
GPtrArray *vmd_image_row_load_all (sqlite3 *db, GError **error);
/* IN_USE, naming the VMs, when a VM (tombstoned ones too) was made from the image this name points
 * at. */
gboolean vmd_image_row_remove (sqlite3 *db, const char *name, GError **error);
/* How many names and VMs refer to @digest: 0 means that the file may go. */
gboolean vmd_image_digest_count (sqlite3 *db, const char *digest, guint *count, GError **error);

/* -- kernels (vmd-rows-kernel.c) -- */
typedef struct
{
  char *version; /* as uname -r */
  char *source; /* package or file it came from */
  guint64 size;
  gboolean is_default;
  gint64 created;
} VmdKernelRow; /* files: kernels/<version>/vmlinuz, kernels/<version>/modules.cpio */

void vmd_kernel_row_free (VmdKernelRow *row);
VmdKernelRow *vmd_kernel_row_copy (const VmdKernelRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdKernelRow, vmd_kernel_row_free)
gboolean vmd_kernel_row_put (sqlite3 *db, const VmdKernelRow *row, GError **error);
VmdKernelRow *vmd_kernel_row_load (sqlite3 *db, const char *version, GError **error);
GPtrArray *vmd_kernel_row_load_all (sqlite3 *db, GError **error);
/* IN_USE, naming the VMs (tombstoned ones too) that boot it. */
gboolean vmd_kernel_row_remove (sqlite3 *db, const char *version, GError **error);

/* -- workspaces (vmd-rows-workspace.c) -- */
typedef struct
{
  char *vm;
  char *path; /* in the guest */
  char *repository; /* what the source calls itself: for people, never opened */
  char *head; /* commit, or "" before the first one */
  char *branch; /* (nullable) */
  char *mode; /* "full-copy" */
  char *manifest; /* (nullable) digest of what was last pushed; files: workspaces/<digest> */
  guint64 launch;
  guint64 files;
  guint64 bytes;
  gint64 imported; /* wall clock, microseconds */
} VmdWorkspaceRow;

void vmd_workspace_row_free (VmdWorkspaceRow *row);
VmdWorkspaceRow *vmd_workspace_row_copy (const VmdWorkspaceRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdWorkspaceRow, vmd_workspace_row_free)
/* The write under the re-check: INSERT … SELECT … WHERE EXISTS (a VM of this id, not tombstoned, at
 * this launch, with a launch row whose process lives, and no stop, kill, restart or delete of it
 * claimed by a live owner), or UPDATE … with the same condition. Never an upsert that could bring a
 * VM back. VM_STOPPED when the condition fails. */
gboolean vmd_workspace_row_write (sqlite3 *db, const VmdWorkspaceRow *row, GError **error);
/* Puts back what an import that failed had replaced, whatever has become of the VM; where there is
 * no row any more, none is made. */
gboolean vmd_workspace_row_restore (sqlite3 *db, const VmdWorkspaceRow *row, GError **error);
VmdWorkspaceRow *
vmd_workspace_row_load (sqlite3 *db, const char *vm, const char *path, GError **error);
GPtrArray *vmd_workspace_row_load_all (sqlite3 *db, GError **error);
gboolean vmd_workspace_row_remove (sqlite3 *db, const char *vm, const char *path, GError **error);

G_END_DECLS
