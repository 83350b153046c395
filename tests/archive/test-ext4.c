/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"

#include <string.h>
#include <sys/stat.h>

#define MIB (1024 * 1024)

static VmdExt4 *
create (Fixture *fixture, guint64 size)
{
  g_autoptr (GError) error = NULL;
  VmdExt4 *disk = vmd_ext4_create (fixture->disk, size, "test", &error);

  g_assert_no_error (error);
  return disk;
}

static void
finish (Fixture *fixture, VmdExt4 *disk)
{
  g_autoptr (GError) error = NULL;

  vmd_ext4_finish (disk, &error);
  g_assert_no_error (error);
  assert_clean (fixture->disk);
}

/* Takes @entry. */
static gboolean
add (VmdExt4 *disk, struct archive_entry *entry, GError **error)
{
  gboolean good = vmd_ext4_add (disk, entry, NULL, NULL, error);

  archive_entry_free (entry);
  return good;
}

static void
add_good (VmdExt4 *disk, struct archive_entry *entry)
{
  g_autoptr (GError) error = NULL;

  add (disk, entry, &error);
  g_assert_no_error (error);
}

static void
add_file (VmdExt4 *disk, const char *path, const char *content)
{
  g_autoptr (GError) error = NULL;

  vmd_ext4_add_file (disk, path, 0644, content, strlen (content), &error);
  g_assert_no_error (error);
}

static void
test_empty (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 4096ull * MIB);
  struct stat status;

  finish (fixture, disk);
  g_assert_cmpint (stat (fixture->disk, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, 4096ll * MIB);
  /* Large, but with next to nothing in it. */
  g_assert_cmpint (status.st_blocks * 512, <, 2 * MIB);
  assert_stat_has (fixture->disk, "/", "Mode:  0755");
  assert_stat_has (fixture->disk, "/lost+found", "Mode:  0700");
}

/* For ext4, a disk that ends in the middle of a group, one with one group, and one with many. */
static void
test_sizes (Fixture *fixture, gconstpointer data)
{
  static const guint64 good[] = { 64, 100, 129, 1000, 70000, 1024 * 1024 };
  static const guint64 bad[] = { 0, 1, 63, 17 * 1024 * 1024 };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (VmdExt4) disk = create (fixture, good[i] * MIB);

      add_file (disk, "/file", "content");
      finish (fixture, disk);
      assert_content (fixture->disk, "/file", "content", 7);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (vmd_ext4_create (fixture->disk, bad[i] * MIB, "test", &error));
      assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_attributes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);
  struct archive_entry *entry = tar_entry ("usr/bin/tool", S_IFREG | 04751);

  archive_entry_set_uid (entry, 70000);
  archive_entry_set_gid (entry, 1234567);
  archive_entry_set_mtime (entry, 5000000000, 123456789);
  archive_entry_xattr_add_entry (entry, "user.note", "hello", 5);
  archive_entry_xattr_add_entry (entry, "security.capability",
                                 "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  archive_entry_xattr_add_entry (entry, "com.apple.quarantine", "no", 2);
  add_good (disk, entry);
  add_good (disk, tar_entry ("var/tmp", S_IFDIR | 01777));
  finish (fixture, disk);

  assert_stat_has (fixture->disk, "/usr/bin/tool", "Mode:  04751");
  assert_stat_has (fixture->disk, "/usr/bin/tool", "User: 70000   Group: 1234567");
  assert_stat_has (fixture->disk, "/usr/bin/tool", "mtime: 0x2a05f200:1d6f3455");
  assert_stat_has (fixture->disk, "/usr/bin/tool", "user.note (5) = \"hello\"");
  assert_stat_has (fixture->disk, "/usr/bin/tool", "security.capability (20)");
  assert_stat_has (fixture->disk, "/var/tmp", "Mode:  01777");
  /* Made on the way. */
  assert_stat_has (fixture->disk, "/usr/bin", "Mode:  0755");
  assert_stat_has (fixture->disk, "/usr/bin", "User:     0   Group:     0");
}

static void
test_kinds (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);
  g_autofree char *long_target = g_strnfill (200, 'x');
  struct archive_entry *device = tar_entry ("dev/null", S_IFCHR | 0666);
  struct archive_entry *large = tar_entry ("dev/large", S_IFBLK | 0600);
  struct archive_entry *link = tar_entry ("short", S_IFLNK | 0777);
  struct archive_entry *far = tar_entry ("long", S_IFLNK | 0777);

  archive_entry_set_rdevmajor (device, 1);
  archive_entry_set_rdevminor (device, 3);
  add_good (disk, device);
  archive_entry_set_rdevmajor (large, 259);
  archive_entry_set_rdevminor (large, 70000);
  add_good (disk, large);
  archive_entry_copy_symlink (link, "/etc/../absolute");
  archive_entry_set_uid (link, 7);
  add_good (disk, link);
  archive_entry_copy_symlink (far, long_target);
  add_good (disk, far);
  add_good (disk, tar_entry ("pipe", S_IFIFO | 0640));
  add_good (disk, tar_entry ("socket", S_IFSOCK | 0755));
  finish (fixture, disk);

  assert_stat_has (fixture->disk, "/dev/null", "Device major/minor number: 01:03");
  assert_stat_has (fixture->disk, "/dev/large", "(hex 103:11170)");
  assert_stat_has (fixture->disk, "/short", "Fast link dest: \"/etc/../absolute\"");
  assert_stat_has (fixture->disk, "/short", "User:     7");
  assert_stat_has (fixture->disk, "/long", "Type: symlink");
  assert_stat_has (fixture->disk, "/long", "Size: 200");
  assert_stat_has (fixture->disk, "/pipe", "Type: FIFO");
  assert_stat_has (fixture->disk, "/socket", "Type: socket");
}

/* Links in and out, to what does not exist, and to itself. */
static void
test_hard_links (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = { "../outside", "a/../../outside", "gone", "dir", "gone/deep" };
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);
  struct archive_entry *entry;

  add_file (disk, "a/first", "shared");
  add_good (disk, tar_entry ("dir", S_IFDIR | 0755));
  for (guint i = 0; i < 2; i++)
    {
      entry = tar_entry ("b/second", S_IFREG | 0644);
      archive_entry_copy_hardlink (entry, "./a/first");
      add_good (disk, entry);
    }
  entry = tar_entry ("a/first", S_IFREG | 0644);
  archive_entry_copy_hardlink (entry, "/a/first");
  add_good (disk, entry);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      entry = tar_entry ("link", S_IFREG | 0644);
      archive_entry_copy_hardlink (entry, bad[i]);
      g_assert_false (add (disk, entry, &error));
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
  finish (fixture, disk);
  assert_stat_has (fixture->disk, "/a/first", "Links: 2");
  assert_content (fixture->disk, "/b/second", "shared", 6);
}

/* A link that takes the place of the directory in which its file is: both would go. */
static void
test_hard_link_into_itself (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 64 * MIB);
  struct archive_entry *entry = tar_entry ("a/b", S_IFREG | 0644);
  g_autoptr (GError) error = NULL;

  add_file (disk, "a/b/c/file", "gone");
  archive_entry_copy_hardlink (entry, "a/b/c/file");
  g_assert_false (add (disk, entry, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BAD_ARCHIVE);
  /* With another name it is still there. */
  g_clear_error (&error);
  add_file (disk, "a/b/file", "kept");
  entry = tar_entry ("other", S_IFREG | 0644);
  archive_entry_copy_hardlink (entry, "a/b/file");
  add_good (disk, entry);
  entry = tar_entry ("a", S_IFREG | 0644);
  archive_entry_copy_hardlink (entry, "a/b/file");
  add_good (disk, entry);
  finish (fixture, disk);
  assert_content (fixture->disk, "/a", "kept", 4);
  assert_content (fixture->disk, "/other", "kept", 4);
}

static void
test_names (Fixture *fixture, gconstpointer data)
{
  g_autofree char *longest = g_strnfill (255, 'n');
  const char *names[] = { "with space",  "-dash",        "new\nline", "gr\303\274n", "latin-\374",
                          ".wh.deleted", ".wh..wh..opq", "*?[",       "\\back",      longest };
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_strdup_printf ("dir//.//%s/", names[i]);

      g_autofree char *plain = g_strconcat ("/dir/", names[i], NULL);

      add_file (disk, path, names[i]);
      g_assert_true (vmd_ext4_exists (disk, plain));
    }
  finish (fixture, disk);
  assert_content (fixture->disk, "/dir/with space", "with space", 10);
  assert_content (fixture->disk, "/dir/.wh.deleted", ".wh.deleted", 11);
  assert_content (fixture->disk, "/dir/latin-\374", "latin-\374", 7);
}

static void
test_bad_names (Fixture *fixture, gconstpointer data)
{
  g_autofree char *too_long = g_strnfill (256, 'n');
  g_autofree char *too_deep = g_strnfill (5000, '/');
  const char *names[] = { "..",         "../x",     "a/../../x", "/..",   "file/below",
                          "link/below", "link/x/y", too_long,    too_deep };
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);
  struct archive_entry *link = tar_entry ("link", S_IFLNK | 0777);

  add_file (disk, "file", "");
  add_good (disk, tar_entry ("dir", S_IFDIR | 0755));
  archive_entry_copy_symlink (link, "dir");
  add_good (disk, link);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vmd_ext4_add_file (disk, names[i], 0644, "x", 1, &error));
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
  finish (fixture, disk);
  g_assert_false (is_in (fixture->disk, "/dir/below"));
}

/* The root has attributes, but cannot be something else. */
static void
test_root (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);
  g_autoptr (GError) error = NULL;

  add_good (disk, tar_entry ("./", S_IFDIR | 0711));
  g_assert_false (vmd_ext4_add_file (disk, "/", 0644, "x", 1, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  finish (fixture, disk);
  assert_stat_has (fixture->disk, "/", "Mode:  0711");
}

/* A later member is what counts, whatever kind the earlier one was of. */
static void
test_replace (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);
  g_autofree char *large = g_strnfill (3 * MIB, 'l');
  struct archive_entry *entry;

  add_file (disk, "file", large);
  add_file (disk, "file", "small");
  add_file (disk, "linked", "two names");
  entry = tar_entry ("other", S_IFREG | 0644);
  archive_entry_copy_hardlink (entry, "linked");
  add_good (disk, entry);
  add_file (disk, "linked", "one name");
  add_file (disk, "tree/deep/er/file", large);
  add_file (disk, "tree/deep/second", "x");
  add_file (disk, "tree", "a file now");
  add_good (disk, tar_entry ("file2", S_IFDIR | 0700));
  add_file (disk, "file2/kept", "kept");
  add_good (disk, tar_entry ("file2", S_IFDIR | 0755));
  add_file (disk, "becomes", "x");
  add_file (disk, "becomes-dir", "x");
  add_good (disk, tar_entry ("becomes-dir", S_IFDIR | 0755));
  add_file (disk, "becomes-dir/x", "x");
  finish (fixture, disk);

  assert_content (fixture->disk, "/file", "small", 5);
  assert_content (fixture->disk, "/linked", "one name", 8);
  assert_content (fixture->disk, "/other", "two names", 9);
  assert_stat_has (fixture->disk, "/other", "Links: 1");
  assert_content (fixture->disk, "/tree", "a file now", 10);
  assert_content (fixture->disk, "/file2/kept", "kept", 4);
  assert_stat_has (fixture->disk, "/file2", "Mode:  0755");
  g_assert_true (is_in (fixture->disk, "/becomes-dir/x"));
}

/* What was replaced leaves its room to others. */
static void
test_replace_frees (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 128 * MIB);
  g_autofree char *large = g_strnfill (20 * MIB, 'l');

  for (guint i = 0; i < 20; i++)
    add_file (disk, i % 2 == 0 ? "a" : "b/c", large);
  finish (fixture, disk);
}

static void
test_many (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 512 * MIB);

  for (guint i = 0; i < 5000; i++)
    {
      g_autofree char *path = g_strdup_printf ("many/file-with-a-rather-long-name-%u", i);
      g_autofree char *content = g_strdup_printf ("%u", i);

      add_file (disk, path, content);
    }
  finish (fixture, disk);
  assert_content (fixture->disk, "/many/file-with-a-rather-long-name-4999", "4999", 4);
}

static void
test_full (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 64 * MIB);
  g_autofree char *large = g_strnfill (80 * MIB, 'l');
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_ext4_add_file (disk, "large", 0644, large, strlen (large), &error));
  assert_vmd_error (error, VMD_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "64 MiB"));
}

static void
test_full_of_inodes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 64 * MIB);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; error == NULL && i < 20000; i++)
    {
      g_autofree char *path = g_strdup_printf ("%u/%u", i / 200, i);

      vmd_ext4_add_file (disk, path, 0644, NULL, 0, &error);
    }
  assert_vmd_error (error, VMD_ERROR_NO_SPACE);
}

static void
test_large_xattr (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdExt4) disk = create (fixture, 64 * MIB);
  g_autofree char *value = g_strnfill (60000, 'v');
  struct archive_entry *entry = tar_entry ("file", S_IFREG | 0644);
  g_autoptr (GError) error = NULL;

  archive_entry_xattr_add_entry (entry, "user.large", value, 60000);
  g_assert_false (add (disk, entry, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
}

/* The same members make the same bytes, whenever that is: nothing on the disk says what time it is
 * now. */
static void
test_same (Fixture *fixture, gconstpointer data)
{
  g_autofree char *digest = NULL;
  g_autofree char *again = NULL;
  g_autofree char *header = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (VmdExt4) disk = create (fixture, 256 * MIB);

      add_file (disk, "a/b", "content");
      add_file (disk, "a/c", "more");
      vmd_ext4_finish (disk, &error);
      g_assert_no_error (error);
      g_free (again);
      again = g_steal_pointer (&digest);
      digest = vmd_digest_file (fixture->disk, NULL, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpstr (digest, ==, again);
  header = debugfs (fixture->disk, "show_super_stats -h");
  g_assert_nonnull (strstr (header, "Filesystem created:       Thu Jan  1 00:00:00 2026"));
  g_assert_nonnull (strstr (header, "Last write time:          Thu Jan  1 00:00:00 2026"));
  assert_stat_has (fixture->disk, "/a/b", "crtime: 0x6955b900");
  assert_stat_has (fixture->disk, "<8>", "mtime: 0x6955b900");
}

int
main (int argc, char **argv)
{
  g_setenv ("TZ", "UTC", TRUE);
  g_test_init (&argc, &argv, NULL);
  add_test ("/ext4/empty", test_empty);
  add_test ("/ext4/sizes", test_sizes);
  add_test ("/ext4/attributes", test_attributes);
  add_test ("/ext4/kinds", test_kinds);
  add_test ("/ext4/hard-links", test_hard_links);
  add_test ("/ext4/hard-link-into-itself", test_hard_link_into_itself);
  add_test ("/ext4/names", test_names);
  add_test ("/ext4/bad-names", test_bad_names);
  add_test ("/ext4/root", test_root);
  add_test ("/ext4/replace", test_replace);
  add_test ("/ext4/replace-frees", test_replace_frees);
  add_test ("/ext4/many", test_many);
  add_test ("/ext4/full", test_full);
  add_test ("/ext4/full-of-inodes", test_full_of_inodes);
  add_test ("/ext4/large-xattr", test_large_xattr);
  add_test ("/ext4/same", test_same);
  return g_test_run ();
}
