/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include <string.h>

/* Who may ask while it has something already. */

static void
test_holder (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "me", "vm/a:shared");

  assert_refused (fixture, "me", "vm/b:shared", VMD_ERROR_NESTED_LOCK);
  assert_refused (fixture, "me", "image/a:shared", VMD_ERROR_NESTED_LOCK);
  g_object_unref (lock_now (fixture, "another", "vm/b:shared"));
  vmd_lock_release (lock);
  g_object_unref (lock_now (fixture, "me", "vm/b:shared"));
}

/* No recursion, no upgrade: the same again is a second lock. */
static void
test_same_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "me", "vm/a:shared");

  assert_refused (fixture, "me", "vm/a:shared", VMD_ERROR_NESTED_LOCK);
  assert_refused (fixture, "me", "vm/a:exclusive", VMD_ERROR_NESTED_LOCK);
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_message (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, ":1.42", "vm/a:shared");
  g_autoptr (GError) error = NULL;

  g_assert_null (try_lock (fixture->table, ":1.42", "image/b:exclusive", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NESTED_LOCK);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, ":1.42"));
  g_assert_nonnull (strstr (error->message, "vm/a:shared"));
  g_assert_nonnull (strstr (error->message, "image/b:exclusive"));
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_vm_and_its_workspace (Fixture *fixture, gconstpointer data)
{
  VmdLock *lock = lock_now (fixture, "me", "vm/a:shared");

  assert_refused (fixture, "me", "workspace/a:shared", VMD_ERROR_NESTED_LOCK);
  g_object_unref (lock);
  lock = lock_now (fixture, "me", "workspace/a:exclusive");
  assert_refused (fixture, "me", "vm/a:exclusive", VMD_ERROR_NESTED_LOCK);
  g_object_unref (lock);
}

static void
test_waiter (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  Call waiter;

  call_begin_for (&waiter, fixture, "me", "vm/a:shared");
  assert_refused (fixture, "me", "vm/b:shared", VMD_ERROR_NESTED_LOCK);
  assert_refused (fixture, "me", "create:exclusive", VMD_ERROR_NESTED_LOCK);
  vmd_lock_release (lock);
  call_wait (&waiter);
  g_assert_no_error (waiter.error);
  call_clear (&waiter);
}

static void
test_leaves (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "me", "vm/a:exclusive");
  g_autoptr (VmdLock) leaf = lock_now (fixture, "me", "create:exclusive");

  assert_refused (fixture, "me", "publish:exclusive", VMD_ERROR_NESTED_LOCK);
  assert_refused (fixture, "me", "vm/b:exclusive", VMD_ERROR_NESTED_LOCK);
  assert_refused (fixture, NULL, "create:exclusive", VMD_ERROR_BUSY);
  vmd_lock_release (leaf);
  g_object_unref (lock_now (fixture, "me", "publish:exclusive"));
  g_object_unref (lock_now (fixture, "me", "publish:exclusive create:exclusive"));
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_under_a_leaf (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) leaf = lock_now (fixture, "me", "create:shared");

  assert_refused (fixture, "me", "vm/a:shared", VMD_ERROR_NESTED_LOCK);
  assert_refused (fixture, "me", "create:shared", VMD_ERROR_NESTED_LOCK);
  g_object_unref (lock_now (fixture, NULL, "create:shared"));
  g_assert_true (vmd_lock_is_held (leaf));
}

/* A lock that is released under a running call is held until that ends. */
static void
test_until_it_is_free (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "me", "vm/a:exclusive");

  g_assert_true (vmd_lock_begin_use (lock));
  vmd_lock_release (lock);
  assert_refused (fixture, "me", "vm/b:shared", VMD_ERROR_NESTED_LOCK);
  vmd_lock_end_use (lock);
  g_object_unref (lock_now (fixture, "me", "vm/b:shared"));
}

static void
test_nobody_in_particular (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) one = lock_now (fixture, NULL, "vm/a:exclusive");
  g_autoptr (VmdLock) two = lock_now (fixture, NULL, "vm/b:exclusive");

  g_assert_cmpstr (vmd_lock_get_owner (one), !=, vmd_lock_get_owner (two));
}

/* A refusal leaves nothing behind: others are served as if it had not been. */
static void
test_refusal_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, "me", "vm/a:exclusive");

  assert_refused (fixture, "me", "vm/b:exclusive", VMD_ERROR_NESTED_LOCK);
  g_assert_cmpuint (count_records (fixture->table, TRUE), ==, 1);
  g_assert_cmpuint (count_records (fixture->table, FALSE), ==, 0);
  g_object_unref (lock_now (fixture, NULL, "vm/b:exclusive"));
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_request_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_request ("me", "vm/a:exclusive");
  g_autoptr (VmdLock) lock = vmd_lock_table_lock (fixture->table, request, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (lock);
  g_assert_null (vmd_lock_table_lock (fixture->table, request, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NESTED_LOCK);
  g_clear_object (&lock);
  lock = vmd_lock_table_lock (fixture->table, request, NULL, NULL);
  g_assert_nonnull (lock);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/lock-nesting/holder", test_holder);
  add_test ("/lock-nesting/same-again", test_same_again);
  add_test ("/lock-nesting/message", test_message);
  add_test ("/lock-nesting/vm-and-its-workspace", test_vm_and_its_workspace);
  add_test ("/lock-nesting/waiter", test_waiter);
  add_test ("/lock-nesting/leaves", test_leaves);
  add_test ("/lock-nesting/under-a-leaf", test_under_a_leaf);
  add_test ("/lock-nesting/until-it-is-free", test_until_it_is_free);
  add_test ("/lock-nesting/nobody-in-particular", test_nobody_in_particular);
  add_test ("/lock-nesting/refusal-leaves-nothing", test_refusal_leaves_nothing);
  add_test ("/lock-nesting/request-again", test_request_again);
  return g_test_run ();
}
