/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ext4-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* One member into the file system. */

/* Where a file's bytes come from: an archive at the entry, or memory. */
typedef struct
{
  struct archive *archive; /* (nullable) */
  const void *data; /* (nullable) */
  gsize length;
  GCancellable *cancellable;
} Content;

typedef ext2_file_t VmdExt4File;

static gboolean
write_piece (VmdExt4 *self, VmdExt4File file, const char *name, const void *data, gsize length,
             guint64 offset, GError **error)
{
  const char *next = data;
  gsize left = length;
  errcode_t code = ext2fs_file_llseek (file, offset, EXT2_SEEK_SET, NULL);

  while (code == 0 && left > 0)
    {
      unsigned int written = 0;

      code = ext2fs_file_write (file, next, (unsigned int) MIN (left, 1 << 20), &written);
      next += written;
      left -= written;
    }

  return code == 0 || vmd_ext4_fail (self, code, error, "cannot write", name);
}

static gboolean
copy_archive (VmdExt4 *self, VmdExt4File file, const char *name, const Content *content,
              GError **error)
{
  const void *data;
  size_t length;
  la_int64_t offset;
  int result;

  while ((result = archive_read_data_block (content->archive, &data, &length, &offset)) ==
         ARCHIVE_OK)
    if (vmd_is_cancelled (content->cancellable, error) ||
        !write_piece (self, file, name, data, length, (guint64) offset, error))
      return FALSE;
  if (result != ARCHIVE_EOF)
    return vmd_archive_fail (content->archive, error, "cannot read the archive");

  return TRUE;
}

/* Holes stay holes, one at the end too: @size is what the entry says, and may be more than what was
 * written. */
static gboolean
write_content (VmdExt4 *self, ext2_ino_t inode, const char *name, const Content *content,
               guint64 size, GError **error)
{
  VmdExt4File file;
  __u64 written = 0;
  errcode_t code = ext2fs_file_open (self->fs, inode, EXT2_FILE_WRITE, &file);
  gboolean good = TRUE;

  if (code != 0)
    return vmd_ext4_fail (self, code, error, "cannot write", name);
  if (content->archive != NULL)
    good = copy_archive (self, file, name, content, error);
  else if (content->length > 0)
    good = write_piece (self, file, name, content->data, content->length, 0, error);
  if (good)
    code = ext2fs_file_get_lsize (file, &written);
  if (good && code == 0 && written < size)
    code = ext2fs_file_set_size2 (file, (ext2_off64_t) size);
  if (code == 0)
    code = ext2fs_file_close (file);
  else
    ext2fs_file_close (file);
  if (!good)
    return FALSE;

  return code == 0 || vmd_ext4_fail (self, code, error, "cannot write", name);
}

/* -- the inode -- */

static int
file_type (guint mode)
{
  switch (mode & S_IFMT)
    {
    case S_IFREG:
      return EXT2_FT_REG_FILE;
    case S_IFCHR:
      return EXT2_FT_CHRDEV;
    case S_IFBLK:
      return EXT2_FT_BLKDEV;
    case S_IFIFO:
      return EXT2_FT_FIFO;
    case S_IFSOCK:
      return EXT2_FT_SOCK;
    default:
      return EXT2_FT_UNKNOWN;
    }
}

/* The two forms in which the kernel reads a device's number. */
static void
set_device (struct ext2_inode *inode, struct archive_entry *entry)
{
  guint32 major_number = (guint32) archive_entry_rdevmajor (entry);
  guint32 minor_number = (guint32) archive_entry_rdevminor (entry);

  if (major_number < 256 && minor_number < 256)
    inode->i_block[0] = major_number << 8 | minor_number;
  else
    inode->i_block[1] = (minor_number & 0xff) | major_number << 8 | (minor_number & ~0xffu) << 12;
}

/* A new inode that is no directory and no symlink, with its name. */
static errcode_t
make_inode (VmdExt4 *self, VmdExt4Place *place, struct archive_entry *entry)
{
  guint mode = archive_entry_mode (entry);
  struct ext2_inode inode = { .i_mode = (guint16) mode, .i_links_count = 1 };
  ext2_extent_handle_t extents;
  ext2_ino_t number;
  errcode_t code = ext2fs_new_inode (self->fs, place->parent, (int) mode, NULL, &number);

  if (code != 0)
    return code;
  if (S_ISREG (mode))
    {
      inode.i_flags = EXT4_EXTENTS_FL;
      code = ext2fs_extent_open2 (self->fs, number, &inode, &extents);
      if (code != 0)
        return code;
      ext2fs_extent_free (extents);
    }
  if (S_ISCHR (mode) || S_ISBLK (mode))
    set_device (&inode, entry);
  code = ext2fs_write_new_inode (self->fs, number, &inode);
  if (code == 0)
    code = vmd_ext4_link (self, place, number, file_type (mode));
  if (code != 0)
    return code;
  ext2fs_inode_alloc_stats2 (self->fs, number, +1, FALSE);
  place->inode = number;
  return 0;
}

static errcode_t
make_symlink (VmdExt4 *self, VmdExt4Place *place, const char *target)
{
  ext2_ino_t number;
  errcode_t code = ext2fs_new_inode (self->fs, place->parent, LINUX_S_IFLNK | 0777, NULL, &number);

  if (code == 0)
    code = ext2fs_symlink (self->fs, place->parent, number, place->name, target);
  if (code == EXT2_ET_DIR_NO_SPACE)
    {
      code = ext2fs_expand_dir (self->fs, place->parent);
      if (code == 0)
        code = ext2fs_symlink (self->fs, place->parent, number, place->name, target);
    }
  place->inode = number;
  return code;
}

/* Seconds since 1970 in 34 bits, and nanoseconds. */
static void
set_time (gint64 seconds, glong nanoseconds, guint32 *low, guint32 *extra)
{
  gint64 bounded = CLAMP (seconds, G_MININT32, (G_GINT64_CONSTANT (3) << 32) + G_MAXINT32);

  *low = (guint32) bounded;
  *extra = (guint32) (((bounded - (gint32) bounded) >> 32) & 3) | (guint32) nanoseconds << 2;
}

static errcode_t
set_status (VmdExt4 *self, ext2_ino_t number, struct archive_entry *entry)
{
  struct ext2_inode_large inode;
  struct ext2_inode *small = (struct ext2_inode *) &inode;
  errcode_t code = ext2fs_read_inode_full (self->fs, number, small, sizeof inode);
  guint32 user = (guint32) archive_entry_uid (entry);
  guint32 group = (guint32) archive_entry_gid (entry);

  if (code != 0)
    return code;
  inode.i_mode = (guint16) ((inode.i_mode & S_IFMT) | (archive_entry_perm (entry) & 07777));
  inode.i_uid = (guint16) user;
  inode.i_uid_high = (guint16) (user >> 16);
  inode.i_gid = (guint16) group;
  inode.i_gid_high = (guint16) (group >> 16);
  inode.i_extra_isize = sizeof inode - EXT2_GOOD_OLD_INODE_SIZE;
  if (archive_entry_mtime_is_set (entry))
    {
      set_time (archive_entry_mtime (entry), archive_entry_mtime_nsec (entry), &inode.i_mtime,
                &inode.i_mtime_extra);
      inode.i_atime = inode.i_ctime = inode.i_crtime = inode.i_mtime;
      inode.i_atime_extra = inode.i_ctime_extra = inode.i_crtime_extra = inode.i_mtime_extra;
    }
  return ext2fs_write_inode_full (self->fs, number, small, sizeof inode);
}

/* Those that a guest's kernel knows; what some archiver made of its own is left out. */
static gboolean
is_kept (const char *name)
{
  return g_str_has_prefix (name, "user.") || g_str_has_prefix (name, "security.") ||
         g_str_has_prefix (name, "trusted.") || g_str_has_prefix (name, "system.posix_acl_");
}

static errcode_t
set_xattrs (VmdExt4 *self, ext2_ino_t number, struct archive_entry *entry)
{
  struct ext2_xattr_handle *handle;
  const char *name;
  const void *value;
  size_t length;
  errcode_t code;

  if (archive_entry_xattr_reset (entry) == 0)
    return 0;
  code = ext2fs_xattrs_open (self->fs, number, &handle);
  if (code != 0)
    return code;
  code = ext2fs_xattrs_read (handle);
  while (code == 0 && archive_entry_xattr_next (entry, &name, &value, &length) == ARCHIVE_OK)
    if (name != NULL && is_kept (name))
      code = ext2fs_xattr_set (handle, name, value, length);
  ext2fs_xattrs_close (&handle);
  return code;
}

/* -- members -- */

static gboolean
fail_member (const char *name, const char *why, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (name, -1);

  return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "the archive has a member “%s”, %s", shown, why);
}

static errcode_t
add_link (VmdExt4 *self, VmdExt4Place *place, ext2_ino_t number)
{
  struct ext2_inode inode;
  errcode_t code = 0;

  if (place->inode == number)
    return 0;
  if (place->inode != 0)
    code = vmd_ext4_remove (self, place);
  if (code == 0)
    code = ext2fs_read_inode (self->fs, number, &inode);
  if (code != 0)
    return code;
  /* It was in the directory that has just made room for it. A name of what is gone could become one
   * of another file, or of a directory in itself. */
  if (inode.i_links_count == 0)
    return EXT2_ET_INVALID_ARGUMENT;
  if (inode.i_links_count >= EXT2_LINK_MAX)
    return EMLINK;
  code = vmd_ext4_link (self, place, number, file_type (inode.i_mode));
  if (code != 0)
    return code;
  inode.i_links_count++;
  place->inode = number;
  return ext2fs_write_inode (self->fs, number, &inode);
}

/* A second name of a file that came before. */
static gboolean
add_hard_link (VmdExt4 *self, const char *name, struct archive_entry *entry, const Content *content,
               GError **error)
{
  const char *link = archive_entry_hardlink (entry) != NULL ? archive_entry_hardlink (entry)
                                                            : archive_entry_hardlink_utf8 (entry);
  g_auto (VmdExt4Place) target = { 0 };
  g_auto (VmdExt4Place) place = { 0 };
  errcode_t code;

  if (!vmd_ext4_find (self, link, FALSE, &target, error))
    {
      g_autofree char *shown = g_utf8_make_valid (name, -1);

      vmd_blank_controls (shown);
      g_prefix_error (error, "the target of the link “%s”: ", shown);
      if (error != NULL && (*error)->code == VMD_ERROR_NOT_FOUND)
        (*error)->code = VMD_ERROR_BAD_ARCHIVE;
      return FALSE;
    }
  if (target.inode == 0 || vmd_ext4_is_directory (self, target.inode))
    return fail_member (name, "a link to what is no file in it", error);
  if (!vmd_ext4_find (self, name, TRUE, &place, error))
    return FALSE;
  code = add_link (self, &place, target.inode);
  if (code != 0)
    return vmd_ext4_fail (self, code, error, "cannot link", name);

  /* Some archivers send the content with the last name, not with the first. */
  if (!archive_entry_size_is_set (entry) || archive_entry_size (entry) == 0)
    return TRUE;
  return write_content (self, target.inode, name, content, (guint64) archive_entry_size (entry),
                        error);
}

static gboolean
add_directory (VmdExt4 *self, const char *name, VmdExt4Place *place, GError **error)
{
  errcode_t code = 0;

  if (place->inode != 0 && vmd_ext4_is_directory (self, place->inode))
    return TRUE;
  if (place->inode != 0)
    code = vmd_ext4_remove (self, place);
  if (code == 0)
    code = vmd_ext4_make_directory (self, place->parent, place->name, &place->inode);

  return code == 0 || vmd_ext4_fail (self, code, error, "cannot make the directory", name);
}

static gboolean
add_other (VmdExt4 *self, const char *name, VmdExt4Place *place, struct archive_entry *entry,
           const Content *content, GError **error)
{
  guint mode = archive_entry_mode (entry);
  const char *target = S_ISLNK (mode) ? archive_entry_symlink (entry) : NULL;
  errcode_t code = 0;

  if (place->name[0] == '\0')
    return fail_member (name, "which would take the root's place", error);
  if (S_ISLNK (mode) && (target == NULL || target[0] == '\0'))
    return fail_member (name, "a symbolic link without a target", error);
  if (!S_ISLNK (mode) && file_type (mode) == EXT2_FT_UNKNOWN)
    return fail_member (name, "of an unknown kind", error);
  if (place->inode != 0)
    code = vmd_ext4_remove (self, place);
  if (code == 0)
    code = target != NULL ? make_symlink (self, place, target) : make_inode (self, place, entry);
  if (code != 0)
    return vmd_ext4_fail (self, code, error, "cannot make", name);

  return !S_ISREG (mode) ||
         write_content (
             self, place->inode, name, content,
             archive_entry_size_is_set (entry) ? (guint64) archive_entry_size (entry) : 0, error);
}

static gboolean
add_member (VmdExt4 *self, struct archive_entry *entry, const Content *content, GError **error)
{
  const char *name = vmd_archive_entry_name (entry, error);
  g_auto (VmdExt4Place) place = { 0 };
  errcode_t code;

  if (name == NULL || !vmd_fault_point ("ext4-add", error))
    return FALSE;
  if (archive_entry_hardlink (entry) != NULL || archive_entry_hardlink_utf8 (entry) != NULL)
    return add_hard_link (self, name, entry, content, error);
  if (!vmd_ext4_find (self, name, TRUE, &place, error))
    return FALSE;
  if (S_ISDIR (archive_entry_mode (entry)))
    {
      if (!add_directory (self, name, &place, error))
        return FALSE;
    }
  else if (!add_other (self, name, &place, entry, content, error))
    return FALSE;
  code = set_status (self, place.inode, entry);
  if (code == 0)
    code = set_xattrs (self, place.inode, entry);

  return code == 0 || vmd_ext4_fail (self, code, error, "cannot set the attributes of", name);
}

gboolean
vmd_ext4_add (VmdExt4 *self, struct archive_entry *entry, struct archive *data,
              GCancellable *cancellable, GError **error)
{
  const Content content = { .archive = data, .cancellable = cancellable };

  return !vmd_is_cancelled (cancellable, error) && add_member (self, entry, &content, error);
}

static struct archive_entry *
make_entry (const char *path, guint mode)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_copy_pathname (entry, path);
  archive_entry_set_mode (entry, mode);
  return entry;
}

gboolean
vmd_ext4_add_file (VmdExt4 *self, const char *path, guint mode, const void *data, gsize length,
                   GError **error)
{
  g_autoptr (VmdArchiveEntry) entry = make_entry (path, S_IFREG | mode);
  const Content content = { .data = data, .length = length };

  return add_member (self, entry, &content, error);
}

gboolean
vmd_ext4_add_directory (VmdExt4 *self, const char *path, guint mode, GError **error)
{
  g_autoptr (VmdArchiveEntry) entry = make_entry (path, S_IFDIR | mode);
  const Content content = { 0 };

  return add_member (self, entry, &content, error);
}

gboolean
vmd_ext4_add_symlink (VmdExt4 *self, const char *path, const char *target, GError **error)
{
  g_autoptr (VmdArchiveEntry) entry = make_entry (path, S_IFLNK | 0777);
  const Content content = { 0 };

  archive_entry_copy_symlink (entry, target);
  return add_member (self, entry, &content, error);
}
