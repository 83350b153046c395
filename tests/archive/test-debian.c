/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"
#include "base/vmd-state-dir-private.h"
#include "fake-apt.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture_set_up (fixture, data);
  fake_apt_reset ();
}

static GStrv
download (Fixture *fixture, GError **error, const char *first, const char *second)
{
  const char *const names[] = { first, second, NULL };

  return vmd_debian_download (names, fixture->directory, NULL, error);
}

static void
assert_downloads (Fixture *fixture, const char *log)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) paths = download (fixture, &error, "one", "two");
  g_autofree char *one = fixture_path (fixture, "one_1%3a1_all.deb");
  g_autofree char *two = fixture_path (fixture, "two_2_all.deb");
  g_autofree char *got = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (paths[0], ==, one);
  g_assert_cmpstr (paths[1], ==, two);
  g_assert_true (g_file_test (one, G_FILE_TEST_IS_REGULAR));
  g_assert_true (g_file_test (two, G_FILE_TEST_IS_REGULAR));
  got = fake_apt_dup_log ();
  g_assert_cmpstr (got, ==, log);
}

static void
publish_two (void)
{
  fake_apt_publish ("one_1%3a1_all.deb", "first");
  fake_apt_publish ("two_2_all.deb", "second");
}

/* What is there is not fetched again; what has changed is, and nothing else. */
static void
test_cache (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = fixture_path (fixture, "two_2_all.deb");

  publish_two ();
  assert_downloads (fixture, "download? one two;download one two;");
  assert_downloads (fixture, "download? one two;");
  write_file (path, "cut", 3);
  assert_downloads (fixture, "download? one two;download two;");
}

static void
test_stale_lists (Fixture *fixture, gconstpointer data)
{
  publish_two ();
  fake_apt_publish ("stale", "");
  assert_downloads (fixture, "download? one two;download one two;update ;download? one two;"
                             "download one two;");
}

static void
test_no_network (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) paths = NULL;
  g_autofree char *old = fixture_path (fixture, "two_1_all.deb");

  publish_two ();
  fake_apt_publish ("down", "");
  paths = download (fixture, &error, "one", "two");
  g_assert_null (paths);
  assert_vmd_error (error, VMD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "no route to host"));
  g_assert_nonnull (strstr (error->message, "is there a network?"));
  /* An older one is better than none. */
  write_file (old, "old", 3);
  paths = download (fixture, NULL, "two", NULL);
  g_assert_nonnull (paths);
  g_assert_cmpstr (paths[0], ==, old);
}

static void
test_unknown (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) paths = download (fixture, &error, "nothing", NULL);
  g_autoptr (GDir) left = g_dir_open (fixture->directory, 0, NULL);
  const char *name;

  g_assert_null (paths);
  g_assert_nonnull (strstr (error->message, "Unable to locate package nothing"));
  while ((name = g_dir_read_name (left)) != NULL)
    g_assert_false (g_str_has_prefix (name, "download-"));
}

static void
test_dependency (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *expected = fixture_path (fixture, "linux-image-9_1_amd64.deb");
  g_autofree char *path = NULL;
  g_autofree char *none = NULL;

  fake_apt_publish ("linux-image-9_1_amd64.deb", "x");
  path = vmd_debian_download_dependency ("meta", "linux-image-", fixture->directory, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (path, ==, expected);
  none = vmd_debian_download_dependency ("meta", "windows-", fixture->directory, NULL, &error);
  g_assert_null (none);
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
}

static gpointer
cancel_cb (gpointer data)
{
  fake_apt_wait_asked ();
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const char *const names[] = { "one", NULL };
  g_autoptr (GError) error = NULL;
  GThread *thread;

  publish_two ();
  fake_apt_publish ("hang", "");
  thread = g_thread_new ("cancel", cancel_cb, cancellable);
  g_assert_null (vmd_debian_download (names, fixture->directory, cancellable, &error));
  assert_vmd_error (error, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
}

static void
test_deb (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = fixture_path (fixture, "test.deb");
  g_autoptr (GByteArray) deb = fake_apt_make_package (
      "Package: x\nDepends: liba (>= 1), libb\nDescription: y\n more\n", "./a", "b");
  g_autofree char *depends = NULL;
  g_autofree char *none = NULL;
  g_autoptr (GError) error = NULL;

  write_file (path, deb->data, deb->len);
  depends = vmd_deb_read_field (path, "Depends", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (depends, ==, "liba (>= 1), libb");
  none = vmd_deb_read_field (path, "Recommends", NULL, &error);
  g_assert_no_error (error);
  g_assert_null (none);
  for (guint cut = 0; cut < 200; cut += 13)
    {
      write_file (path, deb->data, cut);
      g_assert_null (vmd_deb_read_field (path, "Depends", NULL, &error));
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
      g_clear_error (&error);
    }
}

static void
test_tiny (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *log = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  fake_apt_publish_tiny ();
  vmd_tiny_image_write (fixture->disk, fixture->directory, fixture->job, NULL, &error);
  g_assert_no_error (error);
  assert_clean (fixture->disk);
  assert_content (fixture->disk, "/usr/bin/busybox", "busybox", 7);
  assert_content (fixture->disk, "/usr/bin/dropbear", "dropbear", 8);
  assert_content (fixture->disk, "/usr/lib/x86_64-linux-gnu/libone.so.1", "one", 3);
  assert_content (fixture->disk, "/usr/lib/x86_64-linux-gnu/libtwo.so.2", "two", 3);
  g_assert_false (is_in (fixture->disk, "/usr/share/doc"));
  assert_stat_has (fixture->disk, "/usr/sbin", "Fast link dest: \"bin\"");
  assert_stat_has (fixture->disk, "/lib64", "Fast link dest: \"usr/lib64\"");
  assert_stat_has (fixture->disk, "/usr/bin/sh", "Fast link dest: \"busybox\"");
  assert_stat_has (fixture->disk, "/usr/bin/tar", "Fast link dest: \"busybox\"");
  /* vmd-guest is init where there is none. */
  g_assert_false (is_in (fixture->disk, "/usr/bin/init"));
  assert_stat_has (fixture->disk, "/root", "Mode:  0700");
  assert_stat_has (fixture->disk, "/etc/shadow", "Mode:  0600");
  assert_stat_has (fixture->disk, "/tmp", "Mode:  01777");

  /* A second time it is the same, and nothing is fetched. */
  first = vmd_digest_file (fixture->disk, NULL, &error);
  g_free (fake_apt_dup_log ());
  vmd_tiny_image_write (fixture->disk, fixture->directory, fixture->job, NULL, &error);
  g_assert_no_error (error);
  second = vmd_digest_file (fixture->disk, NULL, &error);
  g_assert_cmpstr (first, ==, second);
  log = fake_apt_dup_log ();
  g_assert_cmpstr (log, ==,
                   "download? busybox-static dropbear-bin;download? libone;download? libtwo;");
}

static void
test_tiny_damaged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fake_apt_publish_tiny ();
  fake_apt_publish ("libtwo_1_amd64.deb", "!<arch>\nrubbish");
  g_assert_false (
      vmd_tiny_image_write (fixture->disk, fixture->directory, fixture->job, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_assert_nonnull (strstr (error->message, "libtwo_1_amd64.deb is damaged; remove it"));
}

#define add_debian_test(path, function)                                                            \
  g_test_add (path, Fixture, NULL, set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_autofree char *directory = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  directory = g_dir_make_tmp ("vmd-apt-XXXXXX", NULL);
  fake_apt_install (directory);
  add_debian_test ("/debian/cache", test_cache);
  add_debian_test ("/debian/stale-lists", test_stale_lists);
  add_debian_test ("/debian/no-network", test_no_network);
  add_debian_test ("/debian/unknown", test_unknown);
  add_debian_test ("/debian/dependency", test_dependency);
  add_debian_test ("/debian/cancel", test_cancel);
  add_debian_test ("/debian/deb", test_deb);
  add_debian_test ("/debian/tiny", test_tiny);
  add_debian_test ("/debian/tiny-damaged", test_tiny_damaged);
  status = g_test_run ();
  vmd_remove_tree (directory, NULL);
  return status;
}
