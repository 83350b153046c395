/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-call.h"

G_BEGIN_DECLS

/* How much PropertiesChanged says of a property. */
typedef enum
{
  VMD_PROPERTY_CONSTANT, /* nothing */
  VMD_PROPERTY_TOLD, /* its value */
  VMD_PROPERTY_INVALIDATED, /* that it may be another */
} VmdPropertyNews;

typedef struct
{
  const char *name; /* NULL ends an array */
  GVariant *(*get) (gpointer object); /* (transfer floating) */
  VmdPropertyNews news;
} VmdProperty;

/* Objects of one kind, of which there may be very many: served without a skeleton for each. */
typedef struct
{
  const char *path; /* "devices" */
  GDBusInterfaceInfo *(*get_info) (void);
  const VmdProperty *properties;
  const VmdMethod *methods;
  const char *changed_signal; /* of the manager */
  const char *removed_signal;
  GListModel *(*list) (VmdManager *manager); /* (transfer full) */
  GObject *(*find) (VmdManager *manager, const char *name); /* (transfer full) (nullable) */
  const char *(*get_name) (gpointer object); /* what its path is made of */
} VmdSubtreeKind;

typedef struct _VmdExportSubtree VmdExportSubtree;

/* Puts all objects of @kind on @export's connection, until it is freed. */
VmdExportSubtree *vmd_export_subtree_new (VmdExport *export, const VmdSubtreeKind *kind);
void vmd_export_subtree_free (VmdExportSubtree *self);

extern const VmdSubtreeKind vmd_subtree_kind_device;
extern const VmdSubtreeKind vmd_subtree_kind_group;

G_END_DECLS
