/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* Reads @path into @buffer and ends it with a NUL. Returns its length; -1 with EFBIG when it does
 * not fit. Files in /proc and /sys have no size beforehand, hence the buffer. */
ssize_t
file_read (const char *path, char *buffer, size_t size)
{
  autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  size_t length = 0;

  if (fd < 0)
    return -1;
  while (length < size)
    {
      ssize_t n = read (fd, buffer + length, size - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        {
          buffer[length] = '\0';
          return (ssize_t) length;
        }
      length += (size_t) n;
    }

  errno = EFBIG;
  return -1;
}

/* The first line of @path, without its end. */
bool
file_read_line (const char *path, char *buffer, size_t size)
{
  if (file_read (path, buffer, size) < 0)
    return false;

  buffer[strcspn (buffer, "\n")] = '\0';
  return true;
}

bool
file_write_fd (int fd, const void *data, size_t length)
{
  const char *next = data;

  while (length > 0)
    {
      ssize_t n = write (fd, next, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return false;
      next += n;
      length -= (size_t) n;
    }

  return true;
}

/* Makes or replaces the content of @path; a file that is there keeps its mode. */
bool
file_write (const char *path, mode_t mode, const void *data, size_t length)
{
  autofd int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode);

  return fd >= 0 && file_write_fd (fd, data, length);
}

/* Copies the regular file @from to @to, which is new. The kernel moves the bytes: the program
 * itself is among what is copied at each boot. */
bool
file_copy (const char *from, const char *to, mode_t mode)
{
  autofd int in = open (from, O_RDONLY | O_CLOEXEC);
  autofd int out = -1;
  struct stat status;
  off_t left;

  if (in < 0 || fstat (in, &status) < 0)
    return false;
  out = open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (out < 0)
    return false;

  for (left = status.st_size; left > 0;)
    {
      ssize_t n = sendfile (out, in, NULL, (size_t) left);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return false;
      left -= n;
    }

  return true;
}

/* mkdir -p. What exists may be a link to a directory. */
bool
file_make_directories (const char *path, mode_t mode)
{
  char part[PATH_MAX];
  struct stat status;

  if ((size_t) snprintf (part, sizeof part, "%s", path) >= sizeof part)
    {
      errno = ENAMETOOLONG;
      return false;
    }
  for (char *slash = strchr (part + 1, '/'); slash != NULL; slash = strchr (slash + 1, '/'))
    {
      *slash = '\0';
      if (mkdir (part, mode) < 0 && errno != EEXIST)
        return false;
      *slash = '/';
    }
  if (mkdir (part, mode) < 0 && errno != EEXIST)
    return false;
  if (stat (part, &status) < 0)
    return false;

  errno = ENOTDIR;
  return S_ISDIR (status.st_mode);
}

bool
file_exists (const char *path)
{
  return access (path, F_OK) == 0;
}
