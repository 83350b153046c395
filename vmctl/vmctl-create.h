/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-arguments.h"
#include "vmctl-client.h"

G_BEGIN_DECLS

char *vmctl_create_vm (VmctlClient *client, const VmctlArguments *arguments, const char *name,
                       GError **error);

G_END_DECLS
