/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"

G_BEGIN_DECLS

/* All that there is of one kind, in one question. */
typedef struct
{
  GDBusInterfaceInfo *(*get_info) (void);
  const char *key; /* the property that names one */
  const char *order; /* the property that they are sorted by */
  const char *word; /* what people call one: "image" */
  const char *list_command; /* what shows them */
} VmctlObjectKind;

extern const VmctlObjectKind vmctl_object_kind_vm;
extern const VmctlObjectKind vmctl_object_kind_image;
extern const VmctlObjectKind vmctl_object_kind_kernel;
extern const VmctlObjectKind vmctl_object_kind_workspace;
extern const VmctlObjectKind vmctl_object_kind_job;

GPtrArray *vmctl_objects_list (VmctlClient *client, const VmctlObjectKind *kind, GError **error);
const char *vmctl_object_get_key (GDBusProxy *proxy, const VmctlObjectKind *kind);

G_END_DECLS
