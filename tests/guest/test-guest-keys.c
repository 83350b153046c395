/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest/vmd-guest-private.h"

#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const names[] = { "client", "client.pub", "host", "host.pub", "host.dropbear" };

typedef struct
{
  char *vm_dir;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->vm_dir = g_dir_make_tmp ("vmd-keys-XXXXXX", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_remove_tree (fixture->vm_dir, &error);
  g_assert_no_error (error);
  g_free (fixture->vm_dir);
}

static char *
dup_key (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->vm_dir, "keys", name, NULL);
  g_autoptr (GError) error = NULL;
  char *content = NULL;

  g_file_get_contents (path, &content, NULL, &error);
  g_assert_no_error (error);
  return content;
}

static void
assert_absent (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->vm_dir, name, NULL);

  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
assert_whole (Fixture *fixture)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->vm_dir, "keys", names[i], NULL);
      struct stat status;

      g_assert_cmpint (lstat (path, &status), ==, 0);
      g_assert_cmpint (status.st_mode, ==, S_IFREG | 0600);
      g_assert_cmpint (status.st_size, >, 0);
    }
  assert_absent (fixture, "keys.new");
}

static void
test_make (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *client = NULL;
  g_autofree char *host = NULL;

  vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error);
  g_assert_no_error (error);
  assert_whole (fixture);
  client = dup_key (fixture, "client.pub");
  host = dup_key (fixture, "host.pub");
  g_assert_true (g_str_has_prefix (client, "ssh-ed25519 "));
  g_assert_true (g_str_has_prefix (host, "ssh-ed25519 "));
  g_assert_cmpstr (client, !=, host);
}

static void
test_keep (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error);
  g_assert_no_error (error);
  before = dup_key (fixture, "host");
  vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error);
  g_assert_no_error (error);
  after = dup_key (fixture, "host");
  g_assert_cmpstr (before, ==, after);
}

/* What a crash leaves: a staging directory, and never half a set in its place; but a disk may
 * have lost a file. */
static void
test_crashed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *staged = g_build_filename (fixture->vm_dir, "keys.new", NULL);
  g_autofree char *half = g_build_filename (staged, "client", NULL);
  g_autofree char *lost = g_build_filename (fixture->vm_dir, "keys", "host", NULL);

  g_assert_cmpint (g_mkdir (staged, 0700), ==, 0);
  g_file_set_contents (half, "half", -1, &error);
  g_assert_no_error (error);
  vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error);
  g_assert_no_error (error);
  assert_whole (fixture);

  g_assert_cmpint (truncate (lost, 0), ==, 0);
  vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error);
  g_assert_no_error (error);
  assert_whole (fixture);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (vmd_guest_keys_ensure (fixture->vm_dir, cancellable, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  assert_absent (fixture, "keys");
  assert_absent (fixture, "keys.new");
}

static void
test_missing_directory (Fixture *fixture, gconstpointer data)
{
  g_autofree char *nowhere = g_build_filename (fixture->vm_dir, "nowhere", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_guest_keys_ensure (nowhere, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND);
}

/* A program that fails half-way, as ssh-keygen does on a full disk: its words are told, nothing
 * stays. */
static void
test_failing_program (Fixture *fixture, gconstpointer data)
{
  g_autofree char *bin = g_build_filename (fixture->vm_dir, "bin", NULL);
  g_autofree char *program = g_build_filename (bin, "dropbearconvert", NULL);
  g_autofree char *old_path = g_strdup (g_getenv ("PATH"));
  g_autofree char *new_path = g_strconcat (bin, ":", old_path, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (bin, 0700), ==, 0);
  g_file_set_contents_full (program, "#!/bin/sh\necho the disk is full >&2\nexit 1\n", -1,
                            G_FILE_SET_CONTENTS_NONE, 0700, &error);
  g_assert_no_error (error);
  g_setenv ("PATH", new_path, TRUE);
  g_assert_false (vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error));
  g_setenv ("PATH", old_path, TRUE);

  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "the disk is full"));
  assert_absent (fixture, "keys");
  assert_absent (fixture, "keys.new");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                                        \
  g_test_add ("/guest-keys/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("make", test_make);
  ADD ("keep", test_keep);
  ADD ("crashed", test_crashed);
  ADD ("cancelled", test_cancelled);
  ADD ("missing-directory", test_missing_directory);
  ADD ("failing-program", test_failing_program);
#undef ADD

  return g_test_run ();
}
