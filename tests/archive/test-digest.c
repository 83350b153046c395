/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SIZE (10 * 1024 * 1024)

/* A file of SIZE bytes, with one byte at @offset. */
static char *
make (Fixture *fixture, const char *name, off_t offset, gboolean is_sparse)
{
  char *path = fixture_path (fixture, name);
  g_autofree char *content = g_malloc0 (SIZE);
  vmd_autofd int fd = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  content[offset] = 'x';
  if (is_sparse)
    {
      g_assert_cmpint (ftruncate (fd, SIZE), ==, 0);
      g_assert_cmpint (pwrite (fd, "x", 1, offset), ==, 1);
    }
  else
    g_assert_cmpint (write (fd, content, SIZE), ==, SIZE);
  return path;
}

static char *
digest (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *digest = vmd_digest_file (path, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (digest), ==, 64);
  g_assert_cmpuint (strspn (digest, "0123456789abcdef"), ==, 64);
  return digest;
}

/* What a hole is, is the business of the file system. */
static void
test_holes (Fixture *fixture, gconstpointer data)
{
  static const off_t offsets[] = { 0, 1, 65535, 65536, 5000000, SIZE - 1 };

  for (gsize i = 0; i < G_N_ELEMENTS (offsets); i++)
    {
      g_autofree char *sparse = make (fixture, "sparse", offsets[i], TRUE);
      g_autofree char *full = make (fixture, "full", offsets[i], FALSE);
      g_autofree char *one = digest (sparse);
      g_autofree char *other = digest (full);

      g_assert_cmpstr (one, ==, other);
    }
}

static void
test_differences (Fixture *fixture, gconstpointer data)
{
  g_autofree char *first = make (fixture, "first", 100, TRUE);
  g_autofree char *moved = make (fixture, "moved", 65636, TRUE);
  g_autofree char *longer = make (fixture, "longer", 100, TRUE);
  g_autofree char *a = digest (first);
  g_autofree char *b = digest (moved);
  g_autofree char *c = NULL;

  g_assert_cmpint (truncate (longer, SIZE + 1), ==, 0);
  c = digest (longer);
  g_assert_cmpstr (a, !=, b);
  g_assert_cmpstr (a, !=, c);
  g_assert_cmpstr (b, !=, c);
}

/* As another program computes it: the format is for ever, since images are named by it. */
static void
test_known (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = fixture_path (fixture, "known");
  g_autofree char *got = NULL;

  write_file (path, "hello", 5);
  got = digest (path);
  g_assert_cmpstr (got, ==, "08edcc8bf623c9917c98a60e852fa8909358a6c0007a343f654c5f931ac13487");
}

static void
test_errors (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = make (fixture, "file", 0, FALSE);
  g_autofree char *missing = fixture_path (fixture, "missing");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_digest_file (missing, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_null (vmd_digest_file (path, cancellable, &error));
  assert_vmd_error (error, VMD_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/digest/holes", test_holes);
  add_test ("/digest/differences", test_differences);
  add_test ("/digest/known", test_known);
  add_test ("/digest/errors", test_errors);
  return g_test_run ();
}
