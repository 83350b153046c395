/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "image-support.h"

#include "archive-maker.h"
#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* A disk that is full, for real: a small tmpfs in a mount namespace of our own. Where neither may
 * be made, there is nothing to test. */

#define DISK_SIZE "size=12m"

static gboolean
write_text (const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;

  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, &error);
}

/* Who is not root can be it in a namespace. Before any thread is there. */
static gboolean
enter_namespace (void)
{
  g_autofree char *users = g_strdup_printf ("0 %d 1\n", (int) getuid ());
  g_autofree char *groups = g_strdup_printf ("0 %d 1\n", (int) getgid ());

  if (getuid () == 0)
    return unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  return unshare (CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text ("/proc/self/uid_map", users) &&
         write_text ("/proc/self/setgroups", "deny") && write_text ("/proc/self/gid_map", groups);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *directory = g_dir_make_tmp ("vmd-full-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mount ("tmpfs", directory, "tmpfs", 0, DISK_SIZE), ==, 0);
  fixture->directory = g_steal_pointer (&directory);
  fixture->state_dir = g_build_filename (fixture->directory, "state", NULL);
  fixture->manager = vmd_manager_open (fixture->state_dir, "fake", NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vmd_manager_close (fixture->manager);
  g_clear_object (&fixture->manager);
  g_assert_cmpint (umount2 (fixture->directory, MNT_DETACH), ==, 0);
  g_assert_cmpint (g_rmdir (fixture->directory), ==, 0);
  g_free (fixture->directory);
  g_free (fixture->state_dir);
}

/* Before, or after: nothing between; and when there is room again all is as if nothing had been. */
static void
test_image (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) before = import_image (fixture->manager, "base", "one");
  g_autofree char *large = g_malloc (20 * 1024 * 1024);
  g_autoptr (VmdImage) now = NULL;
  g_autoptr (VmdImage) after = NULL;
  g_autoptr (GError) error = NULL;

  memset (large, 'l', 20 * 1024 * 1024 - 1);
  large[20 * 1024 * 1024 - 1] = '\0';
  g_assert_null (vmd_manager_import_image (fixture->manager, "base", make_root_tar (large), "test",
                                           NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NO_SPACE);
  now = vmd_manager_find_image (fixture->manager, "base", NULL);
  g_assert_true (now == before);
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
  assert_tidy (fixture);
  after = import_image (fixture->manager, "base", "two");
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
}

static void
test_kernel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) large = make_kernel ("6.1.0-1");
  g_autoptr (VmdKernel) after = NULL;
  g_autoptr (GError) error = NULL;

  g_byte_array_set_size (large, 20 * 1024 * 1024);
  g_assert_null (vmd_manager_import_kernel (fixture->manager, make_file_of (large), -1, "test",
                                            NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NO_SPACE);
  g_assert_cmpuint (count_files (fixture, "kernels"), ==, 0);
  assert_tidy (fixture);
  after = import_kernel (fixture->manager, "6.1.0-1");
  g_assert_cmpuint (count_files (fixture, "kernels"), ==, 1);
}

#define add_disk_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

static void
test_nothing (void)
{
  g_test_skip ("no mount namespace can be made here");
}

int
main (int argc, char **argv)
{
  gboolean can = enter_namespace ();

  handles_test_init (&argc, &argv);
  if (can)
    {
      add_disk_test ("/full-disk/image", test_image);
      add_disk_test ("/full-disk/kernel", test_kernel);
    }
  else
    g_test_add_func ("/full-disk/skipped", test_nothing);
  return handles_test_run ();
}
