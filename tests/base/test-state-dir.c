/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-state-dir-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STRANGER 64999 /* an id that nobody is likely to have */

typedef struct
{
  char *root;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  self->root = g_dir_make_tmp ("vmd-state-XXXXXX", NULL);
  g_assert_nonnull (self->root);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_remove_tree (self->root, &error));
  g_assert_no_error (error);
  g_free (self->root);
}

static char *
path_of (Fixture *self, const char *name)
{
  return g_build_filename (self->root, name, NULL);
}

static mode_t
get_mode (const char *path)
{
  struct stat status;

  g_assert_no_errno (lstat (path, &status));
  return status.st_mode & 07777;
}

static void
assert_refused (const char *path, VmdError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_private_dir_ensure (path, &error));
  g_assert_error (error, VMD_ERROR, (int) code);
  g_test_message ("%s", error->message);
}

static void
assert_accepted (const char *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_private_dir_ensure (path, &error));
  g_assert_no_error (error);
}

/* A directory, and its owner: root can give it to somebody, others cannot. */
static gboolean
make_strangers (const char *path, mode_t mode)
{
  g_assert_no_errno (g_mkdir (path, 0700));
  g_assert_no_errno (g_chmod (path, mode));
  if (chown (path, STRANGER, STRANGER) == 0)
    return TRUE;
  g_test_skip ("only root can make what belongs to another");
  return FALSE;
}

static void
test_made (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "a/b/c");
  g_autofree char *middle = path_of (self, "a/b");
  mode_t before = umask (0);

  assert_accepted (path);
  umask (before);
  g_assert_cmpint (get_mode (path), ==, 0700);
  g_assert_cmpint (get_mode (middle), ==, 0700);
  assert_accepted (path);
}

/* What was synced: the program's own function is taken for the C library's. */
static GArray *synced; /* of struct stat */

int
fsync (int fd)
{
  struct stat status;

  if (synced != NULL && fstat (fd, &status) == 0)
    g_array_append_val (synced, status);
  return (int) syscall (SYS_fsync, fd);
}

static void
assert_synced (const char *path, gboolean expected)
{
  gboolean found = FALSE;
  struct stat status;

  g_assert_no_errno (stat (path, &status));
  for (guint i = 0; i < synced->len; i++)
    found |= g_array_index (synced, struct stat, i).st_ino == status.st_ino;
  g_assert_cmpint (found, ==, expected);
}

/* A directory that is new has to be there after a power failure, or all is lost that was put into
 * it. */
static void
test_synced (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "a/b/c");
  g_autofree char *middle = path_of (self, "a/b");
  g_autofree char *top = path_of (self, "a");

  assert_accepted (top);
  synced = g_array_new (FALSE, FALSE, sizeof (struct stat));
  assert_accepted (path);
  assert_synced (self->root, FALSE);
  assert_synced (top, TRUE);
  assert_synced (middle, TRUE);
  g_array_set_size (synced, 0);
  assert_accepted (path);
  g_assert_cmpuint (synced->len, ==, 0);
  g_clear_pointer (&synced, g_array_unref);
}

/* The reason is that of the failure, not that there is no such directory. */
static void
test_cannot_be_made (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_private_dir_ensure ("/sys/vmd-test", &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "/sys/vmd-test"));
  g_assert_null (strstr (error->message, g_strerror (ENOENT)));
}

static void
test_odd_paths (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "x/../y//./z/");
  g_autofree char *result = path_of (self, "y/z");
  g_autofree char *not_made = path_of (self, "x");

  assert_accepted (path);
  g_assert_true (g_file_test (result, G_FILE_TEST_IS_DIR));
  g_assert_false (g_file_test (not_made, G_FILE_TEST_EXISTS));
}

static void
test_file_in_the_way (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "file");
  g_autofree char *below = path_of (self, "file/below");
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_false (vmd_private_dir_ensure (path, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  g_assert_false (vmd_private_dir_ensure (below, &error));
  g_assert_nonnull (error);
}

static void
test_fifo_in_the_way (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "fifo");
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (mkfifo (path, 0600));
  g_assert_false (vmd_private_dir_ensure (path, &error));
  g_assert_nonnull (error);
}

static void
test_others_may_write (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "open");
  const mode_t modes[] = { 0770, 0702, 01777 };

  g_assert_no_errno (g_mkdir (path, 0700));
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_assert_no_errno (g_chmod (path, modes[i]));
      assert_refused (path, VMD_ERROR_PERMISSION_DENIED);
    }
  g_assert_no_errno (g_chmod (path, 0750));
  assert_accepted (path);
  g_assert_cmpint (get_mode (path), ==, 0750);
}

static void
test_strangers_directory (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "theirs");

  if (make_strangers (path, 0777))
    assert_refused (path, VMD_ERROR_PERMISSION_DENIED);
}

/* In /tmp somebody was faster than we, and waits for what we put there. */
static void
test_stranger_below_public (Fixture *self, gconstpointer data)
{
  g_autofree char *public = path_of (self, "public");
  g_autofree char *theirs = path_of (self, "public/vmd");
  g_autofree char *ours = path_of (self, "public/vmd/ours");

  g_assert_no_errno (g_mkdir (public, 0700));
  g_assert_no_errno (g_chmod (public, 01777));
  if (!make_strangers (theirs, 0755))
    return;
  g_assert_no_errno (g_mkdir (ours, 0700));
  assert_refused (ours, VMD_ERROR_PERMISSION_DENIED);
  assert_refused (theirs, VMD_ERROR_PERMISSION_DENIED);
}

static void
test_strangers_symlink (Fixture *self, gconstpointer data)
{
  g_autofree char *public = path_of (self, "public");
  g_autofree char *target = path_of (self, "target");
  g_autofree char *link = path_of (self, "public/vmd");
  g_autofree char *below = path_of (self, "public/vmd/below");

  g_assert_no_errno (g_mkdir (public, 0700));
  g_assert_no_errno (g_chmod (public, 01777));
  g_assert_no_errno (g_mkdir (target, 0700));
  g_assert_no_errno (symlink (target, link));
  /* One of our own will do. */
  assert_accepted (below);
  if (lchown (link, STRANGER, STRANGER) < 0)
    {
      g_test_skip ("only root can make what belongs to another");
      return;
    }
  assert_refused (link, VMD_ERROR_PERMISSION_DENIED);
  assert_refused (below, VMD_ERROR_PERMISSION_DENIED);
}

static void
test_dangling_symlink (Fixture *self, gconstpointer data)
{
  g_autofree char *link = path_of (self, "link");
  g_autofree char *target = path_of (self, "nowhere");

  g_assert_no_errno (symlink (target, link));
  assert_refused (link, VMD_ERROR_NOT_FOUND);
  g_assert_false (g_file_test (target, G_FILE_TEST_EXISTS));
}

static void
test_resolve (Fixture *self, gconstpointer data)
{
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *relative = g_build_filename (here, "some/place", NULL);
  const struct
  {
    const char *override, *environment, *state_home, *expected;
  } cases[] = {
    { "/over//ride/", "/environment", "/home/state", "/over/ride" },
    { NULL, "/environment", "/home/state", "/environment" },
    { "", "/environment", "/home/state", "/environment" },
    { NULL, NULL, "/home/state", "/home/state/vmd" },
    { NULL, "", "/home/state", "/home/state/vmd" },
    { "some/./place", NULL, NULL, relative },
  };
  g_autofree char *home = NULL;
  g_autofree char *expected = g_build_filename (g_get_home_dir (), ".local/state/vmd", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *got = NULL;

      g_unsetenv ("VMD_STATE_DIR");
      g_unsetenv ("XDG_STATE_HOME");
      if (cases[i].environment != NULL)
        g_setenv ("VMD_STATE_DIR", cases[i].environment, TRUE);
      if (cases[i].state_home != NULL)
        g_setenv ("XDG_STATE_HOME", cases[i].state_home, TRUE);
      got = vmd_state_dir_resolve (cases[i].override);
      g_assert_cmpstr (got, ==, cases[i].expected);
    }
  /* The specification wants what is not absolute to be ignored. */
  g_setenv ("XDG_STATE_HOME", "relative", TRUE);
  home = vmd_state_dir_resolve (NULL);
  g_assert_cmpstr (home, ==, expected);
  g_unsetenv ("XDG_STATE_HOME");
}

static void
test_runtime_dir (Fixture *self, gconstpointer data)
{
  g_autofree char *one = NULL;
  g_autofree char *same = NULL;
  g_autofree char *two = NULL;
  g_autofree char *base = NULL;

  g_setenv ("XDG_RUNTIME_DIR", "/run/user/1000", TRUE);
  one = vmd_runtime_dir_resolve ("/var/lib/vmd");
  same = vmd_runtime_dir_resolve ("/var/lib/../lib/vmd/");
  two = vmd_runtime_dir_resolve ("/var/lib/vmd2");
  g_assert_true (g_str_has_prefix (one, "/run/user/1000/vmd/"));
  g_assert_cmpstr (one, ==, same);
  g_assert_cmpstr (one, !=, two);
  g_assert_cmpuint (strlen (one), ==, strlen ("/run/user/1000/vmd/") + 12);
  g_unsetenv ("XDG_RUNTIME_DIR");
  base = vmd_runtime_dir_resolve ("/var/lib/vmd");
  g_assert_true (g_path_is_absolute (base));
  g_assert_cmpuint (strlen (base), <, 60);
}

static void
test_fsync (Fixture *self, gconstpointer data)
{
  g_autofree char *path = path_of (self, "file");
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_fsync_path (self->root, &error));
  g_assert_no_error (error);
  g_assert_false (vmd_fsync_path (path, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND);
  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  g_assert_true (vmd_fsync_path (path, NULL));
}

#define add_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/state-dir/made", test_made);
  add_test ("/state-dir/synced", test_synced);
  add_test ("/state-dir/cannot-be-made", test_cannot_be_made);
  add_test ("/state-dir/odd-paths", test_odd_paths);
  add_test ("/state-dir/file-in-the-way", test_file_in_the_way);
  add_test ("/state-dir/fifo-in-the-way", test_fifo_in_the_way);
  add_test ("/state-dir/others-may-write", test_others_may_write);
  add_test ("/state-dir/strangers-directory", test_strangers_directory);
  add_test ("/state-dir/stranger-below-public", test_stranger_below_public);
  add_test ("/state-dir/strangers-symlink", test_strangers_symlink);
  add_test ("/state-dir/dangling-symlink", test_dangling_symlink);
  add_test ("/state-dir/resolve", test_resolve);
  add_test ("/state-dir/runtime-dir", test_runtime_dir);
  add_test ("/state-dir/fsync", test_fsync);
  return g_test_run ();
}
