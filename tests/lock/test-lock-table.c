/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
test_first_come_first_served (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "holder", "vm/a:exclusive");
  Call calls[20];

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    call_begin_for (&calls[i], fixture, NULL, "vm/a:exclusive");
  vmd_lock_release (lock);
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      call_wait (&calls[i]);
      g_assert_no_error (calls[i].error);
      if (i + 1 < G_N_ELEMENTS (calls))
        g_assert_false (calls[i + 1].done);
      call_clear (&calls[i]);
    }
}

static void
test_shared (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) first = lock_now (fixture, NULL, "image/a:shared");
  g_autoptr (VmdLock) second = lock_now (fixture, NULL, "image/a:shared");

  assert_refused (fixture, NULL, "image/a:exclusive", VMD_ERROR_BUSY);
  vmd_lock_release (first);
  assert_refused (fixture, NULL, "image/a:exclusive", VMD_ERROR_BUSY);
  vmd_lock_release (second);
  g_object_unref (lock_now (fixture, NULL, "image/a:exclusive"));
}

/* Readers who come after a writer wait behind it, and then go together. */
static void
test_writer_is_not_overtaken (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) reader = lock_now (fixture, NULL, "image/a:shared");
  Call writer, late[2];

  call_begin_for (&writer, fixture, NULL, "image/a:exclusive");
  assert_refused (fixture, NULL, "image/a:shared", VMD_ERROR_BUSY);
  call_begin_for (&late[0], fixture, NULL, "image/a:shared");
  call_begin_for (&late[1], fixture, NULL, "image/a:shared");
  vmd_lock_release (reader);
  call_wait (&writer);
  run_ready ();
  g_assert_false (late[0].done || late[1].done);
  call_clear (&writer);
  call_wait (&late[0]);
  call_wait (&late[1]);
  assert_refused (fixture, NULL, "image/a:exclusive", VMD_ERROR_BUSY);
  call_clear (&late[0]);
  call_clear (&late[1]);
}

/* One waits only for those that are in its way. */
static void
test_others_pass (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  Call both;

  call_begin_for (&both, fixture, NULL, "vm/a:exclusive vm/b:exclusive");
  assert_refused (fixture, NULL, "vm/b:exclusive", VMD_ERROR_BUSY);
  g_object_unref (lock_now (fixture, NULL, "vm/c:exclusive workspace/a:exclusive"));
  vmd_lock_release (lock);
  call_wait (&both);
  assert_refused (fixture, NULL, "vm/a:exclusive", VMD_ERROR_BUSY);
  call_clear (&both);
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive vm/b:exclusive"));
}

/* LESSONS 3: what concerns one image keeps nobody from another. */
static void
test_lesson_03_images_apart (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) slow = lock_now (fixture, "pull of a", "image/a:exclusive");
  g_autoptr (VmdLock) other = lock_now (fixture, "pull of b", "image/b:exclusive");

  g_assert_true (vmd_lock_is_held (slow));
  g_assert_true (vmd_lock_is_held (other));
}

/* LESSONS 12: a thing that is deleted and made again under the same id has one lock, whoever waits
 * for it. */
static void
test_lesson_12_one_lock_per_id (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) deleting = lock_now (fixture, "delete", "vm/a:exclusive");
  Call waiter;

  call_begin_for (&waiter, fixture, "old waiter", "vm/a:exclusive");
  vmd_lock_release (deleting);
  assert_refused (fixture, "made again", "vm/a:exclusive", VMD_ERROR_BUSY);
  call_wait (&waiter);
  assert_refused (fixture, "made again", "vm/a:exclusive", VMD_ERROR_BUSY);
  call_clear (&waiter);
  g_object_unref (lock_now (fixture, "made again", "vm/a:exclusive"));
}

/* -- What cannot be asked for -- */

static void
test_invalid (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) empty = vmd_lock_request_new (NULL, "nothing");
  g_autoptr (VmdLockRequest) both = vmd_lock_request_new (NULL, "a VM and its workspace");
  g_autoptr (VmdLockRequest) unnamed = vmd_lock_request_new (NULL, "a VM without a name");
  VmdLockRequest *requests[] = { empty, both, unnamed };

  vmd_lock_request_add (both, VMD_LOCK_WORKSPACE, "a", VMD_LOCK_SHARED);
  vmd_lock_request_add (both, VMD_LOCK_VM, "a", VMD_LOCK_SHARED);
  vmd_lock_request_add (unnamed, VMD_LOCK_VM, NULL, VMD_LOCK_SHARED);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) again = NULL;

      g_assert_null (vmd_lock_table_lock (fixture->table, requests[i], NULL, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_assert_null (vmd_lock_table_try_lock (fixture->table, requests[i], &again));
      g_assert_error (again, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_too_many (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new (NULL, "everything");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 1025; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);

      vmd_lock_request_add (request, VMD_LOCK_IMAGE, name, VMD_LOCK_SHARED);
    }
  g_assert_null (vmd_lock_table_lock (fixture->table, request, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
}

static void
test_unusable_directory (void)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "vmd-lock-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  int fd = g_mkstemp (path);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_assert_null (vmd_lock_table_new (path, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_no_errno (g_unlink (path));
}

/* -- What is shown -- */

/* LESSONS 6: a conflict names the holder at once. */
static void
test_lesson_06_busy_names_holder (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) holder = vmd_lock_request_new ("somebody", "import of ./repo");
  g_autofree char *pid = g_strdup_printf ("pid %d", (int) getpid ());
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;

  vmd_lock_request_add (holder, VMD_LOCK_WORKSPACE, "a", VMD_LOCK_EXCLUSIVE);
  vmd_lock_request_set_job (holder, "12");
  vmd_lock_request_set_sender (holder, ":1.42");
  lock = vmd_lock_table_lock (fixture->table, holder, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (try_lock (fixture->table, NULL, "image/b:shared workspace/a:shared", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, "workspace/a is held by “import of ./repo” ("));
  g_assert_nonnull (strstr (error->message, pid));
  g_assert_nonnull (strstr (error->message, ":1.42, job 12"));
}

static void
test_list (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new ("me", "first\n\033[31m things");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GListModel) list = NULL;
  g_autoptr (VmdLockInfo) first = NULL;
  g_autoptr (VmdLockInfo) second = NULL;
  Call waiter;

  vmd_lock_request_add (request, VMD_LOCK_VM, "a", VMD_LOCK_EXCLUSIVE);
  vmd_lock_request_set_job (request, "12");
  lock = vmd_lock_table_lock (fixture->table, request, NULL, NULL);
  g_assert_nonnull (lock);
  call_begin_for (&waiter, fixture, NULL, "vm/a:shared image/b:shared");
  wait_for_records (fixture->table, FALSE, 1);

  list = vmd_lock_table_list (fixture->table);
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, 2);
  first = g_list_model_get_item (list, 0);
  second = g_list_model_get_item (list, 1);
  g_assert_true (vmd_lock_info_get_held (first));
  g_assert_cmpstr (vmd_lock_info_get_resources (first), ==, "vm/a:exclusive");
  g_assert_cmpstr (vmd_lock_info_get_owner (first), ==, "me");
  g_assert_cmpstr (vmd_lock_info_get_reason (first), ==, "first  [31m things");
  g_assert_cmpstr (vmd_lock_info_get_job (first), ==, "12");
  g_assert_null (vmd_lock_info_get_sender (first));
  g_assert_cmpint (vmd_lock_info_get_pid (first), ==, getpid ());
  g_assert_false (vmd_lock_info_get_held (second));
  g_assert_cmpstr (vmd_lock_info_get_resources (second), ==, "vm/a:shared image/b:shared");
  g_assert_cmpint (vmd_lock_info_get_since (first), <=, vmd_lock_info_get_since (second));
  vmd_lock_release (lock);
  call_wait (&waiter);
  call_clear (&waiter);
}

/* -- Tables and locks -- */

static void
test_two_tables (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockTable) other = vmd_lock_table_new (fixture->state_dir, NULL);
  g_autoptr (VmdLock) lock = lock_now (fixture, "one", "vm/a:exclusive");
  g_autoptr (VmdLock) got = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (try_lock (other, "one", "vm/a:shared", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
  vmd_lock_release (lock);
  got = try_lock (other, "one", "vm/a:shared", NULL);
  g_assert_nonnull (got);
}

static void
test_lock_outlives_table (Fixture *fixture, gconstpointer data)
{
  VmdLockTable *other = vmd_lock_table_new (fixture->state_dir, NULL);
  VmdLock *lock = try_lock (other, NULL, "vm/a:exclusive", NULL);

  g_assert_nonnull (lock);
  g_assert_finalize_object (other);
  assert_refused (fixture, NULL, "vm/a:exclusive", VMD_ERROR_BUSY);
  g_assert_finalize_object (lock);
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
}

static void
test_covers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "me", "vm/a:exclusive image/b:shared");
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (vmd_lock_get_owner (lock), ==, "me");
  g_assert_true (vmd_lock_covers (lock, VMD_LOCK_VM, "a", VMD_LOCK_SHARED));
  g_assert_true (vmd_lock_covers (lock, VMD_LOCK_VM, "a", VMD_LOCK_EXCLUSIVE));
  g_assert_true (vmd_lock_covers (lock, VMD_LOCK_IMAGE, "b", VMD_LOCK_SHARED));
  g_assert_false (vmd_lock_covers (lock, VMD_LOCK_IMAGE, "b", VMD_LOCK_EXCLUSIVE));
  g_assert_false (vmd_lock_covers (lock, VMD_LOCK_VM, "b", VMD_LOCK_SHARED));
  g_assert_false (vmd_lock_covers (lock, VMD_LOCK_WORKSPACE, "a", VMD_LOCK_SHARED));
  g_assert_true (vmd_lock_require (lock, VMD_LOCK_VM, "a", VMD_LOCK_EXCLUSIVE, &error));
  vmd_lock_release (lock);
  g_assert_false (vmd_lock_covers (lock, VMD_LOCK_VM, "a", VMD_LOCK_SHARED));
  g_assert_false (vmd_lock_require (lock, VMD_LOCK_VM, "a", VMD_LOCK_SHARED, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_LOCKED);
  g_assert_nonnull (strstr (error->message, "released"));
  g_clear_error (&error);
  g_assert_false (vmd_lock_require (NULL, VMD_LOCK_WORKSPACE, "a", VMD_LOCK_EXCLUSIVE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_LOCKED);
  g_assert_nonnull (strstr (error->message, "workspace/a, exclusive"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/lock-table/first-come-first-served", test_first_come_first_served);
  add_test ("/lock-table/shared", test_shared);
  add_test ("/lock-table/writer-is-not-overtaken", test_writer_is_not_overtaken);
  add_test ("/lock-table/others-pass", test_others_pass);
  add_test ("/lock-table/lesson-03-images-apart", test_lesson_03_images_apart);
  add_test ("/lock-table/lesson-12-one-lock-per-id", test_lesson_12_one_lock_per_id);
  add_test ("/lock-table/invalid", test_invalid);
  add_test ("/lock-table/too-many", test_too_many);
  g_test_add_func ("/lock-table/unusable-directory", test_unusable_directory);
  add_test ("/lock-table/lesson-06-busy-names-holder", test_lesson_06_busy_names_holder);
  add_test ("/lock-table/list", test_list);
  add_test ("/lock-table/two-tables", test_two_tables);
  add_test ("/lock-table/lock-outlives-table", test_lock_outlives_table);
  add_test ("/lock-table/covers", test_covers);
  return g_test_run ();
}
