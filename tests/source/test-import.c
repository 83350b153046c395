/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* A work tree on its whole way: git, the source, the socket, unpack. What arrives is what the
 * work tree has. */

#include "git-fixture.h"
#include "loopback.h"

#include "libvmd/source/vmd-source-stream-private.h"
#include "vmd-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  GitFixture git;
  char *root; /* the guest's */
  char *tree; /* <root>/tree */
} Import;

static void
import_set_up (Import *self, gconstpointer data)
{
  git_fixture_set_up (&self->git, NULL);
  self->root = g_build_filename (self->git.directory, "guest", NULL);
  self->tree = g_build_filename (self->root, "tree", NULL);
  g_assert_cmpint (g_mkdir (self->root, 0755), ==, 0);
}

static void
import_tear_down (Import *self, gconstpointer data)
{
  git_fixture_tear_down (&self->git, NULL);
  g_free (self->root);
  g_free (self->tree);
}

static VmdSource *
open_source (Import *self, gboolean include_untracked)
{
  g_autoptr (GError) error = NULL;
  VmdSource *source = vmd_source_open (self->git.repository, include_untracked, NULL, &error);

  g_assert_no_error (error);
  return source;
}

static VmdSourceDescription *
import (Import *self, gboolean include_untracked)
{
  g_autoptr (VmdSource) source = open_source (self, include_untracked);
  g_autoptr (GError) error = NULL;
  VmdSourceDescription *description = loopback_import (source, self->root, &error);

  g_assert_no_error (error);
  return description;
}

/* The guest's tree has what the repository has, and nothing else but what is there not to travel.
 */
static void
assert_same (Import *self)
{
  const char *const argv[] = {
    "diff", "-r", "--no-dereference", "--exclude=.git", self->git.repository, self->tree, NULL
  };

  g_free (run_program ("/", argv));
}

/* LESSONS 30: every name that a file can have. */
static void
test_names (Import *self, gconstpointer data)
{
  static const char *const names[] = {
    "plain",
    "with space",
    " leading and trailing ",
    "quote'and\"double",
    "back\\slash",
    "new\nline",
    "tab\tand\rreturn",
    "-rf",
    "--help",
    "$(touch evil)`id`;&|<>*?[x]{}",
    "utf-8 \303\244\342\202\254",
    "latin-1 \344",
    "\xff\xfe",
    ".hidden",
    "...",
    "~",
    "#x",
    "con",
    "a/b-c",
    "a/b/c",
    "a-b",
    "-dir/-file",
    "PaxHeader/x",
    ".gitattributes",
    "carriage\r\nreturn",
  };
  g_autofree char *component = g_strnfill (255, 'n');
  g_autofree char *bytes = g_strnfill (255, '\344');
  g_autofree char *deep = g_strjoin ("/", component, component, component, component, "end", NULL);
  g_autofree char *target = g_strnfill (200, 't');
  g_autofree char *link = git_path (&self->git, "a/long-link");
  g_autofree char *bytes_link = git_path (&self->git, "bytes-link");
  g_autoptr (VmdSourceDescription) description = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    git_write (&self->git, names[i], names[i]);
  git_write (&self->git, bytes, "255 bytes");
  git_write (&self->git, deep, "1023 bytes");
  g_assert_cmpint (symlink (target, link), ==, 0);
  g_assert_cmpint (symlink ("\344\n", bytes_link), ==, 0);
  git_run (&self->git, "add", "-A", NULL);

  description = import (self, FALSE);
  g_assert_cmpuint (description->files, ==, G_N_ELEMENTS (names) + 4);
  assert_same (self);
}

/* LESSONS 30: contents, links and modes. */
static void
test_contents (Import *self, gconstpointer data)
{
  static const char *const links[][2] = {
    { "absolute", "/etc/passwd" }, { "escaping", "../../../etc" },
    { "dangling", "nowhere" },     { "self", "self" },
    { "inside", "empty" },
  };
  g_autofree char *binary = git_path (&self->git, "binary");
  g_autofree char *script = git_path (&self->git, "script");
  g_autofree char *arrived = g_build_filename (self->tree, "script", NULL);
  g_autofree char *content = g_malloc (3 * 1000 * 1000);
  struct stat status;

  for (guint i = 0; i < 3 * 1000 * 1000; i++)
    content[i] = (char) g_test_rand_int ();
  g_assert_true (g_file_set_contents (binary, content, 3 * 1000 * 1000, NULL));
  git_write (&self->git, "empty", "");
  git_write (&self->git, "crlf", "one\r\ntwo\r\n");
  git_write (&self->git, "script", "#!/bin/sh\n");
  g_assert_cmpint (chmod (script, 0700), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (links); i++)
    {
      g_autofree char *path = git_path (&self->git, links[i][0]);

      g_assert_cmpint (symlink (links[i][1], path), ==, 0);
    }
  git_run (&self->git, "add", "-A", NULL);

  vmd_source_description_free (import (self, FALSE));
  assert_same (self);
  g_assert_cmpint (stat (arrived, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0755);

  /* And again, over it. */
  git_write (&self->git, "crlf", "changed");
  git_run (&self->git, "mv", "empty", "renamed", NULL);
  vmd_source_description_free (import (self, FALSE));
  assert_same (self);
}

/* The locale of the caller says nothing about names. */
static void
test_locale (Import *self, gconstpointer data)
{
  git_write (&self->git, "\344", "latin-1");
  git_write (&self->git, "\303\244", "utf-8");
  git_run (&self->git, "add", "-A", NULL);
  setlocale (LC_ALL, "C.UTF-8");
  vmd_source_description_free (import (self, FALSE));
  setlocale (LC_ALL, "C");
  assert_same (self);
}

/* LESSONS 27. */
static void
test_ignored (Import *self, gconstpointer data)
{
  g_autofree char *secret = g_build_filename (self->tree, ".env", NULL);
  g_autofree char *untracked = g_build_filename (self->tree, "untracked", NULL);

  git_write (&self->git, ".gitignore", ".env\n");
  git_write (&self->git, ".env", "SECRET");
  git_run (&self->git, "add", "-A", NULL);
  git_write (&self->git, "untracked", "");
  vmd_source_description_free (import (self, FALSE));
  g_assert_false (g_file_test (untracked, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (secret, G_FILE_TEST_EXISTS));
  vmd_source_description_free (import (self, TRUE));
  g_assert_true (g_file_test (untracked, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (secret, G_FILE_TEST_EXISTS));
}

static void
test_empty (Import *self, gconstpointer data)
{
  g_autoptr (VmdSourceDescription) description = import (self, FALSE);

  g_assert_cmpuint (description->files, ==, 0);
  g_assert_cmpstr (description->head, ==, "");
  g_assert_true (g_file_test (self->tree, G_FILE_TEST_IS_DIR));
}

static gboolean
collect_cb (const void *bytes, gsize length, gpointer data, GError **error)
{
  g_byte_array_append (data, bytes, length);
  return TRUE;
}

/* The tar of the repository as it is now. */
static GByteArray *
make_tar (Import *self, VmdSourceTotals *totals)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdSourceTree) tree = vmd_source_tree_new (self->git.repository, FALSE, NULL, &error);
  GByteArray *tar = g_byte_array_new ();

  g_assert_no_error (error);
  vmd_source_stream (tree, collect_cb, tar, totals, NULL, &error);
  g_assert_no_error (error);
  return tar;
}

static void
test_deterministic (Import *self, gconstpointer data)
{
  g_autoptr (GByteArray) first = NULL;
  g_autoptr (GByteArray) second = NULL;
  g_autoptr (GByteArray) third = NULL;
  VmdSourceTotals totals[3];

  git_write (&self->git, "b", "1");
  git_write (&self->git, "a/c", "2");
  git_write (&self->git, "a-b", "3");
  git_run (&self->git, "add", "-A", NULL);
  first = make_tar (self, &totals[0]);
  second = make_tar (self, &totals[1]);
  g_assert_cmpmem (first->data, first->len, second->data, second->len);
  g_assert_cmpstr (totals[0].manifest, ==, totals[1].manifest);
  /* No extended headers for plain files: three of header and content, and the end. */
  g_assert_cmpuint (first->len, ==, (3 * 2 + 2) * 512);

  git_write (&self->git, "b", "4");
  third = make_tar (self, &totals[2]);
  g_assert_cmpuint (third->len, ==, first->len);
  g_assert_cmpstr (totals[0].manifest, !=, totals[2].manifest);
}

typedef struct
{
  const char *path;
  int flags;
  goffset length; /* what it is made while it is read; -1: written to, its length stays */
  GByteArray *tar;
} Disturbance;

/* The first piece of a large file has come: changes it. */
static gboolean
disturb_cb (const void *bytes, gsize length, gpointer data, GError **error)
{
  Disturbance *self = data;

  if (self->tar->len == 0 && self->length >= 0)
    g_assert_cmpint (truncate (self->path, self->length), ==, 0);
  else if (self->tar->len == 0)
    {
      int fd = open (self->path, O_WRONLY | O_CLOEXEC);
      const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

      g_assert_cmpint (write (fd, "x", 1), ==, 1);
      g_assert_cmpint (futimens (fd, times), ==, 0);
      close (fd);
    }
  g_byte_array_append (self->tar, bytes, length);
  return TRUE;
}

/* A file that shrinks, grows or changes while it is read: an error that names it, and a tar
 * without an end. */
static void
test_changing (Import *self, gconstpointer data)
{
  static const goffset lengths[] = { 0, 700 * 1024, 3 * 1024 * 1024, -1 };
  g_autofree char *path = git_path (&self->git, "large");

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr (GByteArray) tar = g_byte_array_new ();
      Disturbance disturbance = { .path = path, .length = lengths[i], .tar = tar };
      g_autoptr (VmdSourceTree) tree = NULL;
      g_autoptr (GError) error = NULL;
      VmdSourceTotals totals;

      git_write (&self->git, "large", "");
      g_assert_cmpint (truncate (path, 2 * 1024 * 1024), ==, 0);
      git_run (&self->git, "add", "-A", NULL);
      tree = vmd_source_tree_new (self->git.repository, FALSE, NULL, &error);
      g_assert_no_error (error);
      g_assert_false (vmd_source_stream (tree, disturb_cb, &disturbance, &totals, NULL, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_FAILED);
      g_assert_nonnull (strstr (error->message, "'large'"));
      /* Not even padded to where an end could follow. */
      g_assert_cmpuint (tar->len, <=, 512 + 2 * 1024 * 1024);
    }
}

static gboolean
refuse_cb (const void *bytes, gsize length, gpointer data, GError **error)
{
  guint *pieces = data;

  if ((*pieces)-- > 0)
    return TRUE;
  g_set_error_literal (error, VMD_ERROR, VMD_ERROR_TIMED_OUT, "no more");
  return FALSE;
}

/* A sink that takes no more, also at the very end: its own error comes out. */
static void
test_broken_sink (Import *self, gconstpointer data)
{
  g_autofree char *path = git_path (&self->git, "large");

  git_write (&self->git, "large", "");
  g_assert_cmpint (truncate (path, 600 * 1024), ==, 0);
  git_run (&self->git, "add", "-A", NULL);
  for (guint pieces = 0; pieces < 3; pieces++)
    {
      g_autoptr (VmdSourceTree) tree = NULL;
      g_autoptr (GError) error = NULL;
      VmdSourceTotals totals;
      guint left = pieces;

      tree = vmd_source_tree_new (self->git.repository, FALSE, NULL, &error);
      g_assert_no_error (error);
      g_assert_false (vmd_source_stream (tree, refuse_cb, &left, &totals, NULL, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
    }
}

/* The same on the whole way: nothing arrives. */
static void
test_unreadable (Import *self, gconstpointer data)
{
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = git_path (&self->git, "b");

  if (getuid () == 0)
    {
      g_test_skip ("root can read everything");
      return;
    }
  git_write (&self->git, "a", "");
  git_write (&self->git, "b", "");
  git_run (&self->git, "add", "-A", NULL);
  g_assert_cmpint (chmod (path, 0), ==, 0);
  source = open_source (self, FALSE);
  g_assert_null (loopback_import (source, self->root, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (error->message, "'b'"));
  g_assert_false (g_file_test (self->tree, G_FILE_TEST_EXISTS));
}

/* What happens between opening and reading: gone is gone, and a link is never followed (LESSONS
 * 31). */
static void
test_meanwhile (Import *self, gconstpointer data)
{
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *gone = git_path (&self->git, "gone");
  g_autofree char *link = git_path (&self->git, "link");
  g_autofree char *pipe = git_path (&self->git, "pipe");
  g_autofree char *directory = git_path (&self->git, "directory");
  g_autofree char *outside = g_build_filename (self->git.directory, "outside", NULL);
  g_autofree char *secret = g_build_filename (outside, "file", NULL);
  g_autofree char *arrived = g_build_filename (self->tree, "link", NULL);
  g_autofree char *target = NULL;

  git_write (&self->git, "gone", "");
  git_write (&self->git, "link", "");
  git_write (&self->git, "pipe", "");
  git_write (&self->git, "stays", "");
  git_write (&self->git, "directory/file", "public");
  git_run (&self->git, "add", "-A", NULL);
  source = open_source (self, FALSE);
  g_assert_cmpuint (vmd_source_get_n_files (source), ==, 5);

  g_assert_cmpint (unlink (gone), ==, 0);
  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (unlink (pipe), ==, 0);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  remove_tree (directory);
  g_assert_cmpint (g_mkdir (outside, 0755), ==, 0);
  g_assert_true (g_file_set_contents (secret, "private", -1, NULL));
  g_assert_cmpint (symlink (secret, link), ==, 0);
  g_assert_cmpint (symlink (outside, directory), ==, 0);

  description = loopback_import (source, self->root, &error);
  g_assert_no_error (error);
  /* The link, as one, and what stays. */
  g_assert_cmpuint (description->files, ==, 2);
  target = g_file_read_link (arrived, NULL);
  g_assert_cmpstr (target, ==, secret);
}

/* LESSONS 30: more than 4 GiB, sparse here, so that only the guest's side takes the room. */
static void
test_huge (Import *self, gconstpointer data)
{
  const goffset size = G_GINT64_CONSTANT (4) * 1024 * 1024 * 1024 + 3;
  g_autofree char *path = git_path (&self->git, "huge");
  g_autofree char *arrived = g_build_filename (self->tree, "huge", NULL);
  g_autoptr (VmdSourceDescription) description = NULL;
  struct stat status;
  int fd;

  if (g_getenv ("VMD_TEST_HUGE") == NULL)
    {
      g_test_skip ("writes 4 GiB; set VMD_TEST_HUGE to run it");
      return;
    }
  git_write (&self->git, "huge", "");
  git_run (&self->git, "add", "-A", NULL);
  fd = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (ftruncate (fd, size), ==, 0);
  g_assert_cmpint (pwrite (fd, "end", 3, size - 3), ==, 3);
  close (fd);

  description = import (self, FALSE);
  g_assert_cmpuint (description->bytes, ==, size);
  g_assert_cmpint (stat (arrived, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, size);
}

static void
add (const char *name, void (*test) (Import *, gconstpointer))
{
  g_test_add (name, Import, NULL, import_set_up, test, import_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/import/lesson-30-names", test_names);
  add ("/import/lesson-30-contents", test_contents);
  add ("/import/lesson-30-huge", test_huge);
  add ("/import/locale", test_locale);
  add ("/import/lesson-27-ignored-never-travels", test_ignored);
  add ("/import/empty", test_empty);
  add ("/import/deterministic", test_deterministic);
  add ("/import/changing", test_changing);
  add ("/import/broken-sink", test_broken_sink);
  add ("/import/unreadable", test_unreadable);
  add ("/import/lesson-31-meanwhile", test_meanwhile);
  return g_test_run ();
}
