/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ext4-private.h"

#include <string.h>

/* Removal, for members that take the place of earlier ones. libext2fs has the parts: names, blocks
 * and inodes are let go one by one. */

typedef struct
{
  ext2_ino_t inode;
  char *name;
} Child;

static void
child_clear (gpointer data)
{
  g_free (((Child *) data)->name);
}

static int
collect_cb (ext2_ino_t directory, int entry, struct ext2_dir_entry *dirent, int offset,
            int blocksize, char *buffer, void *data)
{
  Child child = { dirent->inode, NULL };

  /* Not "." and ".."; nor the checksum that looks like an entry. */
  if (entry != DIRENT_OTHER_FILE || dirent->inode == 0)
    return 0;
  child.name = g_strndup (dirent->name, (gsize) ext2fs_dirent_name_len (dirent));
  g_array_append_val (data, child);
  return 0;
}

static errcode_t
free_inode (VmdExt4 *self, ext2_ino_t number, gboolean is_directory)
{
  struct ext2_inode_large inode;
  struct ext2_inode *small = (struct ext2_inode *) &inode;
  errcode_t code = ext2fs_read_inode_full (self->fs, number, small, sizeof inode);

  if (code == 0)
    code = ext2fs_free_ext_attr (self->fs, number, &inode);
  if (code == 0 && ext2fs_inode_has_valid_blocks2 (self->fs, small))
    code = ext2fs_punch (self->fs, number, small, NULL, 0, ~(blk64_t) 0);
  if (code != 0)
    return code;

  inode.i_links_count = 0;
  inode.i_dtime = (guint32) self->fs->now;
  code = ext2fs_write_inode_full (self->fs, number, small, sizeof inode);
  if (code == 0)
    ext2fs_inode_alloc_stats2 (self->fs, number, -1, is_directory);
  return code;
}

static errcode_t
drop_link (VmdExt4 *self, ext2_ino_t number)
{
  struct ext2_inode inode;
  errcode_t code = ext2fs_read_inode (self->fs, number, &inode);

  if (code != 0)
    return code;
  if (inode.i_links_count <= 1)
    return free_inode (self, number, FALSE);
  inode.i_links_count--;
  return ext2fs_write_inode (self->fs, number, &inode);
}

static errcode_t
drop_directory (VmdExt4 *self, ext2_ino_t parent, ext2_ino_t number)
{
  g_autoptr (GArray) children = g_array_new (FALSE, FALSE, sizeof (Child));
  struct ext2_inode inode;
  errcode_t code;

  g_array_set_clear_func (children, child_clear);
  code = ext2fs_dir_iterate2 (self->fs, number, 0, NULL, collect_cb, children);
  for (guint i = 0; code == 0 && i < children->len; i++)
    {
      Child *child = &g_array_index (children, Child, i);
      VmdExt4Place place = { number, child->name, child->inode };

      code = vmd_ext4_remove (self, &place);
    }
  if (code == 0)
    code = free_inode (self, number, TRUE);
  if (code == 0)
    code = ext2fs_read_inode (self->fs, parent, &inode);
  if (code != 0)
    return code;

  /* Its ".." is gone. */
  inode.i_links_count--;
  return ext2fs_write_inode (self->fs, parent, &inode);
}

/* Recursion is as deep as the tree, which is as deep as a path is long. */
errcode_t
vmd_ext4_remove (VmdExt4 *self, VmdExt4Place *place)
{
  ext2_ino_t inode = place->inode;
  errcode_t code = ext2fs_unlink (self->fs, place->parent, place->name, inode, 0);

  if (code != 0)
    return code;
  place->inode = 0;
  /* It may be the directory that is remembered, or above it. */
  g_clear_pointer (&self->parent_path, g_free);
  if (vmd_ext4_is_directory (self, inode))
    return drop_directory (self, place->parent, inode);
  return drop_link (self, inode);
}
