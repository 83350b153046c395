/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The directory is replaced by exchanging it, in one step of the kernel's, with one that was
 * written beside it; what was there before is then removed. Its parent is root's and its name is
 * ours, so nobody else has anything there. Nothing is synced: all of it lies in memory. */

#include "config-files.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "/run/vmd/config" and "next" make "/run/vmd/.config.next". */
static bool
name_beside (const char *path, const char *suffix, char *beside, size_t size)
{
  const char *slash = strrchr (path, '/');
  int parent = slash != NULL ? (int) (slash - path) + 1 : 0;

  errno = ENAMETOOLONG;
  return (size_t) snprintf (beside, size, "%.*s.%s.%s", parent, path, path + parent, suffix) < size;
}

/* With the files in it, if it is there. A directory in it is not ours, and stays. */
static bool
remove_directory (const char *path)
{
  DIR *directory;
  const struct dirent *entry;
  bool good = true;
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return errno == ENOENT;
  directory = fdopendir (fd);
  if (directory == NULL)
    {
      close (fd);
      return false;
    }
  while (good && (entry = readdir (directory)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      good = unlinkat (fd, entry->d_name, 0) == 0;
  closedir (directory);

  return good && rmdir (path) == 0;
}

static bool
write_file (int directory, const char *name, const char *bytes, size_t length)
{
  autofd int fd =
      openat (directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

  return fd >= 0 && file_write_fd (fd, bytes, length);
}

static bool
fill_directory (const char *path, const struct config_snapshot *snapshot)
{
  autofd int directory = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  bool good = directory >= 0;

  for (size_t i = 0; good && i < snapshot->n_entries; i++)
    good = write_file (directory, snapshot->entries[i].key, snapshot->entries[i].content,
                       snapshot->entries[i].length);

  return good;
}

/* One file for each key, in @path. False with errno. */
bool
config_files_write_directory (const char *path, const struct config_snapshot *snapshot)
{
  char fresh[PATH_MAX];

  if (!name_beside (path, "next", fresh, sizeof fresh) || !remove_directory (fresh) ||
      mkdir (fresh, 0777) < 0 || !fill_directory (fresh, snapshot))
    return false;
  if (renameat2 (AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
    return true;

  return errno == EEXIST && renameat2 (AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) == 0 &&
         remove_directory (fresh);
}

/* The snapshot as it came, and the end of a line. False with errno. */
bool
config_files_write_output (const char *path, const struct config_snapshot *snapshot)
{
  char fresh[PATH_MAX];
  autofd int fd = -1;

  if (!name_beside (path, "next", fresh, sizeof fresh) || (unlink (fresh) < 0 && errno != ENOENT))
    return false;
  fd = open (fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

  return fd >= 0 && file_write_fd (fd, snapshot->payload, snapshot->payload_length) &&
         file_write_fd (fd, "\n", 1) && rename (fresh, path) == 0;
}
