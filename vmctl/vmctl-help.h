/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-command.h"

G_BEGIN_DECLS

char *vmctl_help_format_overview (void);
char *vmctl_help_format_group (const char *group);
char *vmctl_help_format_command (const VmctlCommand *command);
char *vmctl_help_format_usage (const VmctlCommand *command);

G_END_DECLS
