/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmd-error.h>

typedef struct
{
  char *base;
  char *target; /* the directory that is written, base/config */
  char *workshop; /* what lies beside it */
} Place;

static void
set_up (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  place->base = g_dir_make_tmp ("vmd-device-XXXXXX", &error);
  g_assert_no_error (error);
  place->target = g_build_filename (place->base, "config", NULL);
  place->workshop = g_build_filename (place->base, ".config.vmd-device", NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
        remove_tree (child);
      else
        g_unlink (child);
    }
  g_rmdir (path);
}

static void
tear_down (Place *place, gconstpointer data)
{
  remove_tree (place->base);
  g_assert_false (g_file_test (place->base, G_FILE_TEST_EXISTS));
  g_free (place->base);
  g_free (place->target);
  g_free (place->workshop);
}

static VmdDeviceSnapshot *
make_snapshot (const char *json)
{
  g_autoptr (GError) error = NULL;
  VmdDeviceSnapshot *snapshot = vmd_device_snapshot_parse (json, strlen (json), &error);

  g_assert_no_error (error);
  return snapshot;
}

static void
write_directory (Place *place, const char *json)
{
  g_autoptr (VmdDeviceSnapshot) snapshot = make_snapshot (json);
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_device_files_write_directory (place->target, snapshot, &error));
  g_assert_no_error (error);
}

static void
refuse_directory (Place *place)
{
  g_autoptr (VmdDeviceSnapshot) snapshot = make_snapshot ("{\"version\":9,\"values\":{\"a\":9}}");
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_device_files_write_directory (place->target, snapshot, &error));
  g_assert_nonnull (error);
}

static guint
count_files (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  guint n_files = 0;

  g_assert_nonnull (directory);
  while (g_dir_read_name (directory) != NULL)
    n_files++;
  return n_files;
}

static void
assert_file (const char *directory, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *got = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &got, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (got, ==, text);
}

static void
put_file (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  g_assert_true (g_file_set_contents (path, "mine", -1, NULL));
}

/* What is gone from the values is gone from the directory, and nothing is left over beside it. */
static void
test_replace (Place *place, gconstpointer data)
{
  write_directory (place, "{\"version\":1,\"values\":{\"a\":1,\"b\":\"two\"}}");
  g_assert_cmpuint (count_files (place->target), ==, 2);
  assert_file (place->target, "a", "1");
  assert_file (place->target, "b", "two");
  write_directory (place, "{\"version\":2,\"values\":{\"b\":\"three\",\"c\":[1,2]}}");
  g_assert_cmpuint (count_files (place->target), ==, 2);
  assert_file (place->target, "b", "three");
  assert_file (place->target, "c", "[1,2]");
  write_directory (place, "{\"version\":3,\"values\":{}}");
  g_assert_cmpuint (count_files (place->target), ==, 0);
  g_assert_cmpuint (count_files (place->workshop), ==, 0);
  g_assert_cmpuint (count_files (place->base), ==, 2);
}

static void
test_empty_is_free (Place *place, gconstpointer data)
{
  g_assert_cmpint (g_mkdir (place->target, 0755), ==, 0);
  write_directory (place, "{\"version\":1,\"values\":{\"a\":1}}");
  assert_file (place->target, "a", "1");
}

/* Somebody named the wrong directory. */
static void
test_not_ours (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (place->target, 0755), ==, 0);
  put_file (place->target, "passwd");
  g_assert_false (vmd_device_files_check_directory (place->target, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  refuse_directory (place);
  assert_file (place->target, "passwd", "mine");
  g_assert_cmpuint (count_files (place->base), ==, 1);
}

static void
test_no_directory (Place *place, gconstpointer data)
{
  put_file (place->base, "config");
  refuse_directory (place);
  assert_file (place->base, "config", "mine");
}

/* Neither the link is replaced nor what it points at. */
static void
test_symlink (Place *place, gconstpointer data)
{
  g_autofree char *elsewhere = g_build_filename (place->base, "elsewhere", NULL);

  g_assert_cmpint (g_mkdir (elsewhere, 0755), ==, 0);
  put_file (elsewhere, "precious");
  g_assert_cmpint (symlink ("elsewhere", place->target), ==, 0);
  refuse_directory (place);
  assert_file (elsewhere, "precious", "mine");
}

/* A crash came between, at any point: the next version is written all the same. */
static void
test_left_over (Place *place, gconstpointer data)
{
  g_autofree char *next = g_build_filename (place->workshop, "next", NULL);

  write_directory (place, "{\"version\":1,\"values\":{\"a\":1}}");
  g_assert_cmpint (g_mkdir (next, 0755), ==, 0);
  put_file (next, "a");
  put_file (next, "half");
  write_directory (place, "{\"version\":2,\"values\":{\"a\":2}}");
  g_assert_cmpuint (count_files (place->target), ==, 1);
  assert_file (place->target, "a", "2");
  g_assert_cmpuint (count_files (place->workshop), ==, 0);
}

/* Whoever has the old directory open reads the old version to its end. */
static void
test_old_reader (Place *place, gconstpointer data)
{
  char text[8] = "";
  int directory, file;

  write_directory (place, "{\"version\":1,\"values\":{\"a\":\"old\"}}");
  directory = open (place->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  file = openat (directory, "a", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (file, >=, 0);
  write_directory (place, "{\"version\":2,\"values\":{\"a\":\"new\"}}");
  g_assert_cmpint (read (file, text, sizeof text), ==, 3);
  g_assert_cmpstr (text, ==, "old");
  assert_file (place->target, "a", "new");
  close (file);
  close (directory);
}

static gpointer
read_all_the_time (gpointer data)
{
  Place *place = data;
  g_autofree char *path = g_build_filename (place->target, "a", NULL);
  g_autofree char *stop = g_build_filename (place->base, "stop", NULL);
  guint n_read = 0;

  while (!g_file_test (stop, G_FILE_TEST_EXISTS))
    {
      g_autofree char *text = NULL;

      /* It is there at every moment, and whole. */
      g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
      g_assert_true (g_str_equal (text, "even") || g_str_equal (text, "odd"));
      n_read++;
    }
  return GUINT_TO_POINTER (n_read);
}

static void
test_never_away (Place *place, gconstpointer data)
{
  GThread *reader;

  write_directory (place, "{\"version\":2,\"values\":{\"a\":\"even\"}}");
  reader = g_thread_new ("reader", read_all_the_time, place);
  for (guint i = 0; i < 50; i++)
    {
      write_directory (place, "{\"version\":3,\"values\":{\"a\":\"odd\"}}");
      write_directory (place, "{\"version\":4,\"values\":{\"a\":\"even\"}}");
    }
  put_file (place->base, "stop");
  g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (reader)), >, 0);
}

static void
test_output (Place *place, gconstpointer data)
{
  static const char json[] = "{\"version\":1,\"values\":{\"a\": 0.1 }}";
  g_autofree char *path = g_build_filename (place->base, "config.json", NULL);
  g_autoptr (VmdDeviceSnapshot) snapshot = make_snapshot (json);
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_device_files_write_output (path, snapshot, &error));
  g_assert_no_error (error);
  assert_file (place->base, "config.json", "{\"version\":1,\"values\":{\"a\": 0.1 }}\n");
  g_assert_cmpuint (count_files (place->base), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/device-files/" name, Place, NULL, set_up, func, tear_down)
  ADD ("replace", test_replace);
  ADD ("empty-is-free", test_empty_is_free);
  ADD ("not-ours", test_not_ours);
  ADD ("no-directory", test_no_directory);
  ADD ("symlink", test_symlink);
  ADD ("left-over", test_left_over);
  ADD ("old-reader", test_old_reader);
  ADD ("never-away", test_never_away);
  ADD ("output", test_output);
#undef ADD
  return g_test_run ();
}
