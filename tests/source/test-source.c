/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which files of a git repository travel, and which repositories are refused. */

#include "git-fixture.h"

#include "vmd-error.h"
#include "vmd-source.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static VmdSource *
open_source (GitFixture *fixture, gboolean include_untracked)
{
  g_autoptr (GError) error = NULL;
  VmdSource *source = vmd_source_open (fixture->repository, include_untracked, NULL, &error);

  g_assert_no_error (error);
  return source;
}

/* The names that travel, each ended by "|". */
static char *
list_names (GitFixture *fixture, gboolean include_untracked)
{
  g_autoptr (VmdSource) source = open_source (fixture, include_untracked);
  g_autoptr (GPtrArray) files = vmd_source_list_files (source);
  GString *names = g_string_new (NULL);

  g_assert_cmpuint (files->len, ==, vmd_source_get_n_files (source));
  for (guint i = 0; i < files->len; i++)
    {
      gsize length;
      const char *bytes = g_bytes_get_data (g_ptr_array_index (files, i), &length);

      g_string_append_len (names, bytes, length);
      g_string_append_c (names, '|');
    }
  return g_string_free (names, FALSE);
}

static void
assert_names (GitFixture *fixture, gboolean include_untracked, const char *expected)
{
  g_autofree char *names = list_names (fixture, include_untracked);

  g_assert_cmpstr (names, ==, expected);
}

/* @path cannot be opened, for the reason @code; the message has @word in it. */
static void
assert_refused (const char *path, gboolean include_untracked, int code, const char *word)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdSource) source = vmd_source_open (path, include_untracked, NULL, &error);

  g_assert_error (error, VMD_ERROR, code);
  g_assert_null (source);
  g_assert_nonnull (strstr (error->message, word));
}

static void
test_working_tree (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *removed = git_path (fixture, "removed");
  g_autofree char *fifo = git_path (fixture, "fifo");

  git_write (fixture, "a/b", "1");
  git_write (fixture, "a-b", "12");
  git_write (fixture, "removed", "123");
  git_write (fixture, "fifo", "1234");
  git_run (fixture, "add", "-A", NULL);
  git_write (fixture, "intended", "12345");
  git_run (fixture, "add", "--intent-to-add", "intended", NULL);
  git_write (fixture, "a/untracked", "");
  g_assert_cmpint (unlink (removed), ==, 0);
  g_assert_cmpint (unlink (fifo), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);

  {
    g_autoptr (VmdSource) source = open_source (fixture, FALSE);

    g_assert_cmpuint (vmd_source_get_bytes (source), ==, 1 + 2 + 5);
    g_assert_cmpstr (vmd_source_get_top (source), ==, fixture->repository);
  }
  assert_names (fixture, FALSE, "a-b|a/b|intended|");
  assert_names (fixture, TRUE, "a-b|a/b|a/untracked|intended|");
}

/* LESSONS 27. */
static void
test_ignored (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *excludes = g_build_filename (fixture->directory, "git", NULL);

  git_write (fixture, ".gitignore", ".env\n*.o\nbuild/\n");
  git_write (fixture, "code.c", "");
  git_run (fixture, "add", "-A", NULL);
  git_write (fixture, ".env", "SECRET=1");
  git_write (fixture, "code.o", "");
  git_write (fixture, "build/output", "");
  git_write (fixture, "new.c", "");
  git_write (fixture, "local", "");
  git_write (fixture, "global", "");
  git_write (fixture, ".git/info/exclude", "local\n");
  g_assert_cmpint (g_mkdir (excludes, 0755), ==, 0);
  {
    g_autofree char *ignore = g_build_filename (excludes, "ignore", NULL);

    g_assert_true (g_file_set_contents (ignore, "global\n", -1, NULL));
  }

  assert_names (fixture, FALSE, ".gitignore|code.c|");
  assert_names (fixture, TRUE, ".gitignore|code.c|new.c|");
  /* Tracked all the same: then it is not ignored, in git's sense. */
  git_run (fixture, "add", "--force", "code.o", NULL);
  assert_names (fixture, FALSE, ".gitignore|code.c|code.o|");
}

/* LESSONS 31, the host's side: a directory that has become a link out of the tree. */
static void
test_symlinked_parent (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *outside = g_build_filename (fixture->directory, "outside", NULL);
  g_autofree char *secret = g_build_filename (outside, "secret", NULL);
  g_autofree char *inside = git_path (fixture, "directory");

  git_write (fixture, "directory/secret", "public");
  git_write (fixture, "other", "");
  git_run (fixture, "add", "-A", NULL);
  g_assert_cmpint (g_mkdir (outside, 0755), ==, 0);
  g_assert_true (g_file_set_contents (secret, "private", -1, NULL));
  remove_tree (inside);
  g_assert_cmpint (symlink ("../outside", inside), ==, 0);

  assert_names (fixture, FALSE, "other|");
  assert_names (fixture, TRUE, "directory|other|");
}

static void
test_head (GitFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdSource) unborn = open_source (fixture, FALSE);
  g_autoptr (VmdSource) born = NULL;
  g_autoptr (VmdSource) detached = NULL;

  g_assert_cmpstr (vmd_source_get_head (unborn), ==, "");
  g_assert_cmpstr (vmd_source_get_branch (unborn), ==, "main");
  g_assert_cmpuint (vmd_source_get_n_files (unborn), ==, 0);

  git_write (fixture, "file", "");
  git_run (fixture, "add", "-A", NULL);
  git_run (fixture, "commit", "-q", "-m", "one", NULL);
  git_run (fixture, "checkout", "-q", "-b", "topic/one", NULL);
  born = open_source (fixture, FALSE);
  g_assert_cmpuint (strlen (vmd_source_get_head (born)), ==, 40);
  g_assert_cmpstr (vmd_source_get_branch (born), ==, "topic/one");

  git_run (fixture, "checkout", "-q", "--detach", NULL);
  detached = open_source (fixture, FALSE);
  g_assert_cmpstr (vmd_source_get_head (detached), ==, vmd_source_get_head (born));
  g_assert_null (vmd_source_get_branch (detached));
}

static void
test_subdirectory (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *below = git_path (fixture, "a/b");
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) error = NULL;

  git_write (fixture, "a/b/c", "");
  git_write (fixture, "d", "");
  git_run (fixture, "add", "-A", NULL);
  source = vmd_source_open (below, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vmd_source_get_top (source), ==, fixture->repository);
  g_assert_cmpuint (vmd_source_get_n_files (source), ==, 2);
}

static void
test_unmerged (GitFixture *fixture, gconstpointer data)
{
  const char *const merge[] = { "sh", "-c", "git merge -q topic >/dev/null 2>&1; test $? = 1",
                                NULL };

  git_write (fixture, "file", "base\n");
  git_run (fixture, "add", "-A", NULL);
  git_run (fixture, "commit", "-q", "-m", "base", NULL);
  git_run (fixture, "checkout", "-q", "-b", "topic", NULL);
  git_write (fixture, "file", "topic\n");
  git_run (fixture, "commit", "-q", "-a", "-m", "topic", NULL);
  git_run (fixture, "checkout", "-q", "main", NULL);
  git_write (fixture, "file", "main\n");
  git_run (fixture, "commit", "-q", "-a", "-m", "main", NULL);
  g_free (run_program (fixture->repository, merge));

  assert_names (fixture, FALSE, "file|");
}

static void
test_refused_places (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *bare = g_build_filename (fixture->directory, "bare", NULL);
  g_autofree char *missing = g_build_filename (fixture->directory, "missing", NULL);
  g_autofree char *file = git_path (fixture, "file");
  g_autofree char *git = git_path (fixture, ".git");

  git_write (fixture, "file", "");
  git_run (fixture, "init", "-q", "--bare", bare, NULL);
  assert_refused (bare, FALSE, VMD_ERROR_BARE_REPOSITORY, bare);
  assert_refused (missing, FALSE, VMD_ERROR_NOT_FOUND, missing);
  assert_refused (file, FALSE, VMD_ERROR_NOT_A_REPOSITORY, file);
  assert_refused (git, FALSE, VMD_ERROR_NOT_A_REPOSITORY, git);
  assert_refused (fixture->directory, FALSE, VMD_ERROR_NOT_A_REPOSITORY, "git init");
  assert_refused ("", FALSE, VMD_ERROR_INVALID_ARGUMENT, "empty");
}

static void
test_refused_submodules (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *nested = git_path (fixture, "nested");

  git_write (fixture, "file", "");
  git_run (fixture, "update-index", "--add", "--cacheinfo",
           "160000,0123456789012345678901234567890123456789,third/party", NULL);
  assert_refused (fixture->repository, FALSE, VMD_ERROR_HAS_SUBMODULES, "'third/party'");
  git_run (fixture, "update-index", "--force-remove", "third/party", NULL);

  /* One that is not tracked stays at home, unless untracked files are asked for. */
  git_run (fixture, "init", "-q", nested, NULL);
  git_write (fixture, "nested/file", "");
  assert_names (fixture, FALSE, "");
  assert_refused (fixture->repository, TRUE, VMD_ERROR_HAS_SUBMODULES, "'nested/'");
}

/* LESSONS 35: neither what a repository configures nor what the environment says makes git run
 * or read something else. */
static void
test_foreign_configuration (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *hook = git_path (fixture, "hook");
  g_autofree char *ran = g_build_filename (fixture->directory, "ran", NULL);
  g_autofree char *index_hook = git_path (fixture, ".git/hooks/post-index-change");
  g_autofree char *alias = g_strconcat ("!", hook, NULL);
  g_autofree char *script = g_strdup_printf ("#!/bin/sh\n: > '%s'\n", ran);

  git_write (fixture, "hook", script);
  g_assert_cmpint (chmod (hook, 0755), ==, 0);
  git_run (fixture, "add", "-A", NULL);
  git_run (fixture, "update-index", "--fsmonitor", NULL);
  git_run (fixture, "config", "core.fsmonitor", hook, NULL);
  git_run (fixture, "config", "core.pager", hook, NULL);
  git_run (fixture, "config", "core.sshCommand", hook, NULL);
  git_run (fixture, "config", "filter.run.clean", hook, NULL);
  git_run (fixture, "config", "filter.run.process", hook, NULL);
  git_run (fixture, "config", "diff.run.textconv", hook, NULL);
  git_run (fixture, "config", "alias.ls-files", alias, NULL);
  git_write (fixture, ".git/info/attributes", "* filter=run diff=run\n");
  git_write (fixture, ".git/hooks/post-index-change", script);
  g_assert_cmpint (chmod (index_hook, 0755), ==, 0);
  /* As changed, so that git would have to look at its content. */
  git_write (fixture, "hook", script);
  unlink (ran);
  g_setenv ("GIT_DIR", "/nonexistent", TRUE);
  g_setenv ("GIT_INDEX_FILE", "/nonexistent", TRUE);

  assert_names (fixture, TRUE, "hook|");
  g_unsetenv ("GIT_DIR");
  g_unsetenv ("GIT_INDEX_FILE");
  g_assert_false (g_file_test (ran, G_FILE_TEST_EXISTS));
}

/* A partial clone lacks an object that git wants to look at, and names the program that fetches it:
 * here one that even listing the files would run. */
static void
test_foreign_fetch (GitFixture *fixture, gconstpointer data)
{
  const char *const query[] = { "git", "rev-parse", "HEAD:.gitignore", NULL };
  g_autofree char *hook = g_build_filename (fixture->directory, "hook", NULL);
  g_autofree char *ran = g_build_filename (fixture->directory, "ran", NULL);
  g_autofree char *script = g_strdup_printf ("#!/bin/sh\n: > '%s'\nexit 1\n", ran);
  g_autofree char *ignore = git_path (fixture, ".gitignore");
  g_autofree char *object = NULL;
  g_autofree char *name = NULL;
  g_autofree char *path = NULL;

  g_assert_true (g_file_set_contents (hook, script, -1, NULL));
  g_assert_cmpint (chmod (hook, 0755), ==, 0);
  git_write (fixture, ".gitignore", "*.o\n");
  git_run (fixture, "add", "-A", NULL);
  git_run (fixture, "commit", "-q", "-m", "first", NULL);
  object = g_strchomp (run_program (fixture->repository, query));
  git_run (fixture, "update-index", "--skip-worktree", ".gitignore", NULL);
  git_run (fixture, "config", "core.repositoryFormatVersion", "1", NULL);
  git_run (fixture, "config", "extensions.partialClone", "origin", NULL);
  git_run (fixture, "config", "remote.origin.url", fixture->directory, NULL);
  git_run (fixture, "config", "remote.origin.promisor", "true", NULL);
  git_run (fixture, "config", "remote.origin.uploadpack", hook, NULL);
  git_run (fixture, "config", "protocol.allow", "always", NULL);
  git_run (fixture, "config", "protocol.file.allow", "always", NULL);
  name = g_strdup_printf (".git/objects/%.2s/%s", object, object + 2);
  path = git_path (fixture, name);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (unlink (ignore), ==, 0);
  git_write (fixture, "new", "new");

  assert_names (fixture, TRUE, "new|");
  g_assert_false (g_file_test (ran, G_FILE_TEST_EXISTS));
}

/* LESSONS 35: a repository that calls its user's home its work tree, and has his keys in its
 * index. */
static void
test_foreign_work_tree (GitFixture *fixture, gconstpointer data)
{
  g_autofree char *home = g_build_filename (fixture->directory, ".ssh", NULL);
  g_autofree char *key = g_build_filename (home, "id", NULL);
  g_autofree char *linked = g_build_filename (fixture->directory, "linked", NULL);
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (home, 0700), ==, 0);
  g_assert_true (g_file_set_contents (key, "private", -1, NULL));
  git_run (fixture, "update-index", "--add", "--cacheinfo",
           "100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,.ssh/id", NULL);
  git_run (fixture, "config", "core.worktree", fixture->directory, NULL);
  assert_refused (fixture->repository, FALSE, VMD_ERROR_NOT_A_REPOSITORY, "core.worktree");
  /* Nor when the home is a repository too. */
  {
    const char *const init[] = { "git", "init", "-q", ".", NULL };

    g_free (run_program (fixture->directory, init));
  }
  assert_refused (fixture->repository, FALSE, VMD_ERROR_NOT_A_REPOSITORY, "core.worktree");

  /* Another work tree of the same repository is a good one. */
  git_run (fixture, "config", "--unset", "core.worktree", NULL);
  git_write (fixture, "file", "");
  git_run (fixture, "add", "file", NULL);
  git_run (fixture, "commit", "-q", "-m", "one", NULL);
  git_run (fixture, "worktree", "add", "-q", "-b", "other", linked, NULL);
  source = vmd_source_open (linked, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vmd_source_get_top (source), ==, linked);
  g_assert_cmpstr (vmd_source_get_branch (source), ==, "other");
}

/* LESSONS 35, the other way round. */
static void
test_foreign_owner (GitFixture *fixture, gconstpointer data)
{
  const char *const argv[] = { "chown", "-R", "65534", fixture->repository, NULL };

  if (getuid () != 0)
    {
      g_test_skip ("only root can give a repository away");
      return;
    }
  g_free (run_program ("/", argv));
  g_setenv ("SUDO_UID", "65534", TRUE);
  assert_refused (fixture->repository, FALSE, VMD_ERROR_PERMISSION_DENIED, "safe.directory");
  g_unsetenv ("SUDO_UID");
}

/* An index that git would never write: its names lead out of the tree, or into git's own
 * directory. */
static void
test_hostile_index (GitFixture *fixture, gconstpointer data)
{
  static const char *const names[] = { ".git/xxxx", "../../xxx", "x/./xxxxx", ".GIT/xxxx" };
  g_autofree char *index = git_path (fixture, ".git/index");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
      g_autofree char *content = NULL;
      gsize length;
      gsize digest_length = 20;
      char *name;

      git_run (fixture, "read-tree", "--empty", NULL);
      git_write (fixture, "xgit/xxxx", "");
      git_run (fixture, "add", "xgit/xxxx", NULL);
      g_assert_true (g_file_get_contents (index, &content, &length, NULL));
      name = memmem (content, length, "xgit/xxxx", 9);
      g_assert_nonnull (name);
      memcpy (name, names[i], 9);
      g_checksum_update (checksum, (const guchar *) content, length - 20);
      g_checksum_get_digest (checksum, (guint8 *) content + length - 20, &digest_length);
      g_assert_true (g_file_set_contents (index, content, length, NULL));

      assert_refused (fixture->repository, FALSE, VMD_ERROR_INVALID_ARGUMENT, names[i]);
    }
}

static void
test_cancelled (GitFixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (vmd_source_open (fixture->repository, FALSE, cancellable, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

static void
add (const char *name, void (*test) (GitFixture *, gconstpointer))
{
  g_test_add (name, GitFixture, NULL, git_fixture_set_up, test, git_fixture_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/source/working-tree", test_working_tree);
  add ("/source/lesson-27-ignored-never-travels", test_ignored);
  add ("/source/lesson-31-symlinked-parent", test_symlinked_parent);
  add ("/source/head", test_head);
  add ("/source/subdirectory", test_subdirectory);
  add ("/source/unmerged", test_unmerged);
  add ("/source/refused-places", test_refused_places);
  add ("/source/refused-submodules", test_refused_submodules);
  add ("/source/lesson-35-foreign-configuration", test_foreign_configuration);
  add ("/source/lesson-35-foreign-fetch", test_foreign_fetch);
  add ("/source/lesson-35-foreign-work-tree", test_foreign_work_tree);
  add ("/source/lesson-35-foreign-owner", test_foreign_owner);
  add ("/source/hostile-index", test_hostile_index);
  add ("/source/cancelled", test_cancelled);
  return g_test_run ();
}
