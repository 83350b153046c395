/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"

#include "base/vmd-program-private.h"
#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>
#include <string.h>

#define HANG_MILLISECONDS (120 * 1000)

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("vmd-archive-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->disk = fixture_path (fixture, "disk.raw");
  fixture->job = vmd_job_new ("test", "test", NULL, "test");
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_remove_tree (fixture->directory, &error);
  g_assert_no_error (error);
  g_free (fixture->directory);
  g_free (fixture->disk);
  g_object_unref (fixture->job);
}

char *
fixture_path (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->directory, name, NULL);
}

/* -- file systems -- */

static char *
run (const char *program, const char *option, const char *request, const char *disk)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = vmd_program_find (program, &error);
  const char *argv[5] = { path, option };
  char *output = NULL;
  guint n = 2;

  g_assert_no_error (error);
  if (request != NULL)
    argv[n++] = request;
  argv[n] = disk;
  vmd_program_run (argv, NULL, &output, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  return output;
}

void
assert_clean (const char *disk)
{
  g_autofree char *output = run ("e2fsck", "-fn", NULL, disk);

  g_assert_null (strstr (output, "WARNING"));
  g_assert_null (strstr (output, "Fix?"));
}

char *
debugfs (const char *disk, const char *request)
{
  return run ("debugfs", "-R", request, disk);
}

void
assert_content (const char *disk, const char *path, const void *data, gsize length)
{
  g_autofree char *request = NULL;
  g_autofree char *output = NULL;
  g_autofree char *dump = g_strconcat (disk, ".dump", NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize got;

  request = g_strdup_printf ("dump \"%s\" %s", path, dump);
  output = debugfs (disk, request);
  g_file_get_contents (dump, &content, &got, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (content, got, data, length);
  g_unlink (dump);
}

void
assert_stat_has (const char *disk, const char *path, const char *words)
{
  g_autofree char *request = g_strdup_printf ("stat \"%s\"", path);
  g_autofree char *output = debugfs (disk, request);

  if (strstr (output, words) == NULL)
    g_error ("stat %s does not say \"%s\": %s", path, words, output);
}

gboolean
is_in (const char *disk, const char *path)
{
  g_autofree char *request = g_strdup_printf ("stat \"%s\"", path);
  g_autofree char *output = debugfs (disk, request);

  return strstr (output, "Inode:") != NULL;
}
