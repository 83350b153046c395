/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source-stream-private.h"

#include "../archive/vmd-archive-private.h"
#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <unistd.h>

/* A tree as a pax tar: sorted by the bytes of the names, with root as owner, so that two streams
 * of one tree are the same bytes.
 *
 * What is sent is whole or nothing. A header announces a size before the content is read, and
 * the file may change meanwhile: padding or cutting it to fit was rejected, since a half-written
 * file would arrive as if it were a good one. So a file whose size or times are not the same
 * after reading fails the stream, by name. A failed stream never gets the blocks that end an
 * archive (libarchive would write them when it is freed, hence archive_write_fail()), and what
 * has no end is not put into place.
 *
 * The manifest is the sha256 of a line for each file: name, NUL, mode, size, time of last
 * change. It is made of what stat() says, as git's own index is, so that "has anything changed
 * since the last push, and what?" can later be answered without reading 600,000 files again; a
 * digest of each content would cost more than the whole import. As with git's index, a file
 * changed in the same clock tick as it was read looks unchanged: a later push has to treat a
 * file as changed whose time is not older than the push. */

#define PIECE_SIZE (256 * 1024)

typedef struct archive VmdArchiveWriter;

/* Everything a stream in progress has. */
typedef struct
{
  locale_t locale; /* the thread's meanwhile */
  locale_t caller_locale;
  VmdArchiveWriter *archive;
  struct archive_entry *entry;
  VmdSourceWalk walk;
  char *buffer; /* PIECE_SIZE */
  GChecksum *manifest;
  VmdSourceTotals *totals;
  GCancellable *cancellable;
  VmdSourceSink sink;
  gpointer sink_data;
  GError *sink_error; /* why the sink took no more */
  gboolean abandoned; /* the sink gets nothing any more */
} VmdSourceStream;

/* Ends an archive without an end. Closing it frees what libarchive has for the output, which
 * freeing alone would leak; it also writes the end, which goes nowhere; and failing it before
 * keeps it from filling up the member that is not whole. */
static void
abandon_archive (VmdSourceStream *self)
{
  self->abandoned = TRUE;
  archive_write_fail (self->archive);
  archive_write_close (self->archive);
  g_clear_pointer (&self->archive, archive_write_free);
}

static void
vmd_source_stream_clear (VmdSourceStream *self)
{
  if (self->archive != NULL)
    abandon_archive (self);
  uselocale (self->caller_locale);
  freelocale (self->locale);
  archive_entry_free (self->entry);
  vmd_source_walk_clear (&self->walk);
  g_free (self->buffer);
  g_checksum_free (self->manifest);
  g_clear_error (&self->sink_error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdSourceStream, vmd_source_stream_clear)

/* libarchive failed, most probably because of the sink. */
static gboolean
fail_archive (VmdSourceStream *self, GError **error)
{
  if (self->sink_error == NULL)
    return vmd_archive_fail (self->archive, error, "cannot write the tar");

  g_propagate_error (error, g_steal_pointer (&self->sink_error));
  return FALSE;
}

static gboolean
fail_file (const char *doing, const char *name, GError **error)
{
  int saved_errno = errno;
  g_autofree char *shown = vmd_source_display_name (name);

  return vmd_fail_errno (error, saved_errno, "cannot %s '%s'", doing, shown);
}

static gboolean
fail_changed (const char *name, GError **error)
{
  g_autofree char *shown = vmd_source_display_name (name);

  return vmd_fail (error, VMD_ERROR_FAILED,
                   "'%s' was changed while it was read; try again when nothing writes to it",
                   shown);
}

static la_ssize_t
write_cb (struct archive *archive, void *data, const void *bytes, size_t length)
{
  VmdSourceStream *self = data;

  if (self->abandoned || self->sink (bytes, length, self->sink_data, &self->sink_error))
    return (la_ssize_t) length;

  archive_set_error (archive, EIO, "the stream is broken");
  return -1;
}

/* Names are bytes. libarchive takes them to be text of the locale, and where they are not,
 * writes them as the bytes they are; in the C locale that is all that is not ASCII. Its own
 * option for binary names gives each file an extended header, which doubles the size of a tree
 * of small files. */
static void
enter_locale (VmdSourceStream *self)
{
  self->locale = newlocale (LC_CTYPE_MASK, "C", (locale_t) 0);
  self->caller_locale = uselocale (self->locale);
}

static gboolean
stream_open (VmdSourceStream *self, GError **error)
{
  self->archive = archive_write_new ();
  self->entry = archive_entry_new ();
  self->buffer = g_malloc (PIECE_SIZE);
  self->manifest = g_checksum_new (G_CHECKSUM_SHA256);

  /* Restricted: an extended header only where a plain one cannot say it. */
  if (archive_write_set_format_pax_restricted (self->archive) == ARCHIVE_OK &&
      archive_write_set_bytes_per_block (self->archive, PIECE_SIZE) == ARCHIVE_OK &&
      archive_write_set_bytes_in_last_block (self->archive, 1) == ARCHIVE_OK &&
      archive_write_open (self->archive, self, NULL, write_cb, NULL) == ARCHIVE_OK)
    return TRUE;

  return fail_archive (self, error);
}

/* Puts one member's header into the tar, and its line into the manifest. @target: of a symbolic
 * link. Times are cut to whole seconds in the tar: a fraction would cost each file an extended
 * header, twice the size of most. */
static gboolean
begin_member (VmdSourceStream *self, const char *name, const struct stat *status,
              const char *target, GError **error)
{
  /* What git tracks of a mode. */
  guint mode =
      target != NULL ? S_IFLNK | 0777 : S_IFREG | (status->st_mode & S_IXUSR ? 0755 : 0644);
  guint64 size = target != NULL ? 0 : (guint64) status->st_size;
  g_autofree char *line =
      g_strdup_printf ("%o %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld\n", mode, size,
                       (gint64) status->st_mtim.tv_sec, status->st_mtim.tv_nsec);

  archive_entry_clear (self->entry);
  archive_entry_copy_pathname (self->entry, name);
  archive_entry_set_mode (self->entry, mode);
  archive_entry_set_size (self->entry, (la_int64_t) size);
  archive_entry_set_mtime (self->entry, status->st_mtim.tv_sec, 0);
  if (target != NULL)
    archive_entry_copy_symlink (self->entry, target);
  /* A warning: the name is not in the locale's character set, so that it is written as bytes. */
  if (archive_write_header (self->archive, self->entry) < ARCHIVE_WARN)
    return fail_archive (self, error);

  g_checksum_update (self->manifest, (const guchar *) name, (gssize) strlen (name) + 1);
  g_checksum_update (self->manifest, (const guchar *) line, -1);
  self->totals->files++;
  return TRUE;
}

/* Sends @size bytes of @fd; FALSE also when it has not that many. */
static gboolean
send_content (VmdSourceStream *self, int fd, const char *name, guint64 size, GError **error)
{
  guint64 left = size;

  while (left > 0)
    {
      gssize n = read (fd, self->buffer, MIN (left, PIECE_SIZE));

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail_file ("read", name, error);
      if (n == 0)
        return fail_changed (name, error);
      if (vmd_is_cancelled (self->cancellable, error))
        return FALSE;
      if (archive_write_data (self->archive, self->buffer, n) != n)
        return fail_archive (self, error);
      left -= n;
    }

  self->totals->bytes += size;
  return TRUE;
}

static gboolean
is_same_state (const struct stat *a, const struct stat *b)
{
  return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
         a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static gboolean
send_file (VmdSourceStream *self, int fd, const char *name, GError **error)
{
  struct stat before, after;

  if (fstat (fd, &before) < 0)
    return fail_file ("look at", name, error);
  /* A pipe or the like has taken its place since it was listed. */
  if (!S_ISREG (before.st_mode))
    return TRUE;
  if (!begin_member (self, name, &before, NULL, error) ||
      !send_content (self, fd, name, (guint64) before.st_size, error))
    return FALSE;
  if (fstat (fd, &after) < 0)
    return fail_file ("look at", name, error);

  return is_same_state (&before, &after) || fail_changed (name, error);
}

static gboolean
send_link (VmdSourceStream *self, int directory_fd, const char *base, const char *name,
           GError **error)
{
  char target[PATH_MAX];
  gssize length = readlinkat (directory_fd, base, target, sizeof target - 1);
  struct stat status;

  if (length < 0 || fstatat (directory_fd, base, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == EINVAL ? fail_changed (name, error) : fail_file ("read", name, error);

  target[length] = '\0';
  return begin_member (self, name, &status, target, error);
}

/* A file that went since it was listed is as one that was never there: the work tree has not got
 * it. */
static gboolean
send_member (VmdSourceStream *self, const char *name, GError **error)
{
  const char *base;
  int directory_fd = vmd_source_walk_enter (&self->walk, name, &base);
  vmd_autofd int fd = -1;

  if (directory_fd < 0)
    return vmd_source_is_gone (errno) || fail_file ("reach", name, error);
  /* Not blocking: or else a pipe in its place would be waited for. */
  fd = openat (directory_fd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0)
    return send_file (self, fd, name, error);
  if (errno == ELOOP)
    return send_link (self, directory_fd, base, name, error);

  return vmd_source_is_gone (errno) || errno == ENXIO || fail_file ("open", name, error);
}

/**
 * vmd_source_stream: (skip)
 * @tree: what to send
 * @sink: (scope call): gets the tar, in pieces of up to 256 KiB
 * @data: for @sink
 * @totals: (out): what went through
 * @cancellable: (nullable): ends it
 * @error: names the file that could not be read, or changed meanwhile
 *
 * Sends the tree as it is now. When it fails, the sink has got a tar without an end.
 *
 * Returns: whether all of it was sent
 */
gboolean
vmd_source_stream (const VmdSourceTree *tree, VmdSourceSink sink, gpointer data,
                   VmdSourceTotals *totals, GCancellable *cancellable, GError **error)
{
  g_auto (VmdSourceStream) self = {
    .totals = totals,
    .cancellable = cancellable,
    .sink = sink,
    .sink_data = data,
  };

  *totals = (VmdSourceTotals){ 0 };
  vmd_source_walk_init (&self.walk, tree);
  enter_locale (&self);
  if (!stream_open (&self, error))
    return FALSE;
  for (guint i = 0; i < tree->files->len; i++)
    if (vmd_is_cancelled (cancellable, error) ||
        !send_member (&self, g_ptr_array_index (tree->files, i), error))
      return FALSE;
  if (archive_write_close (self.archive) != ARCHIVE_OK)
    return fail_archive (&self, error);
  g_clear_pointer (&self.archive, archive_write_free);

  g_strlcpy (totals->manifest, g_checksum_get_string (self.manifest), sizeof totals->manifest);
  return TRUE;
}
