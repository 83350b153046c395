/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which process is meant: a pid alone is reused, so the kernel's boot id and the start time go with
 * it. */

#include "vmd-error.h"

#include <sys/types.h>

G_BEGIN_DECLS

typedef struct
{
  char boot_id[37]; /* /proc/sys/kernel/random/boot_id, "" if none */
  pid_t pid; /* 0 if none */
  guint64 start_time; /* field 22 of /proc/<pid>/stat, in clock ticks since boot */
} VmdProcessId;

void vmd_process_id_self (VmdProcessId *id);
gboolean vmd_process_id_read (pid_t pid, VmdProcessId *id);
gboolean vmd_process_id_equal (const VmdProcessId *a, const VmdProcessId *b);
gboolean vmd_process_id_is_alive (const VmdProcessId *id);
int vmd_process_id_open (const VmdProcessId *id);
gboolean vmd_process_id_kill (const VmdProcessId *id, int signal, GError **error);
gboolean vmd_process_id_reap (const VmdProcessId *id, int *wait_status);

G_END_DECLS
