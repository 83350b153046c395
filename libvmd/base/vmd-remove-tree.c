/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-state-dir-private.h"

#include "vmd-failure-private.h"
#include "vmd-poll-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every step goes by a descriptor of the parent and never through a symlink, so that nobody who can
 * write into the tree leads us out of it. What cannot be removed does not stop the rest: each fault
 * is joined to the first. */

/* Of so many faults, only the first ones are told. */
#define FAULTS_TOLD 4

typedef struct
{
  dev_t device; /* where the tree is: what is mounted in it is not ours to remove */
  guint faults;
  GError *error; /* nullable */
} Removal;

typedef DIR Directory;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Directory, closedir)

static void remove_entry (Removal *removal, int parent, const char *name, const char *path);

G_GNUC_PRINTF (3, 4)
static void
note_fault (Removal *removal, int saved_errno, const char *format, ...)
{
  g_autofree char *doing = NULL;
  GError *fault = NULL;
  va_list arguments;

  if (++removal->faults > FAULTS_TOLD)
    return;
  va_start (arguments, format);
  doing = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  vmd_fail_errno (&fault, saved_errno, "%s", doing);
  vmd_error_join (&removal->error, fault);
}

/* Opens a directory to empty it, giving ourselves the right to where it is only a matter of modes:
 * an unpacked tree may have directories of mode 0500 or 0. */
static int
open_to_empty (int parent, const char *name)
{
  vmd_autofd int fd = openat (parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  char link[64];
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    return -1;
  if ((status.st_mode & 0700) != 0700)
    {
      g_snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
      if (chmod (link, 0700) < 0)
        return -1;
    }

  return openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
empty_directory (Removal *removal, int parent, const char *name, const char *path)
{
  vmd_autofd int fd = open_to_empty (parent, name);
  g_autoptr (Directory) directory = NULL;
  struct stat status;
  struct dirent *entry;

  if (fd < 0 || fstat (fd, &status) < 0)
    {
      note_fault (removal, errno, "cannot look into %s", path);
      return;
    }
  if (status.st_dev != removal->device)
    {
      note_fault (removal, EBUSY, "something is mounted at %s", path);
      return;
    }
  directory = fdopendir (fd);
  if (directory == NULL)
    {
      note_fault (removal, errno, "cannot read %s", path);
      return;
    }
  vmd_steal_fd (&fd);
  while ((entry = readdir (directory)) != NULL)
    {
      g_autofree char *child = NULL;

      if (g_str_equal (entry->d_name, ".") || g_str_equal (entry->d_name, ".."))
        continue;
      child = g_build_filename (path, entry->d_name, NULL);
      remove_entry (removal, dirfd (directory), entry->d_name, child);
    }
}

static void
remove_entry (Removal *removal, int parent, const char *name, const char *path)
{
  struct stat status;
  gboolean is_directory;

  if (fstatat (parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    {
      if (errno != ENOENT)
        note_fault (removal, errno, "cannot look at %s", path);
      return;
    }
  is_directory = S_ISDIR (status.st_mode);
  if (is_directory)
    empty_directory (removal, parent, name, path);
  if (unlinkat (parent, name, is_directory ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
    note_fault (removal, errno, "cannot remove %s", path);
}

/* rm -rf of a file or a directory of our own. Follows no symlink and enters no other file system.
 * Goes on after an error and joins what went wrong. A @path that is not there is success. */
gboolean
vmd_remove_tree (const char *path, GError **error)
{
  Removal removal = { 0 };
  struct stat status;

  if (lstat (path, &status) < 0)
    return errno == ENOENT || vmd_fail_errno (error, errno, "cannot look at %s", path);
  removal.device = status.st_dev;
  remove_entry (&removal, AT_FDCWD, path, path);
  if (removal.error == NULL)
    return TRUE;
  if (removal.faults > FAULTS_TOLD)
    g_prefix_error (&removal.error,
                    "%u things cannot be removed; the first ones: ", removal.faults);
  g_propagate_error (error, removal.error);

  return FALSE;
}
