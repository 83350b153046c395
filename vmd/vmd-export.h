/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-service.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/* One connection's view of the service: an object manager at /org/vmd/Vmd1 and all objects of the
 * library. On a bus there is one for the bus; without a bus, one for each peer. */
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

/* Puts an object of this connection at @path, or takes it away. @path is relative: "locks/…". To
 * be added only before vmd_export_stop(). */
void vmd_export_add (VmdExport *self, const char *path, GDBusInterfaceSkeleton *skeleton);
void vmd_export_remove (VmdExport *self, const char *path);

/* Absolute. (transfer full) */
char *vmd_export_absolute (const char *relative_path);
/* Makes the skeleton, fills it, keeps it true. */
GDBusInterfaceSkeleton *vmd_export_manager_new (VmdExport *self);

G_END_DECLS
