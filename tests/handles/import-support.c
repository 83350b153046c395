/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "import-support.h"

#include "base/vmd-poll-private.h"
#include "source/git-fixture.h"
#include "vmd-source.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static GitFixture git;
static char *large;
static VmdSource *repository;
static GPtrArray *servers; /* of GThread */

void
import_support_begin (void)
{
  g_autoptr (GError) error = NULL;

  git_fixture_set_up (&git, NULL);
  large = g_strnfill (LARGE_SIZE, 'x');
  git_write (&git, "small", "small\n");
  git_write (&git, "directory/large", large);
  git_run (&git, "add", "-A", NULL);
  git_run (&git, "commit", "-q", "-m", "first", NULL);
  repository = vmd_source_open (git.repository, FALSE, NULL, &error);
  g_assert_no_error (error);
  servers = g_ptr_array_new ();
}

void
import_support_end (void)
{
  for (guint i = 0; i < servers->len; i++)
    g_thread_join (g_ptr_array_index (servers, i));
  g_ptr_array_unref (servers);
  g_object_unref (repository);
  git_fixture_tear_down (&git, NULL);
  g_free (large);
}

const char *
get_repository (void)
{
  return git.repository;
}

/* Whatever comes of it, the other side decides: many a test has it hang up. But when a test fails,
 * one wants to know. */
static gpointer
serve_thread (gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (!vmd_source_serve (repository, GPOINTER_TO_INT (data), NULL, &error))
    g_test_message ("the source of an import: %s", error->message);
  return NULL;
}

int
serve_repository (void)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_ptr_array_add (servers, g_thread_new ("source", serve_thread, GINT_TO_POINTER (fds[1])));
  return fds[0];
}

static gboolean
run_import (Call *call, GError **error)
{
  Import *import = (Import *) call;

  import->workspace =
      vmd_workspace_prepare (call->vm, import->path, import->source_fd, "full-copy",
                             import->replace, call->lock, call->job, call->cancellable, error);
  return import->workspace != NULL;
}

void
import_begin (Import *import, VmdVm *vm, const char *path)
{
  import->call.run = run_import;
  import->call.vm = vm;
  import->path = path;
  if (import->source_fd < 0)
    import->source_fd = serve_repository ();
  call_begin (&import->call);
}

void
import_assert_good (Import *import)
{
  call_join (&import->call);
  g_assert_no_error (import->call.error);
  g_assert_true (VMD_IS_WORKSPACE (import->workspace));
  g_clear_object (&import->workspace);
  call_clear (&import->call);
}

void
import_assert_failed (Import *import, VmdError code)
{
  call_assert_failed (&import->call, code);
}

char *
in_guest (VmdVm *vm, const char *path)
{
  g_autofree char *directory = vmd_vm_dup_dir (vm);

  return g_build_filename (directory, "guest", path, NULL);
}

void
tell_guest (VmdVm *vm, const char *name, const char *content)
{
  g_autofree char *directory = in_guest (vm, ".vmd-fake");
  g_autofree char *path = g_build_filename (directory, name, NULL);

  g_assert_cmpint (g_mkdir_with_parents (directory, 0700), ==, 0);
  if (content != NULL)
    g_assert_true (g_file_set_contents (path, content, -1, NULL));
  else
    g_assert_cmpint (g_unlink (path), ==, 0);
}

void
wait_until_stalled (VmdVm *vm)
{
  g_autofree char *path = in_guest (vm, ".vmd-fake/stalled");
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);

  while (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

gboolean
has_tree (VmdVm *vm, const char *path)
{
  g_autofree char *directory = in_guest (vm, path);
  g_autofree char *small_path = g_build_filename (directory, "small", NULL);
  g_autofree char *large_path = g_build_filename (directory, "directory", "large", NULL);
  g_autofree char *small_content = NULL;
  g_autofree char *large_content = NULL;

  return g_file_get_contents (small_path, &small_content, NULL, NULL) &&
         g_file_get_contents (large_path, &large_content, NULL, NULL) &&
         g_str_equal (small_content, "small\n") && g_str_equal (large_content, large);
}

static void
assert_no_entry (const char *directory, const char *prefix)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, prefix))
      g_error ("There is “%s” left in %s", name, directory);
}

void
assert_no_staging (VmdVm *vm)
{
  g_autofree char *root = in_guest (vm, "");
  g_autofree char *records = in_guest (vm, "var/lib/vmd/staging");

  assert_no_entry (root, ".vmd-staging");
  assert_no_entry (records, "");
}

void
assert_guest_clean (VmdVm *vm, const char *path)
{
  g_autofree char *target = in_guest (vm, path);

  g_assert_false (g_file_test (target, G_FILE_TEST_EXISTS));
  assert_no_staging (vm);
}

guint
count_workspaces (VmdManager *manager)
{
  g_autoptr (GListModel) list = vmd_manager_list_workspaces (manager);

  return g_list_model_get_n_items (list);
}
