/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An ext4 file system from inside: what the files vmd-ext4*.c share. */

#include "vmd-archive-private.h"

/* Its own types come first: the public ones of the kernel are the same, and collide. */
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

G_BEGIN_DECLS

struct _VmdExt4
{
  ext2_filsys fs;
  char *path;
  char *parent_path; /* (nullable) of the directory that the last member went into */
  ext2_ino_t parent;
};

/* Where a member is to be. */
typedef struct
{
  ext2_ino_t parent;
  char *name; /* "": the root itself */
  ext2_ino_t inode; /* what is there, or 0 */
} VmdExt4Place;

void vmd_ext4_place_clear (VmdExt4Place *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdExt4Place, vmd_ext4_place_clear)

/* The one function that makes a VmdError of libext2fs's. Returns FALSE. */
gboolean
vmd_ext4_fail (VmdExt4 *self, errcode_t code, GError **error, const char *doing, const char *name);

/* vmd-ext4-place.c. Parents are made with root as owner and mode 0755, if @make says so; else
 * NOT_FOUND. */
gboolean
vmd_ext4_find (VmdExt4 *self, const char *path, gboolean make, VmdExt4Place *place, GError **error);
gboolean vmd_ext4_is_directory (VmdExt4 *self, ext2_ino_t inode);
/* Gives the inode a name in the place, in which nothing may be. @type: EXT2_FT_. */
errcode_t vmd_ext4_link (VmdExt4 *self, const VmdExt4Place *place, ext2_ino_t inode, int type);
errcode_t
vmd_ext4_make_directory (VmdExt4 *self, ext2_ino_t parent, const char *name, ext2_ino_t *inode);

/* vmd-ext4-remove.c: takes what is in the place away, with all that is below it. */
errcode_t vmd_ext4_remove (VmdExt4 *self, VmdExt4Place *place);

G_END_DECLS
