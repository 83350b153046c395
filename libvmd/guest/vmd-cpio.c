/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-cpio-private.h"

#include <string.h>
#include <sys/stat.h>

/* Headers, names and contents begin at multiples of four bytes, counted from the archive's
 * beginning. */
static void
align (GByteArray *archive)
{
  static const guint8 zeros[4] = { 0 };

  g_byte_array_append (archive, zeros, -archive->len & 3);
}

static void
add_member (GByteArray *archive, const char *path, guint mode, const void *data, gsize length)
{
  g_autofree char *header = NULL;
  gsize name_size = strlen (path) + 1;

  g_return_if_fail (length <= G_MAXUINT32);

  align (archive);
  /* magic, inode (any that is used once), mode, uid, gid, links, mtime, size, device (2), special
   * device (2), name's size, check */
  header =
      g_strdup_printf ("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", archive->len,
                       mode, 0, 0, 1, 0, (guint) length, 0, 0, 0, 0, (guint) name_size, 0);
  g_byte_array_append (archive, (const guint8 *) header, (guint) strlen (header));
  g_byte_array_append (archive, (const guint8 *) path, (guint) name_size);
  align (archive);
  if (length > 0)
    g_byte_array_append (archive, data, (guint) length);
  align (archive);
}

/**
 * vmd_cpio_add_directory:
 * @archive: the archive so far
 * @path: its path, without a leading slash; parents have to be added before
 * @mode: its permissions
 *
 * Adds a directory of root's.
 */
void
vmd_cpio_add_directory (GByteArray *archive, const char *path, guint mode)
{
  add_member (archive, path, S_IFDIR | mode, NULL, 0);
}

/**
 * vmd_cpio_add_file:
 * @archive: the archive so far
 * @path: its path, without a leading slash; parents have to be added before
 * @mode: its permissions
 * @data: (array length=length) (nullable): its content
 * @length: how many bytes, less than 4 GiB
 *
 * Adds a regular file of root's.
 */
void
vmd_cpio_add_file (GByteArray *archive, const char *path, guint mode, const void *data,
                   gsize length)
{
  add_member (archive, path, S_IFREG | mode, data, length);
}

/**
 * vmd_cpio_finish:
 * @archive: the archive so far
 *
 * Adds the end mark. The archive's length is then a multiple of four, so that another may follow
 * it.
 */
void
vmd_cpio_finish (GByteArray *archive)
{
  add_member (archive, "TRAILER!!!", 0, NULL, 0);
}
