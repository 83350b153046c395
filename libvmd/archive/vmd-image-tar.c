/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../vmd-job-private.h"

#include <sys/stat.h>

/* A root file system out of a tar. The disk's size has to be chosen before it is known how much
 * there is to put on it, since the tar may come through a pipe; but what is not used of a disk
 * costs nothing. */

#define GIB (G_GUINT64_CONSTANT (1024) * 1024 * 1024)

/* How large a disk is when nothing suggests more, as that of a VM is. */
#define DISK_SIZE (4 * GIB)
#define DISK_SIZE_MAX (256 * GIB)

/* More than any compression saves on programs and texts. What saves more is not worth its room. */
#define EXPANSION 6

/* So often are job and cancellable told of how far it is. */
#define BYTES_BETWEEN_REPORTS (1024 * 1024)

/* Twice what a file of this size can have in it, as a power of two. */
static guint64
choose_disk_size (guint64 archive_size)
{
  guint64 size = DISK_SIZE;

  while (size < DISK_SIZE_MAX && size / 2 < archive_size * EXPANSION)
    size *= 2;
  return size;
}

/* 0: not known. */
static guint64
get_archive_size (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 && S_ISREG (status.st_mode) ? (guint64) status.st_size : 0;
}

typedef struct
{
  VmdExt4 *disk;
  VmdArchiveReader *archive;
  VmdArchiveInput input;
  VmdJob *job;
  guint64 total;
  guint64 reported;
  guint64 members;
} Import;

static void
report (Import *import)
{
  if (import->input.bytes < import->reported + BYTES_BETWEEN_REPORTS)
    return;
  import->reported = import->input.bytes;
  vmd_job_set_bytes (import->job, import->input.bytes, import->total);
}

/* A tar without compression that is cut between two members looks as if it were whole, but for the
 * zeros that end it. */
static gboolean
check_end (Import *import, GError **error)
{
  gboolean is_compressed = archive_filter_count (import->archive) > 1;
  gboolean is_tar =
      (archive_format (import->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;

  if (import->members == 0)
    return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "the archive is empty");
  if (is_tar && !is_compressed && !import->input.ends_in_zeros)
    return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE,
                     "the archive is cut short: it has no end mark after %" G_GUINT64_FORMAT
                     " bytes",
                     import->input.bytes);

  return TRUE;
}

static gboolean
copy_members (Import *import, GCancellable *cancellable, GError **error)
{
  struct archive_entry *entry;

  for (;;)
    {
      if (!vmd_archive_next (import->archive, &entry, error))
        return FALSE;
      if (entry == NULL)
        return check_end (import, error);
      if (!vmd_ext4_add (import->disk, entry, import->archive, cancellable, error))
        return FALSE;
      import->members++;
      report (import);
    }
}

/* Where both are there, OpenSSH's is the one that the image's own init starts. */
static const char *
find_ssh_server (VmdExt4 *disk)
{
  if (vmd_ext4_exists (disk, "/usr/sbin/sshd"))
    return "openssh";
  if (vmd_ext4_exists (disk, "/usr/sbin/dropbear"))
    return "dropbear";
  return "none";
}

gboolean
vmd_image_write_from_tar (const char *path, int tar_fd, char **ssh_server, VmdJob *job,
                          GCancellable *cancellable, GError **error)
{
  g_auto (VmdArchiveLocale) locale = { 0 };
  g_autoptr (VmdArchiveReader) archive = NULL;
  g_autoptr (VmdExt4) disk = NULL;
  Import import = { .job = job, .total = get_archive_size (tar_fd) };

  vmd_archive_locale_enter (&locale);
  vmd_job_set_phase (job, "unpacking");
  archive = vmd_archive_reader_open (tar_fd, cancellable, &import.input, error);
  if (archive == NULL)
    return FALSE;
  disk = vmd_ext4_create (path, choose_disk_size (import.total), "vmd-root", error);
  if (disk == NULL)
    return FALSE;
  import.archive = archive;
  import.disk = disk;
  if (!copy_members (&import, cancellable, error) || !vmd_fault_point ("image-tar", error))
    return FALSE;

  vmd_job_set_bytes (job, import.input.bytes, import.input.bytes);
  vmd_job_set_phase (job, "writing");
  *ssh_server = g_strdup (find_ssh_server (disk));
  return vmd_ext4_finish (disk, error);
}
