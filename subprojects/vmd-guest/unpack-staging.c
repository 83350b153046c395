/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Before or after, nothing between: the tree is built in a directory beside its place and then
 * renamed.
 *
 * Order: record (durable), staging directory, tree, flush, rename, flush of the parent, record
 * removed. A process that fails or is told to end removes what it made; one that dies with its
 * machine leaves the record, by which the next boot removes the directory. When an old tree is
 * replaced, the two change places in one step and the old one is removed under the staging name, so
 * that the record covers that as well.
 *
 * What is told to be in its place is on disk: a guest may be killed at any time, and who imported
 * has it on record by then. Without the first flush the rename may reach the disk before the data,
 * and the tree is there with empty files; without the second one there is no tree. One syncfs() for
 * all was measured to cost a fraction of an fsync() for each file. It writes what others have
 * written to that file system as well, and it cannot be interrupted: who gives up meanwhile closes
 * the channel, and finds the step taken back when the disk has answered. */

#include "unpack-staging.h"
#include "file.h"
#include "staging.h"
#include "tree.h"
#include "unpack-directory.h"
#include "unpack-failure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *
record_name (const struct unpack_staging *self)
{
  return self->name + strlen (STAGING_PREFIX);
}

static const char *
target_name (const struct unpack_staging *self)
{
  return strrchr (self->target, '/') + 1;
}

/* An absolute path of proper components, not the root itself. */
static bool
check_target (const char *target)
{
  const char *part = target;

  if (target[0] != '/' || strlen (target) >= PATH_MAX)
    return unpack_fail (UNPACK_USAGE, "'%s' is no absolute path", target);
  while (*part == '/')
    {
      size_t length = strcspn (part + 1, "/");

      if (length == 0 || length > NAME_MAX || strncmp (part + 1, ".", length) == 0 ||
          (length == 2 && strncmp (part + 1, "..", 2) == 0))
        return unpack_fail (UNPACK_USAGE, "'%s' has a component that cannot be", target);
      part += length + 1;
    }

  return true;
}

/* Splits the target, and opens its parent, made if need be. Links on the way are refused:
 * whoever may write there could lead root elsewhere. */
static bool
open_parent (struct unpack_staging *self)
{
  size_t length = strlen (self->target) - strlen (target_name (self));

  snprintf (self->parent, sizeof self->parent, "%.*s", length > 1 ? (int) length - 2 : 0,
            self->target + 1);
  self->parent_fd =
      unpack_directory_make (self->root_fd, self->parent, 0755, &self->parent_existed);
  if (self->parent_fd >= 0)
    return true;
  if (errno == ELOOP || errno == ENOTDIR)
    return unpack_fail (UNPACK_FAILED, "'/%s' is a symbolic link or no directory", self->parent);
  return unpack_fail_errno ("cannot make '/%s'", self->parent);
}

static bool
is_empty_directory (int parent_fd, const char *name)
{
  int fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *directory = fd >= 0 ? fdopendir (fd) : NULL;
  const struct dirent *entry;
  bool empty = directory != NULL;

  if (directory == NULL)
    {
      file_clear_fd (&fd);
      return false;
    }
  while (empty && (entry = readdir (directory)) != NULL)
    empty = strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0;
  closedir (directory);
  return empty;
}

/* What is in the way, told before the whole tree has travelled. The rename decides again. */
static bool
check_way (const struct unpack_staging *self)
{
  struct stat status;

  if (fstatat (self->parent_fd, target_name (self), &status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || unpack_fail_errno ("cannot look at '%s'", self->target);
  if (!S_ISDIR (status.st_mode))
    return unpack_fail (UNPACK_EXISTS, "'%s' exists and is no directory", self->target);

  return self->replace || is_empty_directory (self->parent_fd, target_name (self)) ||
         unpack_fail (UNPACK_EXISTS, "'%s' exists and is not empty", self->target);
}

/* Puts the staging directory on record, on disk before there is one. */
static bool
write_record (struct unpack_staging *self)
{
  char content[PATH_MAX + sizeof self->name + 2];
  autofd int fd = -1;
  int length = snprintf (content, sizeof content, "%s%s/%s\n", self->parent[0] != '\0' ? "/" : "",
                         self->parent, self->name);

  self->register_fd = unpack_directory_make (self->root_fd, &STAGING_REGISTER[1], 0700, NULL);
  if (self->register_fd < 0)
    return unpack_fail_errno ("cannot make '%s'", STAGING_REGISTER);
  fd = openat (self->register_fd, record_name (self),
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return unpack_fail_errno ("cannot make the record of '%s'", self->name);

  self->recorded = true;
  if (!file_write_fd (fd, content, (size_t) length) || fsync (fd) < 0)
    return unpack_fail_errno ("cannot write the record of '%s'", self->name);
  return true;
}

static bool
open_root (struct unpack_staging *self)
{
  const char *root = getenv ("VMD_GUEST_ROOT");

  root = root != NULL && root[0] != '\0' ? root : "/";
  self->root_fd = open (root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return self->root_fd >= 0 || unpack_fail_errno ("cannot open '%s'", root);
}

/* Makes the staging directory for @target, whose text stays the caller's. Below $VMD_GUEST_ROOT if
 * that is set. unpack_staging_end() is needed in any case. */
bool
unpack_staging_begin (struct unpack_staging *self, const char *target, bool replace,
                      const char *hex)
{
  memset (self, 0, sizeof *self);
  self->target = target;
  self->replace = replace;
  self->root_fd = self->register_fd = self->parent_fd = self->top_fd = -1;
  snprintf (self->name, sizeof self->name, STAGING_PREFIX "%s", hex);

  if (!check_target (target) || !open_root (self) || !open_parent (self) || !check_way (self) ||
      !write_record (self))
    return false;
  if (mkdirat (self->parent_fd, self->name, 0700) < 0)
    return unpack_fail_errno ("cannot make a directory in '/%s'", self->parent);
  self->made = true;
  /* Before the first byte: syncfs() tells of what could not be written since. */
  self->top_fd =
      openat (self->parent_fd, self->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return self->top_fd >= 0 || unpack_fail_errno ("cannot open the staging directory");
}

static bool
rename_into_place (struct unpack_staging *self, unsigned int flags)
{
  return renameat2 (self->parent_fd, self->name, self->parent_fd, target_name (self), flags) == 0;
}

/* Whoever may write in the parent may have put something else at the staging directory's name. */
static bool
is_ours (const struct unpack_staging *self)
{
  struct stat named, ours;

  return fstatat (self->parent_fd, self->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstat (self->top_fd, &ours) == 0 && named.st_dev == ours.st_dev &&
         named.st_ino == ours.st_ino;
}

/* The one step that others can see. */
static bool
put_into_place (struct unpack_staging *self)
{
  if (rename_into_place (self, RENAME_NOREPLACE))
    {
      self->made = false;
      self->published = true;
      return true;
    }
  if (errno != EEXIST)
    return unpack_fail_errno ("cannot put the tree at '%s'", self->target);
  if (!check_way (self))
    return false;
  if (!rename_into_place (self, RENAME_EXCHANGE))
    return unpack_fail_errno ("cannot replace '%s'", self->target);

  /* What was there is now in the staging directory, and goes with it. */
  self->published = true;
  self->replaced = true;
  return true;
}

static bool
flush_parent (const struct unpack_staging *self)
{
  autofd int fd = openat (self->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return fd >= 0 && fsync (fd) == 0;
}

/* When it returns true, the whole tree is in its place, and on disk. */
bool
unpack_staging_publish (struct unpack_staging *self)
{
  if (fchmod (self->top_fd, 0755) < 0)
    return unpack_fail_errno ("cannot open up the staging directory");
  if (syncfs (self->top_fd) < 0)
    return unpack_fail_errno ("cannot write the tree to the disk");
  if (!is_ours (self))
    return unpack_fail (UNPACK_FAILED, "somebody took the staging directory away");

  return put_into_place (self) &&
         (flush_parent (self) || unpack_fail_errno ("cannot write '%s' to the disk", self->target));
}

/* Undoes the publication, if there was one, as its mirror image. Whoever took the tree away
 * meanwhile has it; what it replaced comes back all the same. */
void
unpack_staging_take_back (struct unpack_staging *self)
{
  int parent = self->parent_fd;
  bool undone;

  if (!self->published)
    return;
  if (self->replaced)
    undone = rename_into_place (self, RENAME_EXCHANGE) ||
             (errno == ENOENT && rename_into_place (self, RENAME_NOREPLACE));
  else
    undone = renameat2 (parent, target_name (self), parent, self->name, RENAME_NOREPLACE) == 0 ||
             errno == ENOENT;
  if (!undone)
    fprintf (stderr, "vmd-guest: unpack: cannot take '%s' back: %s\n", self->target,
             strerror (errno));
  self->made |= undone;
  self->published = !undone;
}

/* Removes what is not published, or what was replaced, and the record. What cannot be removed
 * keeps its record. */
void
unpack_staging_end (struct unpack_staging *self)
{
  bool removed = !self->made || remove_tree_at (self->parent_fd, self->name) == 0;

  if (!removed)
    fprintf (stderr, "vmd-guest: unpack: cannot remove '/%s/%s': %s\n", self->parent, self->name,
             strerror (errno));
  if (self->recorded && removed)
    unlinkat (self->register_fd, record_name (self), 0);
  if (self->parent_fd >= 0 && unpack_failure_status () != UNPACK_OK)
    unpack_directory_unmake (self->root_fd, self->parent, self->parent_existed);
  file_clear_fd (&self->root_fd);
  file_clear_fd (&self->register_fd);
  file_clear_fd (&self->parent_fd);
  file_clear_fd (&self->top_fd);
}
