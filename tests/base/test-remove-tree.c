/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *root; /* with "tree" to remove and "outside" to stay */
  char *tree;
  char *outside;
} Fixture;

static void
write_text (const char *path)
{
  vmd_autofd int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  g_assert_cmpint (write (fd, "text", 4), ==, 4);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->root = g_dir_make_tmp ("vmd-remove-XXXXXX", NULL);
  g_assert_nonnull (self->root);
  self->tree = g_build_filename (self->root, "tree", NULL);
  self->outside = g_build_filename (self->root, "outside", NULL);
  g_assert_no_errno (g_mkdir (self->tree, 0700));
  write_text (self->outside);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_assert_true (g_file_test (self->outside, G_FILE_TEST_IS_REGULAR));
  g_assert_no_errno (g_unlink (self->outside));
  g_assert_no_errno (g_rmdir (self->root));
  g_free (self->outside);
  g_free (self->tree);
  g_free (self->root);
}

static char *
inside (Fixture *self, const char *name)
{
  return g_build_filename (self->tree, name, NULL);
}

static void
make_directory (Fixture *self, const char *name, mode_t mode)
{
  g_autofree char *path = inside (self, name);

  g_assert_no_errno (g_mkdir (path, mode));
}

static void
assert_removed (const char *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_remove_tree (path, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_tree (Fixture *self, gconstpointer data)
{
  g_autofree char *file = inside (self, "a/b/file");
  g_autofree char *fifo = inside (self, "a/fifo");

  make_directory (self, "a", 0700);
  make_directory (self, "a/b", 0700);
  make_directory (self, "a/empty", 0700);
  write_text (file);
  g_assert_no_errno (mkfifo (fifo, 0));
  assert_removed (self->tree);
}

static void
test_nothing_there (Fixture *self, gconstpointer data)
{
  g_autofree char *below = g_build_filename (self->outside, "below", NULL);
  g_autoptr (GError) error = NULL;

  assert_removed (self->tree);
  assert_removed (self->tree);
  g_assert_false (vmd_remove_tree (below, &error));
  g_assert_nonnull (error);
}

static void
test_file (Fixture *self, gconstpointer data)
{
  g_autofree char *file = inside (self, "file");

  write_text (file);
  assert_removed (file);
  assert_removed (self->tree);
}

/* LESSONS 31: no symlink leads out of the tree, and none of the tree's own either. */
static void
test_lesson_31_symlinks (Fixture *self, gconstpointer data)
{
  g_autofree char *to_file = inside (self, "to-file");
  g_autofree char *to_directory = inside (self, "to-directory");
  g_autofree char *to_itself = inside (self, "to-itself");
  g_autofree char *elsewhere = g_build_filename (self->root, "elsewhere", NULL);
  g_autofree char *kept = g_build_filename (elsewhere, "kept", NULL);

  g_assert_no_errno (g_mkdir (elsewhere, 0700));
  write_text (kept);
  g_assert_no_errno (symlink (self->outside, to_file));
  g_assert_no_errno (symlink (elsewhere, to_directory));
  g_assert_no_errno (symlink ("to-itself", to_itself));
  assert_removed (self->tree);
  g_assert_true (g_file_test (kept, G_FILE_TEST_IS_REGULAR));
  /* The path itself may be one. */
  g_assert_no_errno (symlink (elsewhere, self->tree));
  assert_removed (self->tree);
  g_assert_true (g_file_test (kept, G_FILE_TEST_IS_REGULAR));
  assert_removed (elsewhere);
}

static void
test_hard_link (Fixture *self, gconstpointer data)
{
  g_autofree char *other = inside (self, "other");
  g_autofree char *text = NULL;

  g_assert_no_errno (link (self->outside, other));
  assert_removed (self->tree);
  g_assert_true (g_file_get_contents (self->outside, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "text");
}

/* An unpacked tree has directories that their own owner may not write to, or even look into. */
static void
test_modes (Fixture *self, gconstpointer data)
{
  const char *const names[] = { "m0", "m4", "m5", "m1" };
  const mode_t modes[] = { 0, 0400, 0500, 0100 };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = inside (self, names[i]);
      g_autofree char *file = g_build_filename (path, "file", NULL);

      make_directory (self, names[i], 0700);
      write_text (file);
      g_assert_no_errno (g_chmod (file, 0));
      g_assert_no_errno (g_chmod (path, modes[i]));
    }
  g_assert_no_errno (g_chmod (self->tree, 0500));
  assert_removed (self->tree);
}

static void
test_names (Fixture *self, gconstpointer data)
{
  g_autofree char *longest = g_strnfill (255, 'x');
  const char *const names[] = { "-rf", " ", "a\nb", "\377\376", "...", "*", longest };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = inside (self, names[i]);

      write_text (path);
    }
  assert_removed (self->tree);
}

/* Deeper than a path can be long: each directory is reached from the one above it. */
static void
test_deep (Fixture *self, gconstpointer data)
{
  g_autofree char *name = g_strnfill (200, 'd');
  vmd_autofd int parent = open (self->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (guint i = 0; i < 60; i++)
    {
      int child;

      g_assert_no_errno (mkdirat (parent, name, 0700));
      child = openat (parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_assert_cmpint (child, >=, 0);
      close (parent);
      parent = child;
    }
  assert_removed (self->tree);
}

static void
test_many (Fixture *self, gconstpointer data)
{
  vmd_autofd int directory = open (self->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *name = g_strdup_printf ("file-%u", i);
      int fd = openat (directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

      g_assert_cmpint (fd, >=, 0);
      close (fd);
    }
  assert_removed (self->tree);
}

/* Even root cannot remove what is in /proc: what failed is named, and only the first faults are
 * told. */
static void
test_faults (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_remove_tree ("/proc/self/fdinfo", &error));
  g_assert_nonnull (error);
  g_assert_true (error->domain == VMD_ERROR);
  g_assert_nonnull (strstr (error->message, "/proc/self/fdinfo"));
  g_assert_nonnull (strstr (error->message, "; and then: "));
  g_assert_true (g_file_test ("/proc/self/fdinfo", G_FILE_TEST_IS_DIR));
  assert_removed (self->tree);
}

#define add_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/remove-tree/tree", test_tree);
  add_test ("/remove-tree/nothing-there", test_nothing_there);
  add_test ("/remove-tree/file", test_file);
  add_test ("/remove-tree/lesson-31-symlinks", test_lesson_31_symlinks);
  add_test ("/remove-tree/hard-link", test_hard_link);
  add_test ("/remove-tree/modes", test_modes);
  add_test ("/remove-tree/names", test_names);
  add_test ("/remove-tree/deep", test_deep);
  add_test ("/remove-tree/many", test_many);
  add_test ("/remove-tree/faults", test_faults);
  return g_test_run ();
}
