/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-objects.h"

G_BEGIN_DECLS

/* What one argument means. */
typedef struct
{
  char *given; /* what was written */
  char *path; /* (nullable) the object */
  GError *error; /* (nullable) why there is none, or what became of the work on it */
} VmctlTarget;

GPtrArray *vmctl_resolve_vms (VmctlClient *client, const char *const *names);
char *vmctl_resolve_vm (VmctlClient *client, const char *name, GError **error);
GPtrArray *vmctl_resolve_devices (VmctlClient *client, const char *const *names);
char *vmctl_resolve_device (VmctlClient *client, const char *name, GError **error);
GPtrArray *vmctl_resolve_groups (VmctlClient *client, const char *const *names);
char *vmctl_resolve_group (VmctlClient *client, const char *name, GError **error);
GPtrArray *vmctl_resolve_objects (VmctlClient *client, const VmctlObjectKind *kind,
                                  const char *const *names, GPtrArray **proxies, GError **error);
GDBusProxy *vmctl_resolve_find (GPtrArray *proxies, const char *path);

G_END_DECLS
