/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-arguments.h"
#include "vmctl-call.h"
#include "vmctl-resolve.h"

G_BEGIN_DECLS

/* One method on several objects at once. */
typedef struct
{
  const char *verb; /* "start", for labels and messages */
  GDBusInterfaceInfo *(*get_info) (void); /* of the interface */
  const char *method;
  gboolean has_job;
  gboolean takes_lock;
  /* (nullable) The one object that has the method: it takes what the target was called. */
  const char *path;
  /* (nullable) adds arguments and options. */
  void (*prepare) (VmctlCall *call, const VmctlArguments *arguments);
  /* (nullable) says what there is to say of one that it worked on. */
  void (*report) (VmctlClient *client, const VmctlTarget *target);
} VmctlBatch;

int vmctl_batch_run (VmctlClient *client, const VmctlBatch *batch, GPtrArray *targets,
                     const VmctlArguments *arguments);
int vmctl_batch_run_on_objects (VmctlClient *client, const VmctlBatch *batch,
                                const VmctlObjectKind *kind, const VmctlArguments *arguments,
                                GError **error);
int vmctl_batch_run_on_vms (VmctlClient *client, const VmctlBatch *batch,
                            const VmctlArguments *arguments);

G_END_DECLS
