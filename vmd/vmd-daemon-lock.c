/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-daemon-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
vmd_daemon_lock_take (const char *state_dir, const char *address, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, "daemon", NULL);
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  char other[1024] = "";
  int fd;

  fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_STORE, "Cannot open %s: %s", path,
                   g_strerror (errno));
      return FALSE;
    }
  if (fcntl (fd, F_OFD_SETLK, &lock) < 0)
    {
      if (pread (fd, other, sizeof other - 1, 0) <= 0)
        g_strlcpy (other, "(starting)", sizeof other);
      g_set_error (error, VMD_ERROR, VMD_ERROR_BUSY, "Another vmd serves %s already, at %s",
                   state_dir, g_strchomp (other));
      close (fd);
      return FALSE;
    }
  /* The descriptor stays open for as long as the process lives: it is the lock. */
  if (ftruncate (fd, 0) < 0 || pwrite (fd, address, strlen (address), 0) < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_STORE, "Cannot write %s: %s", path,
                   g_strerror (errno));
      close (fd);
      return FALSE;
    }
  return TRUE;
}
