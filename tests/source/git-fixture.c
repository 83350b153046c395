/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "git-fixture.h"

#include <glib/gstdio.h>
#include <stdio.h>

void
remove_tree (const char *path)
{
  const char *const argv[] = { "rm", "-rf", "--", path, NULL };

  g_free (run_program ("/", argv));
}

char *
run_program (const char *directory, const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *complaint = NULL;
  char *output = NULL;
  int status;

  g_spawn_sync (directory, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                &complaint, &status, &error);
  g_assert_no_error (error);
  if (!g_spawn_check_wait_status (status, &error))
    g_error ("%s %s: %s: %s", argv[0], argv[1], error->message, complaint);
  return output;
}

void
git_run (GitFixture *self, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  const char *argument;
  va_list arguments;

  g_ptr_array_add (argv, (gpointer) "git");
  va_start (arguments, self);
  while ((argument = va_arg (arguments, const char *)) != NULL)
    g_ptr_array_add (argv, (gpointer) argument);
  va_end (arguments);
  g_ptr_array_add (argv, NULL);
  g_free (run_program (self->repository, (const char *const *) argv->pdata));
}

char *
git_path (GitFixture *self, const char *name)
{
  return g_build_filename (self->repository, name, NULL);
}

void
git_write (GitFixture *self, const char *name, const char *content)
{
  g_autofree char *path = git_path (self, name);
  g_autofree char *parent = g_path_get_dirname (path);
  FILE *file;

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  /* Not by way of a temporary name, which may be too long where this one is not. */
  file = g_fopen (path, "we");
  g_assert_nonnull (file);
  g_assert_cmpint (fputs (content, file), >=, 0);
  g_assert_cmpint (fclose (file), ==, 0);
}

void
git_fixture_set_up (GitFixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->directory = g_dir_make_tmp ("vmd-source-XXXXXX", &error);
  g_assert_no_error (error);
  self->repository = g_build_filename (self->directory, "repository", NULL);
  g_assert_cmpint (g_mkdir (self->repository, 0755), ==, 0);

  /* No configuration but this one's. */
  g_setenv ("HOME", self->directory, TRUE);
  g_setenv ("XDG_CONFIG_HOME", self->directory, TRUE);
  g_setenv ("GIT_CONFIG_NOSYSTEM", "1", TRUE);
  git_run (self, "init", "-q", "-b", "main", NULL);
  git_run (self, "config", "user.name", "Test", NULL);
  git_run (self, "config", "user.email", "test@example.org", NULL);
}

void
git_fixture_tear_down (GitFixture *self, gconstpointer data)
{
  remove_tree (self->directory);
  g_free (self->directory);
  g_free (self->repository);
}
