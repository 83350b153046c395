/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* All that the child needs, made before the fork. The arrays are terminated by NULL. */
typedef struct
{
  char *const *argv;
  char *const *environment;
  int null_fd;
  int log_fd;
  int gate_fd; /* one byte: go; the end of file: never */
  int report_fd; /* errno goes here if there is no exec; closed by it if there is one */
  int parent_fd; /* pidfd of the process that forks */
  const int *fds; /* become 3, 4, … */
  guint n_fds;
} VmdLauncherChild;

void vmd_launcher_child_run (const VmdLauncherChild *child) G_GNUC_NORETURN;

G_END_DECLS
