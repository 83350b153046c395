/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-console-log-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a guest's console says is appended to a file by the hypervisor, for as long as the guest
 * lives and whoever else does, and the guest decides how much that is. The file is cut in place
 * and not replaced, since the hypervisor has it open, with O_APPEND: after the cut it goes on at
 * the new end. What the guest says during the cut may be lost; it is a few lines of many
 * megabytes. */

#define CHUNK (256 * 1024)

/* (transfer full) */
char *
vmd_console_log_dup_path (const char *vm_dir)
{
  return g_build_filename (vm_dir, "console.log", NULL);
}

/* Moves @size bytes at @from to the beginning of the file. */
static gboolean
move_to_front (int fd, off_t from, off_t size)
{
  g_autofree char *chunk = g_malloc (CHUNK);

  for (off_t done = 0; done < size;)
    {
      gssize n = pread (fd, chunk, (gsize) MIN (size - done, CHUNK), from + done);

      if (n == 0)
        errno = EIO;
      if (n <= 0 || pwrite (fd, chunk, (gsize) n, done) != n)
        return FALSE;
      done += n;
    }

  return TRUE;
}

/* Cuts the console's file at @path if it has become too large. Whoever else is at it is waited for
 * by nobody: it is then being cut. A file that is not there is not too large. */
gboolean
vmd_console_log_trim (const char *path, GError **error)
{
  vmd_autofd int fd = open (path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;

  if (fd < 0 && errno == ENOENT)
    return TRUE;
  if (fd < 0 || fstat (fd, &status) < 0)
    return vmd_fail_errno (error, errno, "cannot open the console's file %s", path);
  if (status.st_size <= VMD_CONSOLE_LOG_MAX || flock (fd, LOCK_EX | LOCK_NB) < 0)
    return TRUE;
  if (!move_to_front (fd, status.st_size - VMD_CONSOLE_LOG_KEPT, VMD_CONSOLE_LOG_KEPT) ||
      ftruncate (fd, VMD_CONSOLE_LOG_KEPT) < 0)
    return vmd_fail_errno (error, errno, "cannot cut the console's file %s", path);

  return TRUE;
}
