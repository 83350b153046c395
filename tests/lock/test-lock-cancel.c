/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include <string.h>

/* How waiting ends, and how holding does. */

/* -- Cancel -- */

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
  g_assert_true (vmd_lock_is_held (lock));
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

typedef struct
{
  VmdLockTable *table;
  GCancellable *cancellable;
} Watch;

static gpointer
cancel_once_it_waits (gpointer data)
{
  Watch *watch = data;

  wait_for_records (watch->table, FALSE, 1);
  g_cancellable_cancel (watch->cancellable);
  return NULL;
}

static void
test_blocked_call (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:shared");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Watch watch = { fixture->table, cancellable };
  GThread *thread = g_thread_new ("watch", cancel_once_it_waits, &watch);

  g_assert_null (vmd_lock_table_lock (fixture->table, request, cancellable, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_cancelled_beforehand (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:shared");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Call call;

  g_cancellable_cancel (cancellable);
  g_assert_null (vmd_lock_table_lock (fixture->table, request, cancellable, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  call_begin (&call, fixture->table, request, cancellable);
  call_wait (&call);
  g_assert_error (call.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  call_clear (&call);
}

/* One that takes the file, and has the gate, lets go of it. */
static void
test_at_the_gate (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:exclusive vm/b:exclusive");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdLockTable) table = vmd_lock_table_new (fixture->state_dir, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdLock) lock = NULL;
  Holder holder;
  Call call;

  holder_start (&holder, fixture->state_dir, "vm/a:shared", FALSE);
  call_begin (&call, fixture->table, request, cancellable);
  while ((lock = try_lock (table, NULL, "vm/a:shared", NULL)) != NULL)
    g_clear_object (&lock);
  g_cancellable_cancel (cancellable);
  call_wait (&call);
  g_assert_error (call.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  lock = try_lock (table, NULL, "vm/a:shared vm/b:exclusive", &error);
  g_assert_no_error (error);
  call_clear (&call);
  holder_end (&holder);
  wait_for_records (fixture->table, TRUE, 1);
}

/* -- Results that nobody wants -- */

/* The grant comes first, then the cancel, and only then does the caller look. */
static void
test_after_the_grant (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:exclusive");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call call;

  call_begin (&call, fixture->table, request, cancellable);
  wait_for_records (fixture->table, TRUE, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (call.done);
  call_wait (&call);
  g_assert_error (call.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  call_clear (&call);
  run_ready ();
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
}

static void
look_away_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  gboolean *done = data;

  *done = TRUE;
}

static void
test_uncollected (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:exclusive");
  gboolean done = FALSE;

  vmd_lock_table_lock_async (fixture->table, request, NULL, look_away_cb, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
  run_ready ();
  wait_for_records (fixture->table, TRUE, 0);
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
}

static void
test_without_a_callback (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:exclusive");

  vmd_lock_table_lock_async (fixture->table, request, NULL, NULL, NULL);
  wait_for_records (fixture->table, FALSE, 1);
  vmd_lock_release (lock);
  wait_for_records (fixture->table, TRUE, 1);
  while (count_records (fixture->table, TRUE) != 0)
    g_main_context_iteration (NULL, FALSE);
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
}

/* -- Release -- */

static void
test_release_under_a_call (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");

  g_assert_true (vmd_lock_begin_use (lock));
  g_assert_true (vmd_lock_begin_use (lock));
  vmd_lock_release (lock);
  g_assert_true (vmd_lock_is_held (lock));
  g_assert_true (vmd_lock_covers (lock, VMD_LOCK_VM, "a", VMD_LOCK_EXCLUSIVE));
  vmd_lock_end_use (lock);
  assert_refused (fixture, NULL, "vm/a:shared", VMD_ERROR_BUSY);
  vmd_lock_end_use (lock);
  g_assert_false (vmd_lock_is_held (lock));
  g_assert_false (vmd_lock_begin_use (lock));
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
}

static void
test_last_reference_under_a_call (Fixture *fixture, gconstpointer data)
{
  VmdLock *lock = lock_now (fixture, NULL, "vm/a:exclusive");

  g_assert_true (vmd_lock_begin_use (lock));
  g_object_unref (lock);
  assert_refused (fixture, NULL, "vm/a:shared", VMD_ERROR_BUSY);
  vmd_lock_end_use (lock);
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
}

static void
test_use_without_release (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");

  g_assert_true (vmd_lock_begin_use (lock));
  vmd_lock_end_use (lock);
  assert_refused (fixture, NULL, "vm/a:shared", VMD_ERROR_BUSY);
  vmd_lock_release (lock);
  vmd_lock_release (lock);
  g_assert_false (vmd_lock_is_held (lock));
}

static gpointer
release_in_thread (gpointer data)
{
  vmd_lock_release (data);
  return NULL;
}

/* Whoever releases, and however many at once: it is released once. */
static void
test_release_from_threads (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  GThread *threads[4];
  Call waiter;

  call_begin_for (&waiter, fixture, NULL, "vm/a:exclusive");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("release", release_in_thread, lock);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  call_wait (&waiter);
  g_assert_no_error (waiter.error);
  assert_refused (fixture, NULL, "vm/a:shared", VMD_ERROR_BUSY);
  call_clear (&waiter);
}

/* -- Deadlines -- */

static void
assert_busy_within (Fixture *fixture, gint64 milliseconds, const char *reason)
{
  g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:shared");
  gint64 start = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;

  vmd_lock_request_set_timeout (request, milliseconds);
  g_assert_null (vmd_lock_table_lock (fixture->table, request, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, reason));
  g_assert_cmpint (g_get_monotonic_time () - start, >=, milliseconds * 1000);
}

static void
test_timeout (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");

  assert_busy_within (fixture, 0, "is held by “a test”");
  assert_busy_within (fixture, 20, "is held by “a test”");
  g_assert_true (vmd_lock_is_held (lock));
  g_assert_cmpuint (count_records (fixture->table, FALSE), ==, 0);
}

/* A client may call what it does as it likes, and others see it on their terminals, some of which
 * act on U+009B too. */
static void
test_timeout_is_harmless (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLockRequest) holder = vmd_lock_request_new (NULL, "a\302\2332J \033[2J");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;

  vmd_lock_request_add (holder, VMD_LOCK_VM, "a", VMD_LOCK_EXCLUSIVE);
  lock = vmd_lock_table_lock (fixture->table, holder, NULL, &error);
  g_assert_no_error (error);
  assert_busy_within (fixture, 0, "is held by “a  2J  [2J”");
  assert_busy_within (fixture, 20, "is held by “a  2J  [2J”");
}

static void
test_timeout_of_a_call (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");

  for (gint64 timeout = 0; timeout <= 20; timeout += 20)
    {
      g_autoptr (VmdLockRequest) request = new_request (NULL, "vm/a:shared");
      Call call;

      vmd_lock_request_set_timeout (request, timeout);
      call_begin (&call, fixture->table, request, NULL);
      call_wait (&call);
      g_assert_error (call.error, VMD_ERROR, VMD_ERROR_BUSY);
      call_clear (&call);
    }
  g_assert_true (vmd_lock_is_held (lock));
}

static void
test_timeout_between_processes (Fixture *fixture, gconstpointer data)
{
  g_autofree char *pid = NULL;
  Holder holder;

  holder_start (&holder, fixture->state_dir, "vm/a:exclusive", FALSE);
  pid = g_strdup_printf ("“held elsewhere” (pid %s)", g_subprocess_get_identifier (holder.process));
  assert_busy_within (fixture, 0, pid);
  assert_busy_within (fixture, 20, pid);
  holder_tell (&holder, "release");
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
  holder_end (&holder);
}

/* -- Whom we wait for is logged -- */

static struct
{
  GMutex mutex;
  GCond cond;
  char *complaint;
} logged;

static GLogWriterOutput
log_writer (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE") && strstr (fields[i].value, "still waits") != NULL)
      {
        g_mutex_lock (&logged.mutex);
        g_free (logged.complaint);
        logged.complaint = g_strdup (fields[i].value);
        g_cond_signal (&logged.cond);
        g_mutex_unlock (&logged.mutex);
        return G_LOG_WRITER_HANDLED;
      }
  return g_log_writer_default (level, fields, n_fields, data);
}

static void
test_complaint (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:exclusive");
  gint64 late = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;
  Call waiter;

  vmd_lock_table_set_patience (fixture->table, 1000);
  call_begin_for (&waiter, fixture, NULL, "vm/a:shared");
  g_mutex_lock (&logged.mutex);
  while (logged.complaint == NULL)
    g_assert_true (g_cond_wait_until (&logged.cond, &logged.mutex, late));
  g_test_message ("%s", logged.complaint);
  g_assert_true (
      g_str_has_prefix (logged.complaint, "“a test” still waits: vm/a is held by “a test” (pid "));
  g_mutex_unlock (&logged.mutex);
  vmd_lock_release (lock);
  call_wait (&waiter);
  call_clear (&waiter);
}

int
main (int argc, char **argv)
{
  int status;

  holder_main_if_asked (argc, argv);
  g_log_set_writer_func (log_writer, NULL, NULL);
  g_test_init (&argc, &argv, NULL);
  add_test ("/lock-cancel/lesson-04-cancelled-waiter", test_lesson_04_cancelled_waiter);
  add_test ("/lock-cancel/lesson-04-cancelled-owner", test_lesson_04_cancelled_owner);
  add_test ("/lock-cancel/blocked-call", test_blocked_call);
  add_test ("/lock-cancel/cancelled-beforehand", test_cancelled_beforehand);
  add_test ("/lock-cancel/at-the-gate", test_at_the_gate);
  add_test ("/lock-cancel/after-the-grant", test_after_the_grant);
  add_test ("/lock-cancel/uncollected", test_uncollected);
  add_test ("/lock-cancel/without-a-callback", test_without_a_callback);
  add_test ("/lock-cancel/release-under-a-call", test_release_under_a_call);
  add_test ("/lock-cancel/last-reference-under-a-call", test_last_reference_under_a_call);
  add_test ("/lock-cancel/use-without-release", test_use_without_release);
  add_test ("/lock-cancel/release-from-threads", test_release_from_threads);
  add_test ("/lock-cancel/timeout", test_timeout);
  add_test ("/lock-cancel/timeout-is-harmless", test_timeout_is_harmless);
  add_test ("/lock-cancel/timeout-of-a-call", test_timeout_of_a_call);
  add_test ("/lock-cancel/timeout-between-processes", test_timeout_between_processes);
  add_test ("/lock-cancel/complaint", test_complaint);
  status = g_test_run ();
  g_free (logged.complaint);
  return status;
}
