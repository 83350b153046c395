/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <string.h>

#define BUFFER_SIZE (256 * 1024)
#define TAR_BLOCK 512

/* Between libarchive and the descriptor. Freed when libarchive closes the reader. */
typedef struct
{
  int fd; /* the caller's */
  GCancellable *cancellable; /* (nullable) a reference */
  VmdArchiveInput *input; /* (nullable) the caller's */
  guint zeros; /* at the end of what was read, at most TAR_BLOCK */
  char buffer[BUFFER_SIZE];
} Feed;

/* @doing: what failed, for the message. Errors of the system keep their meaning, and all the others
 *   are the archive's. */
gboolean
vmd_archive_fail (struct archive *archive, GError **error, const char *doing)
{
  int code = archive_errno (archive);
  const char *message = archive_error_string (archive);

  switch (code)
    {
    case ECANCELED:
      return vmd_fail (error, VMD_ERROR_CANCELLED, "cancelled");
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EACCES:
    case EPERM:
    case ENOMEM:
    case EPIPE:
    case ETIMEDOUT:
      return vmd_fail_errno (error, code, "%s", doing);
    default:
      return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "%s: %s", doing,
                       message != NULL ? message : "the archive is damaged");
    }
}

static int
code_to_errno (const GError *error)
{
  switch (error->code)
    {
    case VMD_ERROR_CANCELLED:
      return ECANCELED;
    case VMD_ERROR_TIMED_OUT:
      return ETIMEDOUT;
    case VMD_ERROR_PERMISSION_DENIED:
      return EACCES;
    default:
      return EIO;
    }
}

static void
count_zeros (Feed *feed, gsize length)
{
  gsize zeros = 0;

  while (zeros < length && zeros < TAR_BLOCK && feed->buffer[length - 1 - zeros] == '\0')
    zeros++;
  feed->zeros = zeros == length ? MIN (feed->zeros + (guint) zeros, TAR_BLOCK) : (guint) zeros;
}

/* The descriptor is the caller's, and may be a pipe on which a read() waits, so it is not read
 * before there is something. */
gssize
vmd_archive_read_input (int fd, void *data, gsize length, GCancellable *cancellable, GError **error)
{
  struct pollfd wait = { .fd = fd, .events = POLLIN };

  if (!vmd_poll (&wait, 1, cancellable, VMD_NO_DEADLINE, "reading the input", error))
    return -1;
  return vmd_read_some (fd, data, length, cancellable, VMD_NO_DEADLINE, error);
}

static la_ssize_t
read_cb (struct archive *archive, void *data, const void **bytes)
{
  Feed *feed = data;
  g_autoptr (GError) error = NULL;
  gssize n = vmd_archive_read_input (feed->fd, feed->buffer, sizeof feed->buffer, feed->cancellable,
                                     &error);

  if (n < 0)
    {
      archive_set_error (archive, code_to_errno (error), "%s", error->message);
      return -1;
    }
  count_zeros (feed, (gsize) n);
  if (feed->input != NULL)
    {
      feed->input->bytes += (guint64) n;
      feed->input->ends_in_zeros = feed->zeros == TAR_BLOCK;
    }
  *bytes = feed->buffer;
  return n;
}

static int
close_cb (struct archive *archive, void *data)
{
  Feed *feed = data;

  g_clear_object (&feed->cancellable);
  g_free (feed);
  return ARCHIVE_OK;
}

/* One by one: "all of them" has some that libarchive runs a program for. */
void
vmd_archive_support_filters (struct archive *archive)
{
  archive_read_support_filter_gzip (archive);
  archive_read_support_filter_bzip2 (archive);
  archive_read_support_filter_xz (archive);
  archive_read_support_filter_lzma (archive);
  archive_read_support_filter_zstd (archive);
}

VmdArchiveReader *
vmd_archive_reader_open (int fd, GCancellable *cancellable, VmdArchiveInput *input, GError **error)
{
  g_autoptr (VmdArchiveReader) archive = archive_read_new ();
  Feed *feed = g_new0 (Feed, 1);

  feed->fd = fd;
  feed->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  feed->input = input;
  vmd_archive_support_filters (archive);
  archive_read_support_format_tar (archive);
  archive_read_support_format_cpio (archive);
  archive_read_support_format_ar (archive);
  if (archive_read_open (archive, feed, NULL, read_cb, close_cb) != ARCHIVE_OK)
    {
      vmd_archive_fail (archive, error, "cannot read the archive");
      return NULL;
    }

  return g_steal_pointer (&archive);
}

VmdArchiveReader *
vmd_archive_reader_open_raw (const void *data, gsize length, GError **error)
{
  g_autoptr (VmdArchiveReader) archive = archive_read_new ();

  vmd_archive_support_filters (archive);
  archive_read_support_format_raw (archive);
  if (archive_read_open_memory (archive, data, length) != ARCHIVE_OK)
    {
      vmd_archive_fail (archive, error, "cannot read the compressed file");
      return NULL;
    }

  return g_steal_pointer (&archive);
}

gboolean
vmd_archive_next (VmdArchiveReader *archive, struct archive_entry **entry, GError **error)
{
  int result = archive_read_next_header (archive, entry);

  /* A warning is about a name or a number that is out of the ordinary; the entry is whole. */
  if (result == ARCHIVE_OK || result == ARCHIVE_WARN)
    return TRUE;
  *entry = NULL;
  return result == ARCHIVE_EOF || vmd_archive_fail (archive, error, "cannot read the archive");
}

GByteArray *
vmd_archive_read_all (VmdArchiveReader *archive, gsize limit, const char *what, GError **error)
{
  g_autoptr (GByteArray) content = g_byte_array_new ();
  g_autofree char *buffer = g_malloc (BUFFER_SIZE);
  la_ssize_t n;

  while ((n = archive_read_data (archive, buffer, BUFFER_SIZE)) > 0)
    {
      if (content->len + (gsize) n > limit)
        {
          vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "%s is larger than %" G_GSIZE_FORMAT " bytes",
                    what, limit);
          return NULL;
        }
      g_byte_array_append (content, (const guint8 *) buffer, (guint) n);
    }
  if (n < 0)
    {
      vmd_archive_fail (archive, error, "cannot read the archive");
      return NULL;
    }

  return g_steal_pointer (&content);
}

const char *
vmd_archive_entry_name (struct archive_entry *entry, GError **error)
{
  const char *name = archive_entry_pathname (entry);

  if (name == NULL)
    name = archive_entry_pathname_utf8 (entry);
  if (name == NULL || name[0] == '\0')
    {
      vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "the archive has a member without a name");
      return NULL;
    }

  return name;
}

void
vmd_archive_locale_enter (VmdArchiveLocale *self)
{
  self->utf8 = newlocale (LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
  self->before = self->utf8 != (locale_t) 0 ? uselocale (self->utf8) : (locale_t) 0;
}

void
vmd_archive_locale_leave (VmdArchiveLocale *self)
{
  if (self->utf8 == (locale_t) 0)
    return;
  uselocale (self->before);
  freelocale (self->utf8);
  self->utf8 = (locale_t) 0;
}
