/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libvmd/source/vmd-tar-writer-private.h"

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>

/* What is written is read again by libarchive, whose idea of a tar is not ours. */

static gboolean
collect_cb (const void *bytes, gsize length, gpointer data, GError **error)
{
  g_byte_array_append (data, bytes, (guint) length);
  return TRUE;
}

typedef struct
{
  GByteArray *bytes;
  VmdTarWriter *writer;
  struct archive *reader;
} Tar;

static void
tar_set_up (Tar *self, gconstpointer data)
{
  self->bytes = g_byte_array_new ();
  self->writer = vmd_tar_writer_new (collect_cb, self->bytes);
  self->reader = archive_read_new ();
  g_assert_cmpint (archive_read_support_format_tar (self->reader), ==, ARCHIVE_OK);
}

static void
tar_tear_down (Tar *self, gconstpointer data)
{
  archive_read_free (self->reader);
  vmd_tar_writer_free (self->writer);
  g_byte_array_unref (self->bytes);
}

static void
begin (Tar *self, const char *name, guint mode, guint64 size, gint64 mtime, const char *target)
{
  g_autoptr (GError) error = NULL;

  vmd_tar_writer_begin (self->writer, name, mode, size, mtime, target, &error);
  g_assert_no_error (error);
}

/* Of the letters in turn, so that each place differs from the next. */
static char
content_at (guint64 offset)
{
  return (char) ('a' + offset % 23);
}

static void
write_content (Tar *self, guint64 size)
{
  g_autoptr (GError) error = NULL;

  for (guint64 done = 0; done < size;)
    {
      gsize room;
      char *place = vmd_tar_writer_reserve (self->writer, &room, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (room, >, 0);
      g_assert_cmpuint (room, <=, size - done);
      /* A read may give less than it was asked for. */
      room = MIN (room, 100000);
      for (gsize i = 0; i < room; i++)
        place[i] = content_at (done + i);
      vmd_tar_writer_advance (self->writer, room);
      done += room;
    }
}

static void
finish (Tar *self)
{
  g_autoptr (GError) error = NULL;

  vmd_tar_writer_finish (self->writer, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (self->bytes->len % 512, ==, 0);
  g_assert_cmpint (archive_read_open_memory (self->reader, self->bytes->data, self->bytes->len), ==,
                   ARCHIVE_OK);
}

static struct archive_entry *
next (Tar *self)
{
  struct archive_entry *entry;

  g_assert_cmpint (archive_read_next_header (self->reader, &entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_entry_uid (entry), ==, 0);
  g_assert_cmpint (archive_entry_gid (entry), ==, 0);
  return entry;
}

static void
assert_end (Tar *self)
{
  struct archive_entry *entry;

  g_assert_cmpint (archive_read_next_header (self->reader, &entry), ==, ARCHIVE_EOF);
}

/* A name of @length bytes with a slash at each place that @slashes divides. */
static char *
make_name (guint length, guint slashes)
{
  char *name = g_malloc (length + 1);

  for (guint i = 0; i < length; i++)
    name[i] = i > 0 && i + 1 < length && i % slashes == 0 ? '/' : content_at (i);
  name[length] = '\0';
  return name;
}

static void
test_names (Tar *self, gconstpointer data)
{
  static const guint distances[] = { 2, 7, 50, 99, 100, 101, 154, 155, 156, 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (distances); i++)
    for (guint length = 1; length <= 320; length++)
      {
        g_autofree char *name = make_name (length, distances[i]);

        begin (self, name, S_IFREG | 0644, 0, 0, NULL);
        begin (self, name, S_IFLNK | 0777, 0, 0, name);
      }
  finish (self);
  for (guint i = 0; i < G_N_ELEMENTS (distances); i++)
    for (guint length = 1; length <= 320; length++)
      {
        g_autofree char *name = make_name (length, distances[i]);
        struct archive_entry *entry = next (self);

        g_assert_cmpstr (archive_entry_pathname (entry), ==, name);
        g_assert_cmpint (archive_entry_filetype (entry), ==, AE_IFREG);
        entry = next (self);
        g_assert_cmpstr (archive_entry_pathname (entry), ==, name);
        g_assert_cmpint (archive_entry_filetype (entry), ==, AE_IFLNK);
        g_assert_cmpstr (archive_entry_symlink (entry), ==, name);
      }
  assert_end (self);
}

/* Around the borders of blocks, and of the buffer. */
static void
test_contents (Tar *self, gconstpointer data)
{
  static const guint64 sizes[] = { 0,      1,      511,    512,    513,    1024,   260095,
                                   261119, 261120, 261632, 262143, 262144, 262145, 600000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      begin (self, "file", S_IFREG | 0755, sizes[i], 1234567890, NULL);
      write_content (self, sizes[i]);
    }
  finish (self);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      struct archive_entry *entry = next (self);
      g_autofree char *content = g_malloc (sizes[i] + 1);

      g_assert_cmpint (archive_entry_size (entry), ==, (gint64) sizes[i]);
      g_assert_cmpint (archive_entry_mtime (entry), ==, 1234567890);
      g_assert_cmpint (archive_entry_perm (entry), ==, 0755);
      g_assert_cmpint (archive_read_data (self->reader, content, sizes[i] + 1), ==,
                       (gint64) sizes[i]);
      for (guint64 at = 0; at < sizes[i]; at++)
        if (content[at] != content_at (at))
          g_error ("of %" G_GUINT64_FORMAT " bytes the one at %" G_GUINT64_FORMAT " is another",
                   sizes[i], at);
    }
  assert_end (self);
}

static void
test_times (Tar *self, gconstpointer data)
{
  static const gint64 times[] = { 0, 1, -1, -86400, 8589934591, 8589934592, 253402300800 };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    begin (self, "file", S_IFREG | 0644, 0, times[i], NULL);
  finish (self);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    g_assert_cmpint (archive_entry_mtime (next (self)), ==, times[i]);
  assert_end (self);
}

/* Their headers only: who has read that far would read 8 GiB more. */
static void
test_large (Tar *self, gconstpointer data)
{
  guint64 size = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;
  gsize room;

  begin (self, "file", S_IFREG | 0644, size, 0, NULL);
  while (self->bytes->len == 0)
    {
      char *place = vmd_tar_writer_reserve (self->writer, &room, &error);

      g_assert_no_error (error);
      memset (place, 0, room);
      vmd_tar_writer_advance (self->writer, room);
    }
  g_assert_cmpint (archive_read_open_memory (self->reader, self->bytes->data, self->bytes->len), ==,
                   ARCHIVE_OK);
  g_assert_cmpint (archive_entry_size (next (self)), ==, (gint64) size);
}

/* As git has them: names are bytes, whatever the character set. */
static void
test_bytes (Tar *self, gconstpointer data)
{
  static const char *const names[] = {
    "caf\xc3\xa9", "\xff\xfe", "a\nb", " ", "\t=", "-rf", "a=b"
  };
  gsize offset = 0;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    begin (self, names[i], S_IFREG | 0644, 0, 0, NULL);
  finish (self);
  g_assert_cmpuint (self->bytes->len, ==, (G_N_ELEMENTS (names) + 2) * 512);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++, offset += 512)
    g_assert_cmpmem (self->bytes->data + offset, strlen (names[i]) + 1, names[i],
                     strlen (names[i]) + 1);
}

static gboolean
refuse_cb (const void *bytes, gsize length, gpointer data, GError **error)
{
  guint *pieces = data;

  if ((*pieces)-- > 0)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "no more");
  return FALSE;
}

static void
test_sink_fails (void)
{
  for (guint n = 0; n < 3; n++)
    {
      guint pieces = n;
      g_autoptr (VmdTarWriter) writer = vmd_tar_writer_new (refuse_cb, &pieces);
      g_autoptr (GError) error = NULL;
      gboolean written = TRUE;

      for (guint i = 0; written && i < 1200; i++)
        written = vmd_tar_writer_begin (writer, "file", S_IFREG | 0644, 0, 0, NULL, &error);
      g_assert_true (!written || !vmd_tar_writer_finish (writer, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define TEST(path, function, data)                                                                 \
  g_test_add ("/tar-writer/" path, Tar, data, tar_set_up, function, tar_tear_down)
  TEST ("names", test_names, NULL);
  TEST ("contents", test_contents, NULL);
  TEST ("times", test_times, NULL);
  TEST ("large/plain", test_large, GSIZE_TO_POINTER (8589934591));
  TEST ("large/extended", test_large, GSIZE_TO_POINTER (8589934592));
  TEST ("bytes", test_bytes, NULL);
  g_test_add_func ("/tar-writer/sink-fails", test_sink_fails);
  return g_test_run ();
}
