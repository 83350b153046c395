/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dlfcn.h>
#include <gio/gio.h>
#include <valgrind/valgrind.h>

/* The other half of test-checker-race: what is right, the checker must take for right, else nobody
 * would read its reports. Each case is a way in which the library hands memory from one thread to
 * another. */

static GMutex mutex;
static GCond cond;
static int shared;

static gpointer
count (gpointer data)
{
  for (int i = 0; i < 100; i++)
    {
      g_mutex_lock (&mutex);
      shared++;
      g_cond_signal (&cond);
      g_mutex_unlock (&mutex);
    }
  return NULL;
}

static void
test_mutex (void)
{
  GThread *threads[2];

  for (int i = 0; i < 2; i++)
    threads[i] = g_thread_new ("counter", count, NULL);
  g_mutex_lock (&mutex);
  while (shared < 200)
    g_cond_wait (&cond, &mutex);
  g_mutex_unlock (&mutex);
  for (int i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (shared, ==, 200);
}

static gpointer
return_task (gpointer data)
{
  g_autoptr (GTask) task = data;
  int *result = g_new (int, 1);

  *result = 7;
  g_task_return_pointer (task, result, g_free);
  return NULL;
}

static void
returned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  int **got = data;

  *got = g_task_propagate_pointer (G_TASK (result), NULL);
}

static void
test_task (void)
{
  g_autofree int *got = NULL;
  GTask *task = g_task_new (NULL, NULL, returned_cb, &got);
  GThread *thread = g_thread_new ("task", return_task, task);

  while (got == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (*got, ==, 7);
  g_thread_join (thread);
}

typedef struct
{
  gatomicrefcount references;
  int value;
} Counted;

static void
counted_unref (Counted *counted)
{
  if (!g_atomic_ref_count_dec (&counted->references))
    return;
  counted->value = 0;
  g_free (counted);
}

static gpointer
use_counted (gpointer data)
{
  Counted *counted = data;

  counted->value++;
  counted_unref (counted);
  return NULL;
}

/* Not joined before the other reference goes: whichever is last frees. */
static void
test_reference_count (void)
{
  for (int i = 0; i < 20; i++)
    {
      Counted *counted = g_new0 (Counted, 1);
      GThread *thread;

      g_atomic_ref_count_init (&counted->references);
      g_atomic_ref_count_inc (&counted->references);
      thread = g_thread_new ("user", use_counted, counted);
      counted_unref (counted);
      g_thread_join (thread);
    }
}

static void
clear_value (gpointer data)
{
  *(int *) data = 0;
}

static gpointer
use_box (gpointer data)
{
  int *value = data;

  (*value)++;
  g_atomic_rc_box_release_full (value, clear_value);
  return NULL;
}

static void
test_reference_box (void)
{
  for (int i = 0; i < 20; i++)
    {
      int *value = g_atomic_rc_box_new0 (int);
      GThread *thread = g_thread_new ("user", use_box, g_atomic_rc_box_acquire (value));

      g_atomic_rc_box_release_full (value, clear_value);
      g_thread_join (thread);
    }
}

/* Whoever lets go last has the bytes freed. */
static gpointer
use_bytes (gpointer data)
{
  GBytes *bytes = data;

  g_assert_cmpint (*(const int *) g_bytes_get_data (bytes, NULL), ==, 7);
  g_bytes_unref (bytes);
  return NULL;
}

static void
test_bytes (void)
{
  for (int i = 0; i < 20; i++)
    {
      int *value = g_new0 (int, 1);
      GBytes *bytes = g_bytes_new_with_free_func (value, sizeof *value, clear_value, value);
      GThread *thread;

      *value = 7;
      thread = g_thread_new ("user", use_bytes, g_bytes_ref (bytes));
      g_bytes_unref (bytes);
      g_thread_join (thread);
      g_free (value);
    }
}

static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  int *seen = data;

  g_mutex_lock (&mutex);
  *seen = 1;
  g_cond_signal (&cond);
  g_mutex_unlock (&mutex);
}

static gpointer
cancel (gpointer data)
{
  g_autoptr (GCancellable) cancellable = data;

  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancellable (void)
{
  GCancellable *cancellable = g_cancellable_new ();
  int seen = 0;
  GThread *thread;

  g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), &seen, NULL);
  thread = g_thread_new ("cancel", cancel, g_object_ref (cancellable));
  g_mutex_lock (&mutex);
  while (!seen)
    g_cond_wait (&cond, &mutex);
  g_mutex_unlock (&mutex);
  g_assert_true (g_cancellable_is_cancelled (cancellable));
  g_object_unref (cancellable);
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (g_getenv ("VMD_THREAD_CHECKER") == NULL)
    return 77;
  g_assert_true (RUNNING_ON_VALGRIND);
  g_assert_nonnull (dlsym (RTLD_DEFAULT, "vmd_glib_shim"));
  g_test_add_func ("/thread-checker/mutex", test_mutex);
  g_test_add_func ("/thread-checker/task", test_task);
  g_test_add_func ("/thread-checker/reference-count", test_reference_count);
  g_test_add_func ("/thread-checker/reference-box", test_reference_box);
  g_test_add_func ("/thread-checker/bytes", test_bytes);
  g_test_add_func ("/thread-checker/cancellable", test_cancellable);
  return g_test_run ();
}
