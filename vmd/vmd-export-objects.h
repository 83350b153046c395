/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-export.h"

G_BEGIN_DECLS

/* The object manager of a connection: GetManagedObjects(), and what comes and goes. */
typedef struct _VmdExportObjects VmdExportObjects;

/* @manager is there from the beginning. */
VmdExportObjects *vmd_export_objects_new (VmdExport *export, GDBusInterfaceSkeleton *manager);
void vmd_export_objects_free (VmdExportObjects *self);

/* Puts @skeleton at @path, an absolute one, or takes it away again; and tells of it. */
void
vmd_export_objects_add (VmdExportObjects *self, const char *path, GDBusInterfaceSkeleton *skeleton);
void vmd_export_objects_remove (VmdExportObjects *self, const char *path);

/* Tells of what others serve. @properties may be floating. */
void vmd_export_objects_tell_added (VmdExportObjects *self, const char *path, const char *interface,
                                    GVariant *properties);
void
vmd_export_objects_tell_removed (VmdExportObjects *self, const char *path, const char *interface);

G_END_DECLS
