/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-ext4-private.h"

#include "../base/vmd-failure-private.h"

#include <string.h>

/* From a member's name to the directory that it goes into. A name is looked up one component after
 * the other, and no symlink is ever followed: where one is met, the archive was made to write
 * elsewhere than it says. */

#define NAME_LENGTH_MAX 255

/* No file system's own path is longer, and each level costs a block. */
#define PATH_LENGTH_MAX 4096

void
vmd_ext4_place_clear (VmdExt4Place *place)
{
  g_clear_pointer (&place->name, g_free);
}

gboolean
vmd_ext4_is_directory (VmdExt4 *self, ext2_ino_t inode)
{
  return ext2fs_check_directory (self->fs, inode) == 0;
}

static gboolean
fail_name (const char *path, const char *why, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (path, MIN (strlen (path), 300));

  return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "the archive has a member “%s”, %s", shown, why);
}

/* The components of @path without empty ones and dots: NULL if it has any that must not be. */
static GStrv
split (const char *path, GError **error)
{
  g_autoptr (GStrvBuilder) kept = g_strv_builder_new ();
  g_auto (GStrv) parts = NULL;

  if (strlen (path) > PATH_LENGTH_MAX)
    {
      fail_name (path, "whose name is too long", error);
      return NULL;
    }
  parts = g_strsplit (path, "/", -1);
  for (guint i = 0; parts[i] != NULL; i++)
    {
      if (g_str_equal (parts[i], ".."))
        {
          fail_name (path, "which leads out of it", error);
          return NULL;
        }
      if (strlen (parts[i]) > NAME_LENGTH_MAX)
        {
          fail_name (path, "whose name is too long", error);
          return NULL;
        }
      if (parts[i][0] != '\0' && !g_str_equal (parts[i], "."))
        g_strv_builder_add (kept, parts[i]);
    }

  return g_strv_builder_end (kept);
}

static errcode_t
look_up (VmdExt4 *self, ext2_ino_t directory, const char *name, ext2_ino_t *inode)
{
  errcode_t code = ext2fs_lookup (self->fs, directory, name, (int) strlen (name), NULL, inode);

  if (code != EXT2_ET_FILE_NOT_FOUND)
    return code;
  *inode = 0;
  return 0;
}

errcode_t
vmd_ext4_make_directory (VmdExt4 *self, ext2_ino_t parent, const char *name, ext2_ino_t *inode)
{
  struct ext2_inode status;
  errcode_t code = ext2fs_read_inode (self->fs, parent, &status);

  /* libext2fs does not look whether the parent can have one more. */
  if (code == 0 && status.i_links_count >= EXT2_LINK_MAX)
    return EMLINK;
  if (code == 0)
    code = ext2fs_mkdir (self->fs, parent, 0, name);
  if (code == EXT2_ET_DIR_NO_SPACE)
    {
      code = ext2fs_expand_dir (self->fs, parent);
      if (code == 0)
        code = ext2fs_mkdir (self->fs, parent, 0, name);
    }

  return code != 0 ? code : look_up (self, parent, name, inode);
}

errcode_t
vmd_ext4_link (VmdExt4 *self, const VmdExt4Place *place, ext2_ino_t inode, int type)
{
  errcode_t code = ext2fs_link (self->fs, place->parent, place->name, inode, type);

  if (code != EXT2_ET_DIR_NO_SPACE)
    return code;
  code = ext2fs_expand_dir (self->fs, place->parent);
  return code != 0 ? code : ext2fs_link (self->fs, place->parent, place->name, inode, type);
}

static gboolean
enter (VmdExt4 *self, const char *path, const char *name, gboolean make, ext2_ino_t *directory,
       GError **error)
{
  ext2_ino_t next = 0;
  errcode_t code = look_up (self, *directory, name, &next);

  if (code == 0 && next == 0 && !make)
    {
      g_autofree char *shown = g_utf8_make_valid (path, -1);

      return vmd_fail (error, VMD_ERROR_NOT_FOUND, "there is no “%s” in the image", shown);
    }
  if (code == 0 && next == 0)
    code = vmd_ext4_make_directory (self, *directory, name, &next);
  if (code != 0)
    return vmd_ext4_fail (self, code, error, "cannot make the directory of", path);
  if (!vmd_ext4_is_directory (self, next))
    return fail_name (path, "which is below something that is no directory", error);
  *directory = next;
  return TRUE;
}

/* The directory that @parts (their last one left out) name. Members of one directory follow each
 * other as a rule, so the last one is remembered. */
static gboolean
find_parent (VmdExt4 *self, const char *path, GStrv parts, gboolean make, ext2_ino_t *parent,
             GError **error)
{
  g_autofree char *parent_path = g_strjoinv ("/", parts);
  char *last_slash = strrchr (parent_path, '/');
  ext2_ino_t directory = EXT2_ROOT_INO;

  if (last_slash != NULL)
    *last_slash = '\0';
  else
    parent_path[0] = '\0';
  if (self->parent_path != NULL && g_str_equal (self->parent_path, parent_path))
    {
      *parent = self->parent;
      return TRUE;
    }
  for (guint i = 0; parts[i] != NULL && parts[i + 1] != NULL; i++)
    if (!enter (self, path, parts[i], make, &directory, error))
      return FALSE;

  g_free (self->parent_path);
  self->parent_path = g_steal_pointer (&parent_path);
  self->parent = *parent = directory;
  return TRUE;
}

gboolean
vmd_ext4_find (VmdExt4 *self, const char *path, gboolean make, VmdExt4Place *place, GError **error)
{
  g_auto (GStrv) parts = split (path, error);
  guint n_parts;
  errcode_t code;

  if (parts == NULL)
    return FALSE;
  n_parts = g_strv_length (parts);
  vmd_ext4_place_clear (place);
  if (n_parts == 0)
    {
      *place = (VmdExt4Place){ EXT2_ROOT_INO, g_strdup (""), EXT2_ROOT_INO };
      return TRUE;
    }
  if (!find_parent (self, path, parts, make, &place->parent, error))
    return FALSE;
  place->name = g_strdup (parts[n_parts - 1]);
  code = look_up (self, place->parent, place->name, &place->inode);

  return code == 0 || vmd_ext4_fail (self, code, error, "cannot look up", path);
}

/* Follows the image's symlinks, inside of it. */
gboolean
vmd_ext4_exists (VmdExt4 *self, const char *path)
{
  ext2_ino_t inode;

  return ext2fs_namei_follow (self->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, &inode) == 0;
}
