/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* rm -rf of a tree that somebody else wrote.
 *
 * Such a tree may be as deep as its writer liked: a walk that keeps a descriptor or a stack frame
 * for each level runs out of them, and one by path names runs into PATH_MAX and can be led out of
 * the tree by a directory that becomes a symbolic link meanwhile. So the tree is made flat while
 * it is removed. Invariant: only the top and one directory directly in it are ever open. What
 * that directory has is unlinked; its own directories are first moved up into the top, under a
 * name nobody uses, and have their turn later. Two descriptors and no recursion, for any depth; a
 * symbolic link is only ever unlinked, never opened (O_NOFOLLOW); another file system mounted in
 * the tree is left alone, and makes the removal fail. */

#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_dot (const char *name)
{
  return strcmp (name, ".") == 0 || strcmp (name, "..") == 0;
}

/* Opens the directory @name in @parent_fd, if it is one and on @device. */
static DIR *
open_directory (int parent_fd, const char *name, const dev_t *device)
{
  struct stat status;
  DIR *directory;
  int fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return NULL;
  if (device != NULL && (fstat (fd, &status) < 0 || status.st_dev != *device))
    {
      close (fd);
      errno = EXDEV;
      return NULL;
    }
  /* Only root may take entries out of a directory that nobody may write in. */
  fchmod (fd, 0700);

  directory = fdopendir (fd);
  if (directory == NULL)
    close (fd);
  return directory;
}

/* How many directories were moved up; gives them their names, and tells a pass that it has more
 * to do. */
static unsigned long hoisted;

/* Moves the directory @name in @from_fd into @top_fd under a new name. */
static int
hoist (int from_fd, const char *name, int top_fd)
{
  char fresh[64];

  for (;;)
    {
      snprintf (fresh, sizeof fresh, ".vmd-removed-%lu", hoisted++);
      if (renameat2 (from_fd, name, top_fd, fresh, RENAME_NOREPLACE) == 0)
        return 0;
      if (errno != EEXIST)
        return -1;
    }
}

/* Empties the directory @name in @top_fd and removes it. What cannot go stays; the first error is
 * told. */
static int
remove_level (int top_fd, const char *name, const dev_t *device)
{
  DIR *directory = open_directory (top_fd, name, device);
  struct dirent *entry;
  int first_error = 0;

  if (directory == NULL)
    return -1;
  while ((entry = readdir (directory)) != NULL)
    {
      int fd = dirfd (directory);

      if (is_dot (entry->d_name) || unlinkat (fd, entry->d_name, 0) == 0)
        continue;
      /* Linux says EISDIR for a directory, POSIX EPERM. */
      if ((errno != EISDIR && errno != EPERM) || hoist (fd, entry->d_name, top_fd) < 0)
        first_error = first_error != 0 ? first_error : errno;
    }
  closedir (directory);
  if (first_error == 0 && unlinkat (top_fd, name, AT_REMOVEDIR) == 0)
    return 0;

  errno = first_error != 0 ? first_error : errno;
  return -1;
}

/* One pass over the top. *@progress tells whether anything went, so that what was hoisted
 * meanwhile gets its pass too. */
static int
remove_pass (DIR *top, const dev_t *device, bool *progress)
{
  unsigned long hoisted_before = hoisted;
  struct dirent *entry;
  int first_error = 0;

  *progress = false;
  rewinddir (top);
  while ((entry = readdir (top)) != NULL)
    {
      if (is_dot (entry->d_name))
        continue;
      if (unlinkat (dirfd (top), entry->d_name, 0) == 0 ||
          ((errno == EISDIR || errno == EPERM) &&
           remove_level (dirfd (top), entry->d_name, device) == 0))
        *progress = true;
      else if (errno != ENOENT && first_error == 0)
        first_error = errno;
    }
  *progress |= hoisted != hoisted_before;

  return first_error;
}

/* Removes @name in @directory_fd and all below it, never following a symbolic link. What is not
 * there is removed. As much goes as can go. Returns 0, or -1 with errno from what could not. */
int
remove_tree_at (int directory_fd, const char *name)
{
  struct stat status;
  bool progress = true;
  int failure = 0;
  DIR *top;

  if (unlinkat (directory_fd, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return -1;

  top = open_directory (directory_fd, name, NULL);
  if (top == NULL || fstat (dirfd (top), &status) < 0)
    return -1;
  while (progress)
    failure = remove_pass (top, &status.st_dev, &progress);
  closedir (top);

  if (unlinkat (directory_fd, name, AT_REMOVEDIR) == 0)
    return 0;
  errno = failure != 0 ? failure : errno;
  return -1;
}
