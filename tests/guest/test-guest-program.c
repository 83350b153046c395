/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The parts of vmd-guest that can be tried on a host: built from its sources, with this build's
 * sanitizers. */

#include "file.h"
#include "seed.h"
#include "staging.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *path;
  int fd;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->path = g_dir_make_tmp ("vmd-guest-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->fd = open (fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fixture->fd, >=, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->fd);
  g_assert_cmpint (remove_tree_at (AT_FDCWD, fixture->path), ==, 0);
  g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  g_free (fixture->path);
}

static void
make_file (int fd, const char *name)
{
  int file = openat (fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  g_assert_cmpint (file, >=, 0);
  close (file);
}

static gboolean
exists (Fixture *fixture, const char *name)
{
  struct stat status;

  return fstatat (fixture->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
test_tree_mixed (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (mkdirat (fixture->fd, "tree", 0700), ==, 0);
  g_assert_cmpint (mkdirat (fixture->fd, "tree/a", 0700), ==, 0);
  g_assert_cmpint (mkdirat (fixture->fd, "tree/a/b", 0700), ==, 0);
  make_file (fixture->fd, "tree/a/b/file");
  /* A name that the removal itself would give. */
  g_assert_cmpint (mkdirat (fixture->fd, "tree/.vmd-removed-0", 0700), ==, 0);
  make_file (fixture->fd, "tree/.vmd-removed-0/file");
  g_assert_cmpint (mkfifoat (fixture->fd, "tree/pipe", 0600), ==, 0);
  g_assert_cmpint (mkdirat (fixture->fd, "tree/read-only", 0700), ==, 0);
  g_assert_cmpint (mkdirat (fixture->fd, "tree/read-only/below", 0700), ==, 0);
  g_assert_cmpint (fchmodat (fixture->fd, "tree/read-only", 0500, 0), ==, 0);

  g_assert_cmpint (remove_tree_at (fixture->fd, "tree"), ==, 0);
  g_assert_false (exists (fixture, "tree"));
  /* What is not there is removed. */
  g_assert_cmpint (remove_tree_at (fixture->fd, "tree"), ==, 0);
}

/* What links point to stays, and a link is removed as such. */
static void
test_tree_lesson_31 (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (mkdirat (fixture->fd, "outside", 0700), ==, 0);
  make_file (fixture->fd, "outside/precious");
  g_assert_cmpint (mkdirat (fixture->fd, "tree", 0700), ==, 0);
  g_assert_cmpint (symlinkat ("../outside", fixture->fd, "tree/link"), ==, 0);
  g_assert_cmpint (symlinkat ("outside", fixture->fd, "top-link"), ==, 0);

  g_assert_cmpint (remove_tree_at (fixture->fd, "tree"), ==, 0);
  g_assert_cmpint (remove_tree_at (fixture->fd, "top-link"), ==, 0);
  g_assert_false (exists (fixture, "tree"));
  g_assert_false (exists (fixture, "top-link"));
  g_assert_true (exists (fixture, "outside/precious"));
}

/* Deeper than there are descriptors, and longer than any path can be. */
static void
test_tree_deep (Fixture *fixture, gconstpointer data)
{
  enum
  {
    DEPTH = 3000
  };
  int fd = dup (fixture->fd);

  for (int i = 0; i < DEPTH; i++)
    {
      int below;

      g_assert_cmpint (mkdirat (fd, "directory", 0700), ==, 0);
      below = openat (fd, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_assert_cmpint (below, >=, 0);
      make_file (below, "file");
      close (fd);
      fd = below;
    }
  close (fd);

  g_assert_cmpint (remove_tree_at (fixture->fd, "directory"), ==, 0);
  g_assert_false (exists (fixture, "directory"));
}

static void
test_staging_paths (void)
{
  static const char *const good[] = { "/.vmd-staging-a", "/home/me/.vmd-staging-0f" };
  static const char *const bad[] = {
    "",
    "/",
    "/etc",
    ".vmd-staging-a",
    "/.vmd-staging-",
    "/home/.vmd-staging-a/",
    "/home/.vmd-staging-a/below",
    "/home/../etc/.vmd-staging-a",
    "/home/./.vmd-staging-a",
    "/home//.vmd-staging-a",
    "/home/.vmd-staging-a/..",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (staging_path_is_valid (good[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (staging_path_is_valid (bad[i]));
}

static void
write_entry (Fixture *fixture, const char *name, const char *format, const char *below)
{
  g_autofree char *path = g_build_filename (fixture->path, "register", name, NULL);
  g_autofree char *target = g_build_filename (fixture->path, below, NULL);
  g_autofree char *text = g_strdup_printf ("%s\n", format != NULL ? format : target);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* Cut imports go; whatever else somebody wrote into the register costs nothing but its entry. */
static void
test_staging_clear (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->path, "register", NULL);

  g_assert_cmpint (mkdirat (fixture->fd, "register", 0700), ==, 0);
  g_assert_cmpint (mkdirat (fixture->fd, ".vmd-staging-1", 0700), ==, 0);
  make_file (fixture->fd, ".vmd-staging-1/file");
  g_assert_cmpint (mkdirat (fixture->fd, "precious", 0700), ==, 0);
  g_assert_cmpint (symlinkat ("precious", fixture->fd, ".vmd-staging-2"), ==, 0);
  make_file (fixture->fd, "precious/file");
  /* Somebody has put a link on the way to what was left over. */
  g_assert_cmpint (mkdirat (fixture->fd, "precious/.vmd-staging-7", 0700), ==, 0);
  g_assert_cmpint (symlinkat ("precious", fixture->fd, "link"), ==, 0);
  write_entry (fixture, "1", NULL, ".vmd-staging-1");
  write_entry (fixture, "2", NULL, ".vmd-staging-2");
  write_entry (fixture, "3", NULL, "precious");
  write_entry (fixture, "4", "/nowhere/at/all/.vmd-staging-4", NULL);
  write_entry (fixture, "5", "", NULL);
  g_assert_cmpint (mkfifoat (fixture->fd, "register/6", 0600), ==, 0);
  write_entry (fixture, "7", NULL, "link/.vmd-staging-7");

  staging_clear (path);
  g_assert_false (exists (fixture, ".vmd-staging-1"));
  g_assert_false (exists (fixture, ".vmd-staging-2"));
  g_assert_true (exists (fixture, "precious/file"));
  g_assert_true (exists (fixture, "precious/.vmd-staging-7"));
  for (int i = 1; i <= 7; i++)
    {
      g_autofree char *name = g_strdup_printf ("register/%d", i);

      g_assert_false (exists (fixture, name));
    }
}

static void
test_seed (void)
{
  char text[] = "vm_id=x\nhostname=one\nmachine_id=0123456789abcdef0123456789abcdef\n"
                "ssh_server=dropbear\nclock=1700000000000001\nfrom_a_later_version=1\n"
                "nic=52:54:00:76:6d:01 10.0.2.15/24\n"
                "nic=52:54:00:76:6d:02 10.0.3.15/16 10.0.3.2\nresolver=10.0.3.3\n";
  struct seed seed;

  g_assert_true (seed_parse (text, &seed));
  g_assert_cmpstr (seed.hostname, ==, "one");
  g_assert_cmpstr (seed.ssh_server, ==, "dropbear");
  g_assert_cmpint (seed.clock, ==, 1700000000000001);
  g_assert_cmpuint (seed.n_nics, ==, 2);
  g_assert_cmpuint (seed.nics[0].gateway.s_addr, ==, 0);
  g_assert_cmpuint (seed.nics[1].netmask.s_addr, ==, htonl (0xffff0000));
  g_assert_cmpuint (seed.nics[1].gateway.s_addr, ==, htonl (0x0a000302));
  g_assert_cmpuint (seed.n_resolvers, ==, 1);
  g_assert_cmpstr (seed.resolvers[0], ==, "10.0.3.3");
}

/* A bad line is refused, the good ones around it count. */
static void
test_seed_bad (void)
{
  static const char *const lines[] = {
    "no value",
    "nic=",
    "nic=52:54:00:76:6d:01",
    "nic=52:54:00:76:6d:01 10.0.2.15",
    "nic=52:54:00:76:6d:01 10.0.2.15/0",
    "nic=52:54:00:76:6d:01 10.0.2.15/33",
    "nic=52:54:00:76:6d:01 10.0.2/24",
    "nic=52:54:00:76:6d:01 10.0.2.15/24 gateway",
    "nic=much-too-long-for-an-address 10.0.2.15/24",
    "ssh_server=a-server-with-a-very-long-name",
    "resolver=1234:5678:9abc:def0:1234:5678:9abc:def0",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strdup_printf ("%s\nhostname=one\n", lines[i]);
      struct seed seed;

      g_assert_false (seed_parse (text, &seed));
      g_assert_cmpstr (seed.hostname, ==, "one");
      g_assert_cmpuint (seed.n_nics, ==, 0);
    }
}

static void
test_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->path, "a/b/file", NULL);
  g_autofree char *copy = g_build_filename (fixture->path, "copy", NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  char buffer[16];

  g_assert_true (file_make_directories (parent, 0700));
  g_assert_true (file_make_directories (parent, 0700));
  g_assert_true (file_write (path, 0600, "one\ntwo\n", 8));
  g_assert_cmpint (file_read (path, buffer, sizeof buffer), ==, 8);
  g_assert_true (file_read_line (path, buffer, sizeof buffer));
  g_assert_cmpstr (buffer, ==, "one");
  g_assert_cmpint (file_read (path, buffer, 8), ==, -1);
  g_assert_cmpint (errno, ==, EFBIG);
  g_assert_true (file_copy (path, copy, 0600));
  g_assert_cmpint (file_read (copy, buffer, sizeof buffer), ==, 8);
  g_assert_false (file_copy (path, copy, 0600));
  g_assert_false (file_make_directories (copy, 0700));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/guest/tree/mixed", test_tree_mixed);
  ADD ("/guest/tree/lesson-31-links", test_tree_lesson_31);
  ADD ("/guest/tree/deep", test_tree_deep);
  ADD ("/guest/staging/clear", test_staging_clear);
  ADD ("/guest/file", test_file);
#undef ADD
  g_test_add_func ("/guest/staging/paths", test_staging_paths);
  g_test_add_func ("/guest/seed/good", test_seed);
  g_test_add_func ("/guest/seed/bad", test_seed_bad);

  return g_test_run ();
}
