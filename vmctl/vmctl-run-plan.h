/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-arguments.h"
#include "vmctl-client.h"

#include <vmd-source.h>

G_BEGIN_DECLS

/* What "run --dry-run" prints. */
void vmctl_run_plan_print (VmctlClient *client, const VmctlArguments *arguments, VmdSource *source,
                           const char *default_image, const char *guest_path);

G_END_DECLS
