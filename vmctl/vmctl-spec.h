/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-arguments.h"

G_BEGIN_DECLS

/* The options that say what a VM has. */
#define VMCTL_SPEC_OPTIONS                                                                         \
  { "vcpus", 0, VMCTL_OPTION_COUNT, "N", "Virtual processors" },                                   \
      { "memory", 0, VMCTL_OPTION_SIZE, "SIZE", "Memory, as in 512M or 2GiB" },                    \
      { "disk", 0, VMCTL_OPTION_SIZE, "SIZE", "Size of the disk, as in 8G" },                      \
  {                                                                                                \
    "network", 0, VMCTL_OPTION_TEXT, "KIND", "Network: user or none"                               \
  }

GVariant *vmctl_spec_from_arguments (const VmctlArguments *arguments, const char *name);

G_END_DECLS
