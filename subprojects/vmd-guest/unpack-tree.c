/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes members below a directory, and nowhere else.
 *
 * The archive chooses the names and the order, so it can make a symbolic link and then name a
 * member below it. Invariant: each directory is reached from the top by openat2() that follows
 * no link at all and cannot leave the top, and each member is made, replaced or linked by its
 * last component in such a directory. A check of the name beforehand was rejected: it would be
 * true of the names seen so far, not of the directories.
 *
 * The directory written to last stays open. Archives are sorted, so that a file costs four
 * calls: open, write, set times, close. Owners are not set: what is written belongs to who
 * writes it, which is what git in the guest asks for. */

#include "unpack-tree.h"
#include "file.h"
#include "unpack-directory.h"
#include "unpack-failure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* @top_fd stays the caller's. */
void
unpack_tree_open (struct unpack_tree *self, int top_fd)
{
  self->top_fd = top_fd;
  self->directory_fd = -1;
  self->n_files = 0;
  self->n_bytes = 0;
}

void
unpack_tree_close (struct unpack_tree *self)
{
  file_clear_fd (&self->directory_fd);
}

/* Why @directory could not be opened, as a failure of @member. */
static bool
fail_directory (const char *directory, const char *member)
{
  if (errno == ELOOP || errno == ENOTDIR)
    return unpack_fail_member (member, "lies below something that is no directory");

  return unpack_fail_member_errno ("open directory", directory);
}

/* Makes @name the current directory. */
static bool
enter (struct unpack_tree *self, const char *name, size_t length, const char *member)
{
  int fd;

  if (self->directory_fd >= 0 && strncmp (self->directory, name, length) == 0 &&
      self->directory[length] == '\0')
    return true;

  file_clear_fd (&self->directory_fd);
  self->directory_fd = -1;
  memcpy (self->directory, name, length);
  self->directory[length] = '\0';
  fd = unpack_directory_make (self->top_fd, self->directory, 0755, NULL);
  if (fd < 0)
    return fail_directory (self->directory, member);

  self->directory_fd = fd;
  return true;
}

/* Where the last component of @name begins. */
static const char *
last_component (const char *name)
{
  const char *slash = strrchr (name, '/');

  return slash != NULL ? slash + 1 : name;
}

static size_t
directory_length (const char *name)
{
  const char *slash = strrchr (name, '/');

  return slash != NULL ? (size_t) (slash - name) : 0;
}

/* A later member takes the place of an earlier one, unless that is a directory. Called when
 * making @member gave EEXIST. */
static bool
clear_way (struct unpack_tree *self, const struct tar_member *member)
{
  if (errno != EEXIST)
    return unpack_fail_member_errno ("make", member->name);
  if (unlinkat (self->directory_fd, last_component (member->name), 0) == 0)
    return true;
  if (errno == EISDIR)
    return unpack_fail_member (member->name, "would take the place of a directory");

  return unpack_fail_member_errno ("replace", member->name);
}

static bool
write_data (struct unpack_tree *self, int fd, const struct tar_member *member,
            struct unpack_input *input)
{
  uint64_t left = member->size;

  while (left > 0)
    {
      size_t at_most = left < UNPACK_INPUT_SIZE ? (size_t) left : UNPACK_INPUT_SIZE;
      const unsigned char *bytes;
      size_t length;

      if (!unpack_input_take_some (input, at_most, &bytes, &length))
        return false;
      if (!file_write_fd (fd, bytes, length))
        return unpack_fail_member_errno ("write", member->name);
      left -= length;
    }

  self->n_bytes += member->size;
  return tar_skip_padding (input, member->size);
}

static bool
add_file (struct unpack_tree *self, const struct tar_member *member, struct unpack_input *input)
{
  const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, member->mtime };
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const char *name = last_component (member->name);
  autofd int fd = openat (self->directory_fd, name, flags, member->mode);

  if (fd < 0)
    {
      if (!clear_way (self, member))
        return false;
      fd = openat (self->directory_fd, name, flags, member->mode);
    }
  if (fd < 0)
    return unpack_fail_member_errno ("make", member->name);
  if (!write_data (self, fd, member, input))
    return false;
  if (futimens (fd, times) < 0)
    return unpack_fail_member_errno ("set the time of", member->name);

  self->n_files++;
  return true;
}

static bool
add_symbolic_link (struct unpack_tree *self, const struct tar_member *member)
{
  const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, member->mtime };
  const char *name = last_component (member->name);

  if (symlinkat (member->target, self->directory_fd, name) < 0 &&
      (!clear_way (self, member) || symlinkat (member->target, self->directory_fd, name) < 0))
    return unpack_fail_member_errno ("make", member->name);
  if (utimensat (self->directory_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    return unpack_fail_member_errno ("set the time of", member->name);

  self->n_files++;
  return true;
}

/* The target is a member that came before, reached as members are. */
static bool
add_hard_link (struct unpack_tree *self, const struct tar_member *member)
{
  const char *name = last_component (member->name);
  const char *target = last_component (member->target);
  char directory[PATH_MAX];
  autofd int fd = -1;
  struct stat status;

  memcpy (directory, member->target, sizeof directory);
  directory[directory_length (member->target)] = '\0';
  fd = unpack_directory_open (self->top_fd, directory);
  if (fd < 0 || fstatat (fd, target, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG (status.st_mode))
    return unpack_fail_member (member->name, "is a hard link to no file of the archive");
  /* A link to itself must not lose the file. */
  if (strcmp (member->name, member->target) == 0)
    return true;
  if (linkat (fd, target, self->directory_fd, name, 0) < 0 &&
      (!clear_way (self, member) || linkat (fd, target, self->directory_fd, name, 0) < 0))
    return unpack_fail_member_errno ("link", member->name);

  self->n_files++;
  return true;
}

/* A directory's owner may always enter it: or else nobody could write below it, nor remove it. */
static bool
add_directory (struct unpack_tree *self, const struct tar_member *member)
{
  if (!enter (self, member->name, strlen (member->name), member->name))
    return false;
  if (member->name[0] == '\0' || (member->mode | 0700) == 0755)
    return true;

  return fchmodat (self->directory_fd, ".", member->mode | 0700, 0) == 0 ||
         unpack_fail_member_errno ("set the mode of", member->name);
}

/* Adds @member, whose data @input has next. */
bool
unpack_tree_add (struct unpack_tree *self, const struct tar_member *member,
                 struct unpack_input *input)
{
  if (member->type == TAR_DIRECTORY)
    return add_directory (self, member);
  if (!enter (self, member->name, directory_length (member->name), member->name))
    return false;
  if (member->type == TAR_SYMBOLIC_LINK)
    return add_symbolic_link (self, member);
  if (member->type == TAR_HARD_LINK)
    return add_hard_link (self, member);

  return add_file (self, member, input);
}
