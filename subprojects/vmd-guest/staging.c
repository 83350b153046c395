/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Imports that a power failure cut: their half-made trees are removed at the next boot, before
 * anyone can log in. The register lies on the guest's disk, where whoever is root in the guest may
 * have written anything: an entry may be no file, too long, or name another directory. It is
 * believed only if the path it names has the form of a staging directory's, and everything else
 * costs nothing but the entry. A good entry may be led astray, too, by who may write on the way to
 * what it names: unpack follows no link, so none is followed here. */

#include "staging.h"
#include "file.h"
#include "report.h"
#include "tree.h"
#include "unpack-directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Absolute, without "." and ".." components, and the last one begins as a staging directory's
 * does. */
bool
staging_path_is_valid (const char *path)
{
  const char *name;

  if (path[0] != '/' || strlen (path) >= PATH_MAX)
    return false;
  for (const char *part = path; part != NULL; part = strchr (part + 1, '/'))
    {
      size_t length = strcspn (part + 1, "/");

      if (length == 0 || (length == 1 && part[1] == '.') ||
          (length == 2 && part[1] == '.' && part[2] == '.'))
        return false;
    }

  name = strrchr (path, '/') + 1;
  return strncmp (name, STAGING_PREFIX, strlen (STAGING_PREFIX)) == 0 &&
         name[strlen (STAGING_PREFIX)] != '\0';
}

/* Removes the directory that the entry at @path names. False when the entry must stay for another
 * try. */
static bool
clear_entry (const char *path)
{
  char target[PATH_MAX];
  autofd int root = -1;
  autofd int parent = -1;
  struct stat status;
  char *slash;

  /* Not a link, nor a pipe at which a boot would wait for ever. */
  if (lstat (path, &status) < 0 || !S_ISREG (status.st_mode) ||
      !file_read_line (path, target, sizeof target) || !staging_path_is_valid (target))
    {
      report_note ("%s names no staging directory, and is dropped", path);
      return true;
    }

  slash = strrchr (target, '/');
  *slash = '\0';
  root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  parent = root >= 0 ? unpack_directory_open (root, slash > target ? target + 1 : "") : -1;
  if (parent < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
           report_errno ("cannot reach the left-over import in %s", target);
  if (remove_tree_at (parent, slash + 1) < 0)
    return report_errno ("cannot remove the left-over import %s/%s", target, slash + 1);

  report_note ("removed the left-over import %s/%s", target, slash + 1);
  return true;
}

/* Removes what cut imports left, and then their entries in @register_path. */
void
staging_clear (const char *register_path)
{
  char path[PATH_MAX];
  struct dirent *entry;
  DIR *directory = opendir (register_path);

  if (directory == NULL)
    return;
  while ((entry = readdir (directory)) != NULL)
    {
      if (entry->d_name[0] == '.')
        continue;
      snprintf (path, sizeof path, "%s/%s", register_path, entry->d_name);
      if (clear_entry (path))
        remove_tree_at (dirfd (directory), entry->d_name);
    }
  closedir (directory);
}
