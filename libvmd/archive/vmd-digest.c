/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What goes into the sum: the size of the file, then for each block of 64 KiB that is not all zeros
 * its offset and its bytes; numbers as 64 bits, little endian. Whether zeros lie on the disk or are
 * a hole is the business of the file system that a copy happens to be on, so it must make no
 * difference: holes are skipped only since they are known to be zeros without being read. Two files
 * have the same sum just when they have the same content. */

#define BLOCK (64 * 1024)

/* How often the cancellable is looked at: every so many blocks, 1 MiB. */
#define BLOCKS_BETWEEN_LOOKS 16

static gboolean
is_zero (const char *block, gsize length)
{
  return block[0] == '\0' && memcmp (block, block + 1, length - 1) == 0;
}

static void
add_number (GChecksum *checksum, guint64 number)
{
  guint64 little = GUINT64_TO_LE (number);

  g_checksum_update (checksum, (const guchar *) &little, sizeof little);
}

/* Reads a whole block, or what the file has of it. */
static gssize
read_block (int fd, char *block, guint64 offset)
{
  gsize got = 0;
  gssize n = 1;

  while (got < BLOCK && n > 0)
    {
      n = pread (fd, block + got, BLOCK - got, (off_t) (offset + got));
      if (n > 0)
        got += (gsize) n;
      else if (n < 0 && errno == EINTR)
        n = 1;
    }

  return n < 0 ? -1 : (gssize) got;
}

/* The block with the next data at or after @offset; @size when there is none. */
static guint64
find_data (int fd, guint64 offset, guint64 size)
{
  off_t data = lseek (fd, (off_t) offset, SEEK_DATA);

  if (data < 0)
    return errno == ENXIO ? size : offset;
  return MAX (offset, (guint64) data / BLOCK * BLOCK);
}

static gboolean
add_content (GChecksum *checksum, int fd, const char *path, guint64 size, GCancellable *cancellable,
             GError **error)
{
  g_autofree char *block = g_malloc (BLOCK);
  guint n_blocks = 0;

  for (guint64 offset = find_data (fd, 0, size); offset < size;
       offset = find_data (fd, offset + BLOCK, size))
    {
      gssize n = read_block (fd, block, offset);

      if (n < 0)
        return vmd_fail_errno (error, errno, "cannot read %s", path);
      if (n_blocks++ % BLOCKS_BETWEEN_LOOKS == 0 && vmd_is_cancelled (cancellable, error))
        return FALSE;
      if (n == 0 || is_zero (block, (gsize) n))
        continue;
      add_number (checksum, offset);
      g_checksum_update (checksum, (const guchar *) block, n);
    }

  return TRUE;
}

char *
vmd_digest_file (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  vmd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    {
      vmd_fail_errno (error, errno, "cannot open %s", path);
      return NULL;
    }
  add_number (checksum, (guint64) status.st_size);
  if (!vmd_fault_point ("digest", error) ||
      !add_content (checksum, fd, path, (guint64) status.st_size, cancellable, error))
    return NULL;

  return g_strdup (g_checksum_get_string (checksum));
}
