/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Directories below a top, reached without ever following a symbolic link or leaving the top.
 * Names are relative, of components that are neither empty, "." nor ".."; "" is the top. On
 * failure errno says why: ELOOP or ENOTDIR where a component is a link or no directory. */

#include "unpack-directory.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* One system call for any depth. Returns an O_PATH descriptor, or -1. */
int
unpack_directory_open (int top_fd, const char *name)
{
  struct open_how how = {
    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
  };

  return (int) syscall (SYS_openat2, top_fd, name[0] != '\0' ? name : ".", &how, sizeof how);
}

/* Makes and opens the components of @name from @begin on, which lie below *@fd; replaces *@fd. */
static bool
make_levels (int *fd, char *name, size_t begin, mode_t mode)
{
  while (name[begin] != '\0')
    {
      size_t length = strcspn (name + begin, "/");
      char after = name[begin + length];
      int next;

      name[begin + length] = '\0';
      if (mkdirat (*fd, name + begin, mode) < 0 && errno != EEXIST)
        return false;
      next = openat (*fd, name + begin, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (next < 0)
        return false;
      name[begin + length] = after;
      close (*fd);
      *fd = next;
      begin += length + (after == '/');
    }

  return true;
}

/* Opens @name, and makes what is missing of it, from the deepest level that is there. @existed
 * (nullable): how many bytes of @name were there already. */
int
unpack_directory_make (int top_fd, const char *name, mode_t mode, size_t *existed)
{
  char part[PATH_MAX];
  size_t length = strlen (name);
  autofd int fd = -1;
  int result;

  if (length >= sizeof part)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  memcpy (part, name, length + 1);
  fd = unpack_directory_open (top_fd, part);
  while (fd < 0 && errno == ENOENT && length > 0)
    {
      char *slash = memrchr (part, '/', length);

      length = slash != NULL ? (size_t) (slash - part) : 0;
      part[length] = '\0';
      fd = unpack_directory_open (top_fd, part);
    }
  if (existed != NULL)
    *existed = length;
  if (fd < 0)
    return -1;

  memcpy (part, name, strlen (name) + 1);
  if (!make_levels (&fd, part, length + (part[length] == '/'), mode))
    return -1;
  result = fd;
  fd = -1;
  return result;
}

/* Removes again what unpack_directory_make() made, as far as it is empty. */
void
unpack_directory_unmake (int top_fd, const char *name, size_t existed)
{
  char part[PATH_MAX];
  size_t length = strlen (name);

  memcpy (part, name, length + 1);
  while (length > existed)
    {
      char *slash = memrchr (part, '/', length);
      const char *last = slash != NULL ? slash + 1 : part;
      autofd int fd = -1;

      length = slash != NULL ? (size_t) (slash - part) : 0;
      if (slash != NULL)
        *slash = '\0';
      fd = unpack_directory_open (top_fd, slash != NULL ? part : "");
      if (fd < 0 || unlinkat (fd, last, AT_REMOVEDIR) < 0)
        return;
    }
}
