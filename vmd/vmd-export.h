/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-service.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/* One connection's view of the service: an object manager at /org/vmd/Vmd1 and a skeleton for each
 * object of the library. On a bus there is one for the bus; without a bus, one for each peer. */
#define VMD_TYPE_EXPORT (vmd_export_get_type ())
G_DECLARE_FINAL_TYPE (VmdExport, vmd_export, VMD, EXPORT, GObject)

#define VMD_OBJECT_PATH "/org/vmd/Vmd1"

/* @peer: "p1", "p2"… on a connection without a bus, else NULL. */
VmdExport *vmd_export_new (VmdService *service, GDBusConnection *connection, const char *peer);
/* Takes everything off the connection, and cancels what its clients had under way. */
void vmd_export_stop (VmdExport *self);

VmdService *vmd_export_get_service (VmdExport *self);
VmdManager *vmd_export_get_manager (VmdExport *self);
GDBusConnection *vmd_export_get_connection (VmdExport *self);
const char *vmd_export_get_peer (VmdExport *self); /* (nullable) */

/* Puts @skeleton at @path, or takes it away. @path is relative: "vms/…". */
void vmd_export_add (VmdExport *self, const char *path, GDBusInterfaceSkeleton *skeleton);
void vmd_export_remove (VmdExport *self, const char *path);

/* Paths, relative ones. (transfer full) */
char *vmd_export_vm_path (VmdVm *vm);
char *vmd_export_image_path (VmdImage *image);
char *vmd_export_kernel_path (VmdKernel *kernel);
char *vmd_export_workspace_path (VmdWorkspace *workspace);
char *vmd_export_job_path (VmdJob *job);
char *vmd_export_device_path (VmdDevice *device);
char *vmd_export_group_path (VmdDeviceGroup *group);
/* Absolute. (transfer full) */
char *vmd_export_absolute (const char *relative_path);
/* One element of a path, and the text that it was made of, NULL when it is not so made. (transfer
 * full) */
char *vmd_export_escape_element (const char *text);
char *vmd_export_unescape_element (const char *element);

/* One file each: makes the skeleton, fills it, keeps it true. */
GDBusInterfaceSkeleton *vmd_export_manager_new (VmdExport *self);
GDBusInterfaceSkeleton *vmd_export_vm_new (VmdExport *self, VmdVm *vm);
GDBusInterfaceSkeleton *vmd_export_image_new (VmdExport *self, VmdImage *image);
GDBusInterfaceSkeleton *vmd_export_kernel_new (VmdExport *self, VmdKernel *kernel);
GDBusInterfaceSkeleton *vmd_export_workspace_new (VmdExport *self, VmdWorkspace *workspace);
GDBusInterfaceSkeleton *vmd_export_job_new (VmdExport *self, VmdJob *job);

G_END_DECLS
