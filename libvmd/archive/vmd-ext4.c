/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ext4-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A new ext4 file system in a sparse file.
 *
 * It is as large as the disk is to be from the start, and costs what is in it: inode tables and
 * journal of a new file are holes, which read as the zeros that they have to be, and are marked as
 * such, so that the guest does not fill them either. It has a journal, since VMs are killed, and
 * disks outlive that.
 *
 * The same members give the same bytes: identity, hash seed and times are made of the label and of
 * a constant and not of chance, so that building the same image twice is recognised by its digest.
 * Nothing hangs on a file system's identity in a VM, which has the one disk. */

#define BLOCK_SIZE 4096
#define BYTES_PER_INODE 8192
#define JOURNAL_BLOCKS (32 * 1024 * 1024 / BLOCK_SIZE)
#define INODE_SIZE 256
#define FLEX_GROUP_LOG 4 /* 16 groups have their tables together */

/* Room to grow, while mounted, to more than 512 GiB; beyond that the kernel changes the layout. */
#define RESERVED_DESCRIPTOR_BLOCKS 64

/* 2026-01-01: when all was made that no archive gives a time. */
#define EPOCH 1767225600

#define MINIMUM_SIZE (G_GUINT64_CONSTANT (64) * 1024 * 1024)
#define MAXIMUM_SIZE (G_GUINT64_CONSTANT (16) * 1024 * 1024 * 1024 * 1024)

gboolean
vmd_ext4_fail (VmdExt4 *self, errcode_t code, GError **error, const char *doing, const char *name)
{
  g_autofree char *shown = g_utf8_make_valid (name, -1);

  switch (code)
    {
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_INODE_ALLOC_FAIL:
    case EXT2_ET_TOOSMALL:
      return vmd_fail (error, VMD_ERROR_NO_SPACE,
                       "%s “%s”: the image's disk of %" G_GUINT64_FORMAT " MiB is full", doing,
                       shown,
                       (guint64) ext2fs_blocks_count (self->fs->super) * BLOCK_SIZE / 1024 / 1024);
    case EXT2_ET_SHORT_WRITE:
    case ENOSPC:
      return vmd_fail (error, VMD_ERROR_NO_SPACE,
                       "%s “%s”: no space is left for the image %s: make room on that file system,"
                       " and try again",
                       doing, shown, self->path);
    case EXT2_ET_EA_NO_SPACE:
    case EXT2_ET_FILE_TOO_BIG:
    case EXT2_ET_INVALID_ARGUMENT:
    case EXT2_ET_EA_BAD_NAME_LEN:
    case EMLINK:
      return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "%s “%s”: ext4 cannot hold it: %s", doing,
                       shown, error_message (code));
    default:
      break;
    }
  /* Below libext2fs's own codes are those of the system. */
  if (code > 0 && code < 256)
    return vmd_fail_errno (error, (int) code, "%s “%s”", doing, shown);
  return vmd_fail (error, VMD_ERROR_FAILED, "%s “%s”: %s", doing, shown, error_message (code));
}

/* Like mke2fs does for ext4, without what needs more than one disk or a very large one. */
static void
choose_features (struct ext2_super_block *super)
{
  super->s_rev_level = EXT2_DYNAMIC_REV;
  ext2fs_set_feature_xattr (super);
  ext2fs_set_feature_resize_inode (super);
  ext2fs_set_feature_dir_index (super);
  ext2fs_set_feature_filetype (super);
  ext2fs_set_feature_extents (super);
  ext2fs_set_feature_64bit (super);
  ext2fs_set_feature_flex_bg (super);
  ext2fs_set_feature_sparse_super (super);
  ext2fs_set_feature_large_file (super);
  ext2fs_set_feature_huge_file (super);
  ext2fs_set_feature_dir_nlink (super);
  ext2fs_set_feature_extra_isize (super);
  ext2fs_set_feature_metadata_csum (super);
}

static void
fill_parameters (struct ext2_super_block *super, guint64 size)
{
  guint64 blocks = size / BLOCK_SIZE;

  choose_features (super);
  super->s_log_block_size = 2;
  super->s_log_cluster_size = 2;
  super->s_inode_size = INODE_SIZE;
  super->s_log_groups_per_flex = FLEX_GROUP_LOG;
  super->s_reserved_gdt_blocks = RESERVED_DESCRIPTOR_BLOCKS;
  ext2fs_blocks_count_set (super, blocks);
  super->s_inodes_count = (guint32) MIN (size / BYTES_PER_INODE, G_MAXUINT32 / 2);
}

/* A version 4 UUID, but of a digest. */
static void
set_identity (struct ext2_super_block *super, const char *label, guint64 size)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize length = sizeof digest;

  g_checksum_update (checksum, (const guchar *) "vmd image", -1);
  g_checksum_update (checksum, (const guchar *) label, -1);
  g_checksum_update (checksum, (const guchar *) &size, sizeof size);
  g_checksum_get_digest (checksum, digest, &length);
  memcpy (super->s_uuid, digest, 16);
  super->s_uuid[6] = (super->s_uuid[6] & 0x0f) | 0x40;
  super->s_uuid[8] = (super->s_uuid[8] & 0x3f) | 0x80;
  memcpy (super->s_hash_seed, digest + 16, 16);
  memcpy (super->s_volume_name, label, strnlen (label, sizeof super->s_volume_name));
  super->s_def_hash_version = EXT2_HASH_HALF_MD4;
  super->s_flags |= EXT2_FLAGS_UNSIGNED_HASH;
  super->s_max_mnt_count = -1;
  super->s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
  super->s_checksum_type = EXT2_CRC32C_CHKSUM;
  super->s_mkfs_time = EPOCH;
  super->s_lastcheck = EPOCH;
}

/* The file was empty, so the tables are zeros already. */
static void
mark_tables_zeroed (ext2_filsys fs)
{
  for (dgrp_t group = 0; group < fs->group_desc_count; group++)
    {
      ext2fs_bg_flags_set (fs, group, EXT2_BG_INODE_ZEROED);
      ext2fs_group_desc_csum_set (fs, group);
    }
}

static void
reserve_inodes (ext2_filsys fs)
{
  for (ext2_ino_t inode = EXT2_ROOT_INO + 1; inode < EXT2_FIRST_INODE (fs->super); inode++)
    ext2fs_inode_alloc_stats2 (fs, inode, +1, 0);
  ext2fs_inode_alloc_stats2 (fs, EXT2_BAD_INO, +1, 0);
  ext2fs_mark_ib_dirty (fs);
}

static errcode_t
set_mode (VmdExt4 *self, ext2_ino_t number, guint mode)
{
  struct ext2_inode inode;
  errcode_t code = ext2fs_read_inode (self->fs, number, &inode);

  if (code != 0)
    return code;
  inode.i_mode = (guint16) ((inode.i_mode & LINUX_S_IFMT) | mode);
  return ext2fs_write_inode (self->fs, number, &inode);
}

/* fsck wants it, with room for what it finds when the disk is full. */
static errcode_t
make_lost_and_found (VmdExt4 *self)
{
  ext2_ino_t inode;
  errcode_t code = vmd_ext4_make_directory (self, EXT2_ROOT_INO, "lost+found", &inode);

  for (guint i = 1; code == 0 && i < 4; i++)
    code = ext2fs_expand_dir (self->fs, inode);

  return code != 0 ? code : set_mode (self, inode, 0700);
}

static errcode_t
make_root (VmdExt4 *self)
{
  errcode_t code = ext2fs_mkdir (self->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL);

  return code != 0 ? code : set_mode (self, EXT2_ROOT_INO, 0755);
}

static errcode_t
make_journal (VmdExt4 *self)
{
  struct ext2fs_journal_params parameters = { .num_journal_blocks = JOURNAL_BLOCKS };

  return ext2fs_add_journal_inode3 (self->fs, &parameters, ~(blk64_t) 0,
                                    EXT2_MKJOURNAL_LAZYINIT | EXT2_MKJOURNAL_NO_MNT_CHECK);
}

/* What mke2fs writes, in the order in which it writes it. */
static errcode_t
lay_out (VmdExt4 *self)
{
  errcode_t code;

  mark_tables_zeroed (self->fs);
  code = ext2fs_allocate_tables (self->fs);
  if (code == 0)
    code = make_root (self);
  if (code == 0)
    code = make_lost_and_found (self);
  if (code != 0)
    return code;
  reserve_inodes (self->fs);
  code = ext2fs_create_resize_inode (self->fs);
  return code != 0 ? code : make_journal (self);
}

static void
initialize_error_table (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      initialize_ext2_error_table ();
      g_once_init_leave (&once, 1);
    }
}

static gboolean
make_sparse_file (const char *path, guint64 size, GError **error)
{
  vmd_autofd int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  if (fd < 0)
    return vmd_fail_errno (error, errno, "cannot make %s", path);
  if (ftruncate (fd, (off_t) size) < 0)
    return vmd_fail_errno (error, errno, "cannot make %s as large as %" G_GUINT64_FORMAT " MiB",
                           path, size / 1024 / 1024);

  return TRUE;
}

/* Makes the file at @path, or empties it. @size: of the file and the file system, in bytes. @label:
 * at most 16 bytes. */
VmdExt4 *
vmd_ext4_create (const char *path, guint64 size, const char *label, GError **error)
{
  g_autoptr (VmdExt4) self = g_new0 (VmdExt4, 1);
  struct ext2_super_block parameters = { 0 };
  errcode_t code;

  if (size < MINIMUM_SIZE || size > MAXIMUM_SIZE || size % BLOCK_SIZE != 0)
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                "an image's disk has from 64 MiB to 16 TiB, in whole blocks");
      return NULL;
    }
  initialize_error_table ();
  self->path = g_strdup (path);
  if (!vmd_fault_point ("ext4-create", error) || !make_sparse_file (path, size, error))
    return NULL;

  fill_parameters (&parameters, size);
  code = ext2fs_initialize (path, EXT2_FLAG_RW | EXT2_FLAG_64BITS, &parameters, unix_io_manager,
                            &self->fs);
  if (code == 0)
    {
      self->fs->now = EPOCH;
      self->fs->umask = 022;
      set_identity (self->fs->super, label, size);
      ext2fs_init_csum_seed (self->fs);
      code = lay_out (self);
    }
  if (code != 0)
    {
      vmd_ext4_fail (self, code, error, "cannot make the file system", path);
      return NULL;
    }

  return g_steal_pointer (&self);
}

gboolean
vmd_ext4_finish (VmdExt4 *self, GError **error)
{
  vmd_autofd int fd = -1;
  errcode_t code;

  if (!vmd_fault_point ("ext4-finish", error))
    return FALSE;
  code = ext2fs_flush (self->fs);
  if (code != 0)
    return vmd_ext4_fail (self, code, error, "cannot write the file system", self->path);
  code = ext2fs_close_free (&self->fs);
  if (code != 0)
    return vmd_ext4_fail (self, code, error, "cannot write the file system", self->path);

  fd = open (self->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync (fd) < 0)
    return vmd_fail_errno (error, errno, "cannot write the file system “%s”", self->path);
  return TRUE;
}

void
vmd_ext4_free (VmdExt4 *self)
{
  if (self->fs != NULL)
    ext2fs_free (self->fs);
  g_free (self->path);
  g_free (self->parent_path);
  g_free (self);
}
