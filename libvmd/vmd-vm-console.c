/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "vmd-console-log-private.h"
#include "vmd-vm-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The console is a file that the hypervisor appends to, launch after launch, and a socket for
 * whoever wants to type. What a guest writes there is the guest's: any bytes, any amount. */

#define TAIL_BYTES 4096
#define TAIL_LINES 15
#define CONNECT_DEADLINE_MS 2000

/* Where the last lines of @text begin. */
static const char *
find_last_lines (const char *text)
{
  const char *start = text + strlen (text);

  for (guint n = 0; start > text; start--)
    if (start[-1] == '\n' && n++ == TAIL_LINES)
      break;
  return start;
}

/* Returns: (transfer full): the last lines of the console as the end of an error's message; "" when
 *   there are none */
char *
vmd_vm_dup_console_tail (VmdVm *self)
{
  g_autofree char *vm_dir = vmd_vm_dup_dir (self);
  vmd_autofd int fd = vmd_console_log_open (vm_dir);
  g_autofree char *buffer = g_malloc0 (TAIL_BYTES + 1);
  g_autofree char *text = NULL;
  struct stat status;
  gsize length;

  /* So few bytes that none of them is in the hole that a long log begins with. */
  G_STATIC_ASSERT (TAIL_BYTES <= VMD_CONSOLE_LOG_KEPT);
  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
    return g_strdup ("");
  length = vmd_console_log_read (fd, buffer, TAIL_BYTES, MAX (status.st_size - TAIL_BYTES, 0));
  for (gsize i = 0; i < length; i++)
    if (buffer[i] == '\0')
      buffer[i] = ' ';
  text = g_utf8_make_valid (buffer, (gssize) length);
  vmd_blank_controls (text);
  g_strchomp (text);
  if (*text == '\0')
    return g_strdup ("");
  return g_strdup_printf ("; the last lines of its console:\n%s", find_last_lines (text));
}

/**
 * vmd_vm_open_log:
 *
 * Opens what the guest has written to its console, in all its launches. Of one that has written
 * more than 16 MiB the beginning is given back to the disk, also while it is being read: that is a
 * hole of the file, which reads as NUL bytes and which lseek() with SEEK_DATA skips. Needs no lock
 * and does not wait.
 *
 * Returns: a descriptor for reading, at the first byte that is still there, the caller's to close;
 *   -1 with %VMD_ERROR_NOT_FOUND when the VM was never started
 *
 * Since: 0.1
 */
int
vmd_vm_open_log (VmdVm *self, GError **error)
{
  g_autofree char *vm_dir = NULL;
  g_autofree char *name = NULL;
  int fd;

  g_return_val_if_fail (VMD_IS_VM (self), -1);
  vm_dir = vmd_vm_dup_dir (self);
  fd = vmd_console_log_open (vm_dir);
  if (fd >= 0)
    return fd;
  name = vmd_vm_dup_name (self);
  if (errno == ENOENT)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "VM “%s” has no console log: it was never started", name);
  else
    vmd_fail_errno (error, errno, "Cannot open the console log of VM “%s”", name);
  return -1;
}

/**
 * vmd_vm_open_console:
 *
 * Connects to the guest's console: what is written is typed there, what is read was printed from
 * now on. The hypervisor serves one client at a time: the next one's turn comes when the one before
 * has closed. Needs no lock; waits for two seconds at most.
 *
 * Returns: a connected socket, the caller's to close; -1 with
 *   %VMD_ERROR_WRONG_STATE when the VM does not run
 *
 * Since: 0.1
 */
int
vmd_vm_open_console (VmdVm *self, GError **error)
{
  g_autoptr (VmdMachine) machine = NULL;
  gint64 deadline = vmd_deadline_in (CONNECT_DEADLINE_MS);
  GCancellable *closing;

  g_return_val_if_fail (VMD_IS_VM (self), -1);
  closing = vmd_manager_get_cancellable (self->manager);
  machine = vmd_vm_ref_machine (self, closing, deadline, error);
  if (machine == NULL)
    return -1;
  return vmd_machine_connect_console (machine, closing, deadline, error);
}
