/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-main.h"

int
main (int argc, char **argv)
{
  return vmctl_main (argc, argv);
}
