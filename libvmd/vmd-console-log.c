/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-console-log-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The hypervisor appends to this file, launch after launch, whatever the guest writes: any bytes,
 * any amount. A hostile one must not fill the host's disk with it, so it is shortened twice over.
 *
 * Before a launch nobody appends, and its end is copied into a new file: the size begins anew.
 *
 * During a launch the hypervisor has it open, and others read it. So its beginning is given back
 * to the disk as a hole, and the invariant is that every offset stays what it was: what is appended
 * goes where it would have gone, and who reads on finds what would have been there. Those who read
 * from the beginning skip the hole (SEEK_DATA). It never reaches into the last VMD_CONSOLE_LOG_KEPT
 * bytes. Cutting the beginning out (FALLOC_FL_COLLAPSE_RANGE) was rejected, since it moves all the
 * rest under the readers; so was another file in its place, of which no hypervisor can be told.
 *
 * How much a file holds is its size less the hole at its beginning. Its count of blocks was
 * rejected as a measure: file systems that compress, or reserve room ahead, have their own idea of
 * that. */

static char *
dup_path (const char *vm_dir)
{
  return g_build_filename (vm_dir, "console.log", NULL);
}

/* Where the data begins. A file system that knows no holes has it at the beginning; in one that is
 * nothing but a hole there is none, which is the end. */
static off_t
find_data (int fd, off_t size)
{
  off_t data = lseek (fd, 0, SEEK_DATA);

  if (data < 0)
    return errno == ENXIO ? size : 0;
  return data;
}

/* For reading, at the first byte that is still there. -1 with errno. */
int
vmd_console_log_open (const char *vm_dir)
{
  g_autofree char *path = dup_path (vm_dir);
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  /* Leaves the descriptor where it is, at the beginning, if there is none. */
  if (fd >= 0)
    lseek (fd, 0, SEEK_DATA);
  return fd;
}

/* Reads at most @length bytes at @offset. Returns how many there were. */
gsize
vmd_console_log_read (int fd, char *buffer, gsize length, off_t offset)
{
  gsize done = 0;

  while (done < length)
    {
      gssize n = pread (fd, buffer + done, length - done, offset + (off_t) done);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        break;
      done += (gsize) n;
    }
  return done;
}

static gboolean
is_long (const struct stat *status)
{
  return S_ISREG (status->st_mode) && status->st_size > VMD_CONSOLE_LOG_MAX;
}

/* Opens the file if it is long. TRUE with @fd -1: it is not, or there is none. Most are short, so
 * looking at a thousand of them opens none. */
static gboolean
open_long (const char *path, int *fd, struct stat *status, GError **error)
{
  *fd = -1;
  if (lstat (path, status) < 0)
    return errno == ENOENT || vmd_fail_errno (error, errno, "Cannot look at %s", path);
  if (!is_long (status))
    return TRUE;
  *fd = open (path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (*fd < 0)
    return errno == ENOENT || vmd_fail_errno (error, errno, "Cannot open %s", path);
  if (fstat (*fd, status) < 0)
    return vmd_fail_errno (error, errno, "Cannot look at %s", path);
  /* It may have been replaced in between. */
  if (!is_long (status))
    vmd_clear_fd (fd);
  return TRUE;
}

/* Keeps those away who would move the end of the same file. FALSE: one of them is at it, and will
 * do. Where files cannot be locked, nobody is kept away. */
static gboolean
claim (int fd)
{
  return flock (fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

static gboolean
copy_end (int source, off_t size, const char *path, GError **error)
{
  g_autofree char *buffer = g_malloc (VMD_CONSOLE_LOG_KEPT);
  gsize length =
      vmd_console_log_read (source, buffer, VMD_CONSOLE_LOG_KEPT, size - VMD_CONSOLE_LOG_KEPT);
  vmd_autofd int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    return vmd_fail_errno (error, errno, "Cannot open %s", path);
  return vmd_write_all (fd, buffer, length, NULL, VMD_NO_DEADLINE, error) &&
         (fsync (fd) == 0 || vmd_fail_errno (error, errno, "Cannot write %s", path));
}

/* Before a launch, when nobody appends: makes a file anew that is long, holes included. Whoever
 * reads the old one goes on reading it. */
gboolean
vmd_console_log_trim (const char *vm_dir, GError **error)
{
  g_autofree char *path = dup_path (vm_dir);
  g_autofree char *staged = g_strconcat (path, ".new", NULL);
  vmd_autofd int fd = -1;
  struct stat status;

  if (!open_long (path, &fd, &status, error))
    return FALSE;
  if (fd < 0 || !claim (fd))
    return TRUE;
  if (copy_end (fd, status.st_size, staged, error) &&
      (g_rename (staged, path) == 0 || vmd_fail_errno (error, errno, "Cannot rename %s", staged)))
    return TRUE;
  g_unlink (staged);
  return FALSE;
}

/* 0, or an errno. */
static int
punch (int fd, const struct stat *status)
{
  off_t block = MAX (status->st_blksize, 1);
  off_t end = status->st_size - VMD_CONSOLE_LOG_KEPT;
  int result;

  /* Of a part of a block nothing would be given back. */
  end -= end % block;
  do
    result = fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, end);
  while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

/**
 * vmd_console_log_move_end:
 * @fd: a long one, open for reading and writing
 *
 * Where holes cannot be punched: puts the end of the file in the place of its beginning and cuts
 * off the rest. Who appends (O_APPEND) goes on at the new end. What this costs: the few bytes that
 * were appended during it, and the place of those who read, who find that the file is shorter than
 * what they have read of it. That is less than a full disk, and than losing all of it, which
 * cutting it to nothing would. When the end cannot be written, it does come to that.
 */
gboolean
vmd_console_log_move_end (int fd, GError **error)
{
  g_autofree char *buffer = NULL;
  struct stat status;
  gsize length;
  gboolean moved;

  if (!claim (fd))
    return TRUE;
  if (fstat (fd, &status) < 0)
    return vmd_fail_errno (error, errno, "Cannot look at a console log");
  /* By another process, between the caller's look and the claim. */
  if (!is_long (&status))
    return TRUE;
  buffer = g_malloc (VMD_CONSOLE_LOG_KEPT);
  length = vmd_console_log_read (fd, buffer, VMD_CONSOLE_LOG_KEPT,
                                 status.st_size - VMD_CONSOLE_LOG_KEPT);
  lseek (fd, 0, SEEK_SET);
  moved = vmd_write_all (fd, buffer, length, NULL, VMD_NO_DEADLINE, error);
  if (ftruncate (fd, moved ? (off_t) length : 0) < 0 && moved)
    return vmd_fail_errno (error, errno, "Cannot shorten a console log");
  return moved;
}

/* During a launch, and at any time: gives the beginning of a file back that holds much. Several
 * processes may do so at once. */
gboolean
vmd_console_log_give_back (const char *vm_dir, GError **error)
{
  g_autofree char *path = dup_path (vm_dir);
  vmd_autofd int fd = -1;
  struct stat status;
  int saved_errno;

  if (!open_long (path, &fd, &status, error))
    return FALSE;
  if (fd < 0 || status.st_size - find_data (fd, status.st_size) <= VMD_CONSOLE_LOG_MAX)
    return TRUE;
  saved_errno = punch (fd, &status);
  if (saved_errno == EOPNOTSUPP || saved_errno == ENOSYS)
    return vmd_console_log_move_end (fd, error);
  return saved_errno == 0 ||
         vmd_fail_errno (error, saved_errno, "Cannot give back the beginning of %s", path);
}
