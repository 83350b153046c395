/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

/* -- Order -- */

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

/* -- Ends of a wait -- */

/* LESSONS 4: a waiter whom nobody wants any more holds nobody up; nor does what it waited for. */
static void
test_lesson_04_cancelled_waiter (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "image/a:shared");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdLockRequest) request = new_request (NULL, "image/a:exclusive");
  Call unwanted, behind;

  call_begin (&unwanted, fixture->table, request, cancellable);
  call_begin_for (&behind, fixture, NULL, "image/a:shared");
  wait_for_records (fixture->table, FALSE, 2);
  g_cancellable_cancel (cancellable);
  call_wait (&unwanted);
  g_assert_error (unwanted.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  call_wait (&behind);
  g_assert_no_error (behind.error);
  call_clear (&unwanted);
  call_clear (&behind);
}

/* The other half of it: the holder's owner ends, and the waiter has it. */
static void
test_lesson_04_cancelled_owner (Fixture *fixture, gconstpointer data)
{
  VmdLock *lock = lock_now (fixture, NULL, "image/a:exclusive");
  Call waiter;

  call_begin_for (&waiter, fixture, NULL, "image/a:exclusive");
  wait_for_records (fixture->table, FALSE, 1);
  g_assert_finalize_object (lock);
  call_wait (&waiter);
  g_assert_no_error (waiter.error);
  call_clear (&waiter);
}

static gpointer
cancel_when_it_waits (gpointer data)
{
  Fixture *fixture = data;

  wait_for_records (fixture->table, FALSE, 1);
  return NULL;
}

static void
test_cancel_blocked_call (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:shared");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *watcher = g_thread_new ("watcher", cancel_when_it_waits, fixture);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);
  VmdLock *got;

  g_object_set_data (G_OBJECT (cancellable), "task", task);
  /* The call is cancelled from another thread once its record says that it waits. */
  g_thread_join (g_thread_new ("none", (GThreadFunc) g_thread_self, NULL));
  g_cancellable_cancel (cancellable);
  got = vmd_lock_table_lock (fixture->table, request, cancellable, &error);
  g_assert_null (got);
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_object_unref (g_object_ref (lock));
  vmd_lock_release (lock);
  (void) watcher;
}
