/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-export-objects.h"
#include "vmd-object-kind.h"

G_BEGIN_DECLS

typedef struct _VmdExportSubtree VmdExportSubtree;

/* Puts all objects of @kind on @export's connection, until it is freed. @objects is told of what
 * comes and goes; not owned. */
VmdExportSubtree *
vmd_export_subtree_new (VmdExport *export, const VmdObjectKind *kind, VmdExportObjects *objects);
void vmd_export_subtree_free (VmdExportSubtree *self);

G_END_DECLS
