/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include "lock/vmd-lock-set-private.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->state_dir = g_dir_make_tmp ("vmd-lock-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->table = vmd_lock_table_new (fixture->state_dir, &error);
  g_assert_no_error (error);
}

/* The table's thread may still be putting down the last reference that a call had. */
static void
release_table (VmdLockTable *table)
{
  GWeakRef last;
  VmdLockTable *still_there;

  g_weak_ref_init (&last, table);
  g_object_unref (table);
  while ((still_there = g_weak_ref_get (&last)) != NULL)
    {
      g_object_unref (still_there);
      g_thread_yield ();
    }
  g_weak_ref_clear (&last);
}

static guint
remove_directory (const char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;
  guint n_files = 0;

  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_remove (child) == 0)
        n_files++;
    }
  g_assert_no_errno (g_rmdir (path));
  return n_files;
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *requests = g_build_filename (fixture->state_dir, "requests", NULL);

  run_ready ();
  release_table (fixture->table);
  g_assert_cmpuint (remove_directory (requests), ==, 0);
  g_assert_cmpuint (remove_directory (fixture->state_dir), ==, 1);
  g_free (fixture->state_dir);
}

static VmdLockRequest *
new_request_because (const char *owner, const char *reason, const char *resources)
{
  VmdLockRequest *request = vmd_lock_request_new (owner, reason);
  g_autoptr (VmdLockSet) set = vmd_lock_set_parse (resources);

  g_assert_nonnull (set);
  for (guint i = 0; i < set->resources->len; i++)
    {
      VmdLockResource *resource = &g_array_index (set->resources, VmdLockResource, i);

      vmd_lock_request_add (request, resource->kind, resource->name, resource->mode);
    }
  return request;
}

VmdLockRequest *
new_request (const char *owner, const char *resources)
{
  return new_request_because (owner, "a test", resources);
}

VmdLock *
lock_now (Fixture *fixture, const char *owner, const char *resources)
{
  g_autoptr (VmdLockRequest) request = new_request (owner, resources);
  g_autoptr (GError) error = NULL;
  VmdLock *lock = vmd_lock_table_lock (fixture->table, request, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (vmd_lock_is_held (lock));
  return lock;
}

VmdLock *
try_lock (VmdLockTable *table, const char *owner, const char *resources, GError **error)
{
  g_autoptr (VmdLockRequest) request = new_request (owner, resources);

  return vmd_lock_table_try_lock (table, request, error);
}

void
assert_refused (Fixture *fixture, const char *owner, const char *resources, VmdError code)
{
  g_autoptr (VmdLockRequest) request = new_request (owner, resources);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdLock) lock = NULL;

  if (code == VMD_ERROR_BUSY)
    lock = vmd_lock_table_try_lock (fixture->table, request, &error);
  else
    lock = vmd_lock_table_lock (fixture->table, request, NULL, &error);
  g_assert_error (error, VMD_ERROR, (int) code);
  g_assert_null (lock);
}

static void
locked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;

  call->lock = vmd_lock_table_lock_finish (VMD_LOCK_TABLE (source), result, &call->error);
  g_assert_true ((call->lock == NULL) == (call->error != NULL));
  call->done = TRUE;
}

void
call_begin (Call *call, VmdLockTable *table, VmdLockRequest *request, GCancellable *cancellable)
{
  *call = (Call){ 0 };
  vmd_lock_table_lock_async (table, request, cancellable, locked_cb, call);
}

void
call_begin_for (Call *call, Fixture *fixture, const char *owner, const char *resources)
{
  g_autoptr (VmdLockRequest) request = new_request (owner, resources);

  call_begin (call, fixture->table, request, NULL);
}

void
call_wait (Call *call)
{
  while (!call->done)
    g_main_context_iteration (NULL, TRUE);
}

void
run_ready (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
call_clear (Call *call)
{
  g_assert_true (call->done);
  g_clear_object (&call->lock);
  g_clear_error (&call->error);
}

guint
count_records (VmdLockTable *table, gboolean held)
{
  g_autoptr (GListModel) list = vmd_lock_table_list (table);
  guint n = 0;

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmdLockInfo) info = g_list_model_get_item (list, i);

      n += vmd_lock_info_get_held (info) == held;
    }
  return n;
}

void
wait_for_records (VmdLockTable *table, gboolean held, guint n)
{
  while (count_records (table, held) != n)
    g_thread_yield ();
}

/* A child that has everything its parent had, until the parent's end closes the pipe between
 * them. */
static void
fork_child (void)
{
  int pipe_fds[2];
  char byte;

  g_assert_no_errno (pipe (pipe_fds));
  if (fork () != 0)
    {
      close (pipe_fds[0]);
      return;
    }
  close (pipe_fds[1]);
  while (read (pipe_fds[0], &byte, 1) > 0)
    ;
  _exit (0);
}

static int
run_holder (const char *state_dir, const char *resources)
{
  g_autoptr (VmdLockRequest) request = new_request_because (NULL, "held elsewhere", resources);
  g_autoptr (VmdLockTable) table = vmd_lock_table_new (state_dir, NULL);
  g_autoptr (VmdLock) lock = vmd_lock_table_lock (table, request, NULL, NULL);
  char line[64];

  g_assert_nonnull (lock);
  printf ("held\n");
  fflush (stdout);
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      if (g_str_equal (line, "fork\n"))
        fork_child ();
      else if (g_str_equal (line, "release\n"))
        vmd_lock_release (lock);
      printf ("done\n");
      fflush (stdout);
    }
  return 0;
}

void
holder_main_if_asked (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--hold"))
    exit (run_holder (argv[2], argv[3]));
}

void
holder_start (Holder *holder, const char *state_dir, const char *resources, gboolean waits)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  holder->process =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                        self, "--hold", state_dir, resources, NULL);
  g_assert_no_error (error);
  holder->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (holder->process));
  if (!waits)
    holder_expect (holder, "held");
}

void
holder_expect (Holder *holder, const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *read = g_data_input_stream_read_line (holder->output, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (read, ==, line);
}

void
holder_tell (Holder *holder, const char *word)
{
  GOutputStream *input = g_subprocess_get_stdin_pipe (holder->process);
  g_autofree char *line = g_strconcat (word, "\n", NULL);
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (input, line, strlen (line), NULL, NULL, &error);
  g_assert_no_error (error);
  holder_expect (holder, "done");
}

void
holder_end (Holder *holder)
{
  g_subprocess_force_exit (holder->process);
  g_assert_true (g_subprocess_wait (holder->process, NULL, NULL));
  g_clear_object (&holder->output);
  g_clear_object (&holder->process);
}
