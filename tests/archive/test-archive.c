/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const filters[] = { NULL, "gzip", "bzip2", "xz", "lzma", "zstd" };

/* Bytes that do not compress. */
static GByteArray *
make_noise (gsize length)
{
  GByteArray *noise = g_byte_array_sized_new ((guint) length);
  guint32 state = 1;

  for (gsize i = 0; i < length; i++)
    {
      guint8 byte;

      state = state * 1664525 + 1013904223;
      byte = (guint8) (state >> 24);
      g_byte_array_append (noise, &byte, 1);
    }
  return noise;
}

static GByteArray *
make_tar (const char *format, const char *filter)
{
  g_autoptr (GByteArray) noise = make_noise (300000);
  Tar tar;

  tar_open (&tar, format, filter);
  tar_add_directory (&tar, "a");
  tar_add_file (&tar, "a/b", "hello");
  tar_add (&tar, tar_entry ("a/noise", S_IFREG | 0600), noise->data, noise->len);
  return tar_close (&tar);
}

/* Reads all; how many members there were. */
static guint
read_through (int fd, GCancellable *cancellable, VmdArchiveInput *input, GError **error)
{
  g_autoptr (VmdArchiveReader) reader = vmd_archive_reader_open (fd, cancellable, input, error);
  struct archive_entry *entry;
  guint n = 0;

  while (reader != NULL && vmd_archive_next (reader, &entry, error) && entry != NULL)
    {
      g_autoptr (GByteArray) content = vmd_archive_read_all (reader, 1 << 20, "it", error);

      if (content == NULL)
        return n;
      n++;
    }
  return n;
}

static void
test_formats (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autoptr (GByteArray) tar = make_tar ("pax", filters[i]);
      vmd_autofd int fd = make_file_of (tar);
      VmdArchiveInput input = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (read_through (fd, NULL, &input, &error), ==, 3);
      g_assert_no_error (error);
      g_assert_cmpuint (input.bytes, ==, tar->len);
      if (filters[i] == NULL)
        g_assert_true (input.ends_in_zeros);
    }
}

static void
test_cpio (void)
{
  g_autoptr (GByteArray) archive = make_tar ("newc", NULL);
  vmd_autofd int fd = make_file_of (archive);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (read_through (fd, NULL, NULL, &error), ==, 3);
  g_assert_no_error (error);
}

/* However it is compressed, and wherever it is cut: an error, or (between two members) no end
 * mark. */
static void
test_truncated (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autoptr (GByteArray) tar = make_tar ("pax", filters[i]);

      for (guint cut = 1; cut < 20; cut++)
        {
          vmd_autofd int fd = make_file (tar->data, (guint64) tar->len * cut / 20);
          VmdArchiveInput input = { 0 };
          g_autoptr (GError) error = NULL;

          read_through (fd, NULL, &input, &error);
          if (error != NULL)
            assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
          else
            g_assert_false (input.ends_in_zeros);
        }
    }
}

static void
test_end_mark (void)
{
  Tar tar;
  g_autoptr (GByteArray) bytes = NULL;
  vmd_autofd int fd = -1;
  VmdArchiveInput input = { 0 };
  g_autoptr (GError) error = NULL;

  tar_open (&tar, "ustar", NULL);
  tar_add_file (&tar, "a", "hello");
  bytes = tar_close (&tar);
  /* Header and content, padded. */
  fd = make_file (bytes->data, 1024);
  g_assert_cmpuint (read_through (fd, NULL, &input, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_false (input.ends_in_zeros);
}

static void
test_no_archive (void)
{
  static const char *const contents[] = { "", "x", "#!/bin/sh\nexit 0\n" };

  for (gsize i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      vmd_autofd int fd = make_file (contents[i], strlen (contents[i]));
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (read_through (fd, NULL, NULL, &error), ==, 0);
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
}

/* libarchive would run a program for these. */
static void
test_no_programs (void)
{
  static const char *const magics[] = { "LRZI\0\6\0\0\0\0\0\0\0\0\0\0", "GRZipII\0\2\4:)\0\0\0\0" };

  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    {
      vmd_autofd int fd = make_file (magics[i], 16);
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (read_through (fd, NULL, NULL, &error), ==, 0);
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
}

static gpointer
cancel_cb (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

/* A pipe that nothing comes through. */
static void
test_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread;
  int fds[2];

  g_assert_cmpint (pipe (fds), ==, 0);
  thread = g_thread_new ("cancel", cancel_cb, cancellable);
  g_assert_cmpuint (read_through (fds[0], cancellable, NULL, &error), ==, 0);
  assert_vmd_error (error, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
  close (fds[0]);
  close (fds[1]);
}

static void
test_limit (void)
{
  g_autoptr (GByteArray) tar = make_tar ("pax", "xz");
  vmd_autofd int fd = make_file_of (tar);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdArchiveReader) reader = vmd_archive_reader_open (fd, NULL, NULL, &error);
  struct archive_entry *entry;

  for (guint i = 0; i < 3; i++)
    g_assert_true (vmd_archive_next (reader, &entry, &error));
  g_assert_null (vmd_archive_read_all (reader, 299999, "the noise", &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_assert_nonnull (strstr (error->message, "the noise"));
}

/* Whatever the process's locale is. */
static void
test_names (void)
{
  static const char *const names[] = { "plain",      "gr\303\274n", "\346\274\242\345\255\227",
                                       "latin-\374", "new\nline",   "-dash" };
  g_auto (VmdArchiveLocale) locale = { 0 };
  g_autoptr (GByteArray) bytes = NULL;
  g_autoptr (VmdArchiveReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  vmd_autofd int fd = -1;
  struct archive_entry *entry;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    tar_add_file (&tar, names[i], "");
  bytes = tar_close (&tar);
  fd = make_file_of (bytes);
  vmd_archive_locale_enter (&locale);
  reader = vmd_archive_reader_open (fd, NULL, NULL, &error);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_true (vmd_archive_next (reader, &entry, &error));
      g_assert_nonnull (entry);
      g_assert_cmpstr (vmd_archive_entry_name (entry, &error), ==, names[i]);
    }
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/archive/formats", test_formats);
  g_test_add_func ("/archive/cpio", test_cpio);
  g_test_add_func ("/archive/truncated", test_truncated);
  g_test_add_func ("/archive/end-mark", test_end_mark);
  g_test_add_func ("/archive/no-archive", test_no_archive);
  g_test_add_func ("/archive/no-programs", test_no_programs);
  g_test_add_func ("/archive/cancel", test_cancel);
  g_test_add_func ("/archive/limit", test_limit);
  g_test_add_func ("/archive/names", test_names);
  return g_test_run ();
}
