/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-launch-resource-private.h"

#include "vmd-left-child-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"
#include "../base/vmd-state-dir-private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* How long a process that was killed may take to be gone. */
#define KILL_MILLISECONDS 10000

/* A process as the name of a resource: (transfer full). */
char *
vmd_launch_resource_dup_process_name (const VmdProcessId *process)
{
  return g_strdup_printf ("%s %d %" G_GUINT64_FORMAT, process->boot_id, (int) process->pid,
                          process->start_time);
}

static gboolean
parse_process (const char *name, VmdProcessId *process)
{
  g_auto (GStrv) parts = g_strsplit (name, " ", 4);
  guint64 pid;

  if (g_strv_length (parts) != 3 ||
      g_strlcpy (process->boot_id, parts[0], sizeof process->boot_id) >= sizeof process->boot_id ||
      !g_ascii_string_to_unsigned (parts[1], 10, 1, G_MAXINT, &pid, NULL) ||
      !g_ascii_string_to_unsigned (parts[2], 10, 0, G_MAXUINT64, &process->start_time, NULL))
    return FALSE;
  process->pid = (pid_t) pid;

  return TRUE;
}

/* Not cancellable: what is killed is gone in a moment, and half an undoing helps nobody. */
static gboolean
remove_process (const char *name, GError **error)
{
  struct pollfd ended = { .events = POLLIN };
  vmd_autofd int fd = -1;
  VmdProcessId process;
  int wait_status;

  if (!parse_process (name, &process))
    return vmd_fail (error, VMD_ERROR_STORE, "“%s” is the name of no process", name);
  fd = vmd_process_id_open (&process);
  if (fd < 0 && errno != ESRCH)
    return vmd_fail_errno (error, errno, "cannot open process %d", (int) process.pid);
  ended.fd = fd;
  if (fd >= 0 && (!vmd_process_id_kill (&process, SIGKILL, error) ||
                  !vmd_poll (&ended, 1, NULL, vmd_deadline_in (KILL_MILLISECONDS),
                             "waiting for a killed process to end", error)))
    return FALSE;
  vmd_left_child_reap (&process, &wait_status);

  return TRUE;
}

static gboolean
remove_file (const char *path, GError **error)
{
  if (unlink (path) < 0 && errno != ENOENT && errno != ENOTDIR)
    return vmd_fail_errno (error, errno, "cannot remove %s", path);

  return TRUE;
}

/* Tells @recorder what is about to be made. */
gboolean
vmd_launch_resource_record (const VmdLaunchRecorder *recorder, const char *kind, const char *name,
                            GError **error)
{
  return vmd_fault_point ("launch-resource", error) &&
         recorder->resource (recorder->data, kind, name, error) &&
         vmd_fault_point ("launch-resource-recorded", error);
}

/* Takes away what was recorded with this name, if it is still there. A process is known by its boot
 * id and its start time too, and no other is hit. */
gboolean
vmd_launch_resource_remove (const char *kind, const char *name, GError **error)
{
  if (!vmd_fault_point ("remove-resource", error))
    return FALSE;
  if (g_str_equal (kind, VMD_RESOURCE_PROCESS))
    return remove_process (name, error);
  if (g_str_equal (kind, VMD_RESOURCE_FILE) || g_str_equal (kind, VMD_RESOURCE_SOCKET))
    return remove_file (name, error);
  if (g_str_equal (kind, VMD_RESOURCE_DIRECTORY))
    return vmd_remove_tree (name, error);

  return vmd_fail (error, VMD_ERROR_UNSUPPORTED,
                   "vmd does not know resources of the kind “%s”: “%s”", kind, name);
}
