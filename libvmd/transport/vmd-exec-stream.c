/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-exec-private.h"

#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The caller's descriptors are most often shared with another process: a terminal, a pipe of
 * somebody's shell. O_NONBLOCK belongs to the open file, not to the descriptor, so setting it would
 * change what that process reads and writes with. Hence: sockets are told each time not to wait;
 * pipes and terminals are opened anew, which gives an open file of our own; and where that is
 * refused (another user's), we do with what poll() promises, and write no more than fits.
 *
 * A terminal's master is not opened anew: that would make another terminal. */

/* poll() says that a pipe can be written when it has room for this much. */
#define PROMISED_ROOM 4096

/* Opening anew is allowed or refused by what this process may, and a daemon may more than who gave
 * it the descriptor. What the caller has not opened for this direction, or not really opened at all
 * (O_PATH), he perhaps may not. */
static gboolean
is_open_for (int fd, gboolean for_writing)
{
  int flags = fcntl (fd, F_GETFL);
  int mode = flags & O_ACCMODE;

  return flags >= 0 && (flags & O_PATH) == 0 &&
         (mode == O_RDWR || mode == (for_writing ? O_WRONLY : O_RDONLY));
}

static gboolean
can_be_reopened (int fd, gboolean for_writing)
{
  struct stat status;
  unsigned int number;

  if (!is_open_for (fd, for_writing) || fstat (fd, &status) < 0)
    return FALSE;
  if (S_ISFIFO (status.st_mode))
    return TRUE;
  return S_ISCHR (status.st_mode) && isatty (fd) && ioctl (fd, TIOCGPTN, &number) < 0;
}

/* Returns: a descriptor that takes the place of @fd (consumed) and that the functions below do not
 *   block
 * on */
int
vmd_exec_stream_open (int fd, gboolean for_writing)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  int own;

  if (fd < 0 || !can_be_reopened (fd, for_writing))
    return fd;
  own = open (path, (for_writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0)
    return fd;
  close (fd);
  return own;
}

/* After poll(). Returns: as read(); EAGAIN when there is nothing after all */
gssize
vmd_exec_stream_read (int fd, void *data, gsize length)
{
  gssize n = recv (fd, data, length, MSG_DONTWAIT);

  return n >= 0 || errno != ENOTSOCK ? n : read (fd, data, length);
}

/* After poll(), else it may wait. Never raises SIGPIPE. Returns: as write(), perhaps less than
 * all */
gssize
vmd_exec_stream_write (int fd, const void *data, gsize length)
{
  int flags = fcntl (fd, F_GETFL);
  struct stat status;

  if (flags >= 0 && (flags & O_NONBLOCK) == 0 && fstat (fd, &status) == 0 &&
      (S_ISFIFO (status.st_mode) || S_ISCHR (status.st_mode)))
    length = MIN (length, PROMISED_ROOM);
  return vmd_write_quietly (fd, data, length);
}
