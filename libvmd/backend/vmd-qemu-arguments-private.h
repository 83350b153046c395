/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-accelerator-private.h"
#include "vmd-backend-private.h"

G_BEGIN_DECLS

/* What QEMU's command line is made of. */
typedef struct
{
  const char *program; /* path of QEMU */
  const VmdLaunchPlan *plan;
  VmdAccelerator accelerator;
  int network_fd; /* number, in QEMU, of the socket that leads out; -1: there is none */
} VmdQemuArguments;

char **vmd_qemu_arguments_build (const VmdQemuArguments *arguments);

G_END_DECLS
