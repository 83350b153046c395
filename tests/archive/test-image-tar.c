/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Takes the tar. */
static gboolean
import (Fixture *fixture, Tar *tar, char **ssh_server, GError **error)
{
  g_autoptr (GByteArray) bytes = tar_close (tar);
  vmd_autofd int fd = make_file_of (bytes);

  return vmd_image_write_from_tar (fixture->disk, fd, ssh_server, fixture->job, NULL, error);
}

static char *
import_good (Fixture *fixture, Tar *tar)
{
  g_autoptr (GError) error = NULL;
  char *ssh_server = NULL;

  import (fixture, tar, &ssh_server, &error);
  g_assert_no_error (error);
  assert_clean (fixture->disk);
  return ssh_server;
}

static void
test_round_trip (Fixture *fixture, gconstpointer data)
{
  static const char *const filters[] = { NULL, "gzip", "xz", "zstd" };

  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autofree char *ssh_server = NULL;
      Tar tar;

      tar_open (&tar, "pax", filters[i]);
      tar_add_directory (&tar, "./");
      tar_add_file (&tar, "./bin/sh", "#!");
      tar_add_hard_link (&tar, "./bin/ash", "./bin/sh");
      tar_add_symlink (&tar, "./sbin", "bin");
      tar_add_symlink (&tar, "./etc/localtime", "/usr/share/zoneinfo/UTC");
      tar_add_file (&tar, "./etc/.wh.removed", "");
      tar_add_file (&tar, "./gr\303\274n/\346\274\242", "utf-8");
      ssh_server = import_good (fixture, &tar);
      g_assert_cmpstr (ssh_server, ==, "none");
      assert_stat_has (fixture->disk, "/bin/ash", "Links: 2");
      assert_stat_has (fixture->disk, "/etc/localtime", "\"/usr/share/zoneinfo/UTC\"");
      g_assert_true (is_in (fixture->disk, "/etc/.wh.removed"));
      assert_content (fixture->disk, "/gr\303\274n/\346\274\242", "utf-8", 5);
      g_assert_cmpuint (vmd_job_get_bytes_done (fixture->job), >, 0);
    }
}

static void
test_ssh_server (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *paths[3];
    const char *ssh_server;
  } cases[] = {
    { { "usr/sbin/dropbear" }, "dropbear" },
    { { "usr/sbin/sshd" }, "openssh" },
    { { "usr/sbin/dropbear", "usr/sbin/sshd" }, "openssh" },
    { { "usr/bin/dropbear" }, "none" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *ssh_server = NULL;
      Tar tar;

      tar_open (&tar, "pax", NULL);
      for (guint j = 0; cases[i].paths[j] != NULL; j++)
        tar_add_file (&tar, cases[i].paths[j], "x");
      ssh_server = import_good (fixture, &tar);
      g_assert_cmpstr (ssh_server, ==, cases[i].ssh_server);
    }
}

/* Where all programs are in one directory, and absolute links lead about in the image. */
static void
test_ssh_server_through_links (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ssh_server = NULL;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  tar_add_file (&tar, "usr/bin/dropbearmulti", "x");
  tar_add_symlink (&tar, "usr/bin/dropbear", "/usr/bin/dropbearmulti");
  tar_add_symlink (&tar, "usr/sbin", "bin");
  ssh_server = import_good (fixture, &tar);
  g_assert_cmpstr (ssh_server, ==, "dropbear");
}

static void
test_leads_out (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *name;
    const char *symlink;
    const char *hard_link;
  } cases[] = { { "../escape", NULL, NULL },
                { "a/../../escape", NULL, NULL },
                { "link/escape", "/tmp", NULL },
                { "hard", NULL, "../../etc/passwd" },
                { "hard", NULL, "/not/in/archive" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *ssh_server = NULL;
      g_autoptr (GError) error = NULL;
      Tar tar;

      tar_open (&tar, "pax", NULL);
      if (cases[i].symlink != NULL)
        tar_add_symlink (&tar, "link", cases[i].symlink);
      if (cases[i].hard_link != NULL)
        tar_add_hard_link (&tar, cases[i].name, cases[i].hard_link);
      else
        tar_add_file (&tar, cases[i].name, "x");
      g_assert_false (import (fixture, &tar, &ssh_server, &error));
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
      g_assert_null (ssh_server);
    }
  g_assert_false (g_file_test ("/tmp/escape", G_FILE_TEST_EXISTS));
}

/* Holes in the archive are holes in the disk. */
static void
test_sparse (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ssh_server = NULL;
  struct archive_entry *entry = tar_entry ("sparse", S_IFREG | 0644);
  const gint64 size = G_GINT64_CONSTANT (3) * 1024 * 1024 * 1024;
  struct stat status;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  archive_entry_set_size (entry, size);
  archive_entry_sparse_add_entry (entry, 1024 * 1024, 4096);
  g_assert_cmpint (archive_write_header (tar.archive, entry), ==, ARCHIVE_OK);
  for (guint i = 0; i < 1024 * 1024 + 4096; i += 4096)
    {
      g_autofree char *block = g_strnfill (4096, 'd');

      archive_write_data (tar.archive, block, 4096);
    }
  archive_entry_free (entry);
  ssh_server = import_good (fixture, &tar);
  assert_stat_has (fixture->disk, "/sparse", "Size: 3221225472");
  g_assert_cmpint (stat (fixture->disk, &status), ==, 0);
  g_assert_cmpint (status.st_blocks * 512, <, 8 * 1024 * 1024);
}

/* An archive that unpacks to far more than it is. */
static void
test_bomb (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ssh_server = NULL;
  g_autoptr (GError) error = NULL;
  struct archive_entry *entry = tar_entry ("zeros", S_IFREG | 0644);
  Tar tar;

  tar_open (&tar, "pax", "zstd");
  archive_entry_set_size (entry, G_GINT64_CONSTANT (1) << 45);
  archive_entry_sparse_add_entry (entry, (G_GINT64_CONSTANT (1) << 45) - 1, 1);
  archive_write_header (tar.archive, entry);
  archive_write_data (tar.archive, "x", 1);
  archive_entry_free (entry);
  archive_write_fail (tar.archive);
  archive_write_close (tar.archive);
  archive_write_free (tar.archive);
  {
    vmd_autofd int fd = make_file_of (tar.bytes);

    g_assert_false (
        vmd_image_write_from_tar (fixture->disk, fd, &ssh_server, fixture->job, NULL, &error));
  }
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_byte_array_unref (tar.bytes);
}

/* Cut anywhere: between two members too. */
static void
test_truncated (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) bytes = NULL;
  Tar tar;

  tar_open (&tar, "ustar", NULL);
  tar_add_file (&tar, "a", "content");
  tar_add_file (&tar, "b", "content");
  bytes = tar_close (&tar);
  for (guint cut = 0; cut <= 2048; cut += 256)
    {
      vmd_autofd int fd = make_file (bytes->data, cut);
      g_autofree char *ssh_server = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_false (
          vmd_image_write_from_tar (fixture->disk, fd, &ssh_server, fixture->job, NULL, &error));
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
}

static void
test_empty (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ssh_server = NULL;
  g_autoptr (GError) error = NULL;
  Tar tar;

  tar_open (&tar, "ustar", "gzip");
  g_assert_false (import (fixture, &tar, &ssh_server, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
}

static gpointer
cancel_cb (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

/* The one who sends stalls in the middle of a member. */
static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GByteArray) bytes = NULL;
  g_autofree char *ssh_server = NULL;
  g_autofree char *content = g_strnfill (4096, 'c');
  g_autoptr (GError) error = NULL;
  GThread *thread;
  int fds[2];
  Tar tar;

  tar_open (&tar, "ustar", NULL);
  tar_add_file (&tar, "a", content);
  bytes = tar_close (&tar);
  g_assert_cmpint (pipe (fds), ==, 0);
  g_assert_cmpint (write (fds[1], bytes->data, 2048), ==, 2048);
  thread = g_thread_new ("cancel", cancel_cb, cancellable);
  g_assert_false (vmd_image_write_from_tar (fixture->disk, fds[0], &ssh_server, fixture->job,
                                            cancellable, &error));
  assert_vmd_error (error, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
  close (fds[0]);
  close (fds[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/image-tar/round-trip", test_round_trip);
  add_test ("/image-tar/ssh-server", test_ssh_server);
  add_test ("/image-tar/ssh-server-through-links", test_ssh_server_through_links);
  add_test ("/image-tar/leads-out", test_leads_out);
  add_test ("/image-tar/sparse", test_sparse);
  add_test ("/image-tar/bomb", test_bomb);
  add_test ("/image-tar/truncated", test_truncated);
  add_test ("/image-tar/empty", test_empty);
  add_test ("/image-tar/cancel", test_cancel);
  return g_test_run ();
}
