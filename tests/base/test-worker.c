/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-worker-private.h"
#include "scale.h"
#include "vmd-error.h"

/* A door at which tasks stand still until it is opened. */
typedef struct
{
  GMutex mutex;
  GCond cond;
  gboolean open;
  guint n_inside; /* so many stand there now */
  guint n_passed;
} Door;

static void
door_pass (Door *door)
{
  g_mutex_lock (&door->mutex);
  door->n_inside++;
  g_cond_broadcast (&door->cond);
  while (!door->open)
    g_cond_wait (&door->cond, &door->mutex);
  door->n_inside--;
  door->n_passed++;
  g_mutex_unlock (&door->mutex);
}

static void
door_wait_for (Door *door, guint n_inside)
{
  gint64 late = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;

  g_mutex_lock (&door->mutex);
  while (door->n_inside < n_inside)
    g_assert_true (g_cond_wait_until (&door->cond, &door->mutex, late));
  g_mutex_unlock (&door->mutex);
}

static void
door_open (Door *door)
{
  g_mutex_lock (&door->mutex);
  door->open = TRUE;
  g_cond_broadcast (&door->cond);
  g_mutex_unlock (&door->mutex);
}

static guint
door_count (Door *door)
{
  guint n;

  g_mutex_lock (&door->mutex);
  n = door->n_inside;
  g_mutex_unlock (&door->mutex);
  return n;
}

typedef struct
{
  guint n_done; /* callbacks that ran, in this thread */
  guint n_cancelled;
} Tally;

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Tally *tally = data;
  g_autoptr (GError) error = NULL;

  tally->n_done++;
  if (g_task_propagate_boolean (G_TASK (result), &error))
    return;
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  tally->n_cancelled++;
}

static void
stand_at_door (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  door_pass (data);
  g_task_return_boolean (task, TRUE);
}

static void
run (VmdWorker *worker, VmdWorkerKind kind, Door *door, GCancellable *cancellable, Tally *tally)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, done_cb, tally);

  g_task_set_task_data (task, door, NULL);
  vmd_worker_run (worker, kind, task, stand_at_door);
}

static void
wait_for_done (Tally *tally, guint n)
{
  while (tally->n_done < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_bounded (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (2);
  Door door = { 0 };
  Tally tally = { 0 };

  for (guint i = 0; i < 5; i++)
    run (worker, VMD_WORKER_GUEST, &door, NULL, &tally);
  door_wait_for (&door, 2);
  g_assert_cmpuint (door_count (&door), ==, 2);
  door_open (&door);
  wait_for_done (&tally, 5);
  g_assert_cmpuint (door.n_passed, ==, 5);
}

/* A kill never queues, whatever the guests do, and however many there are. */
static void
test_lifecycle_never_queues (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (1);
  Door stalled = { 0 };
  Door kills = { 0 };
  Tally tally = { 0 };

  for (guint i = 0; i < 20; i++)
    run (worker, VMD_WORKER_GUEST, &stalled, NULL, &tally);
  door_wait_for (&stalled, 1);
  for (guint i = 0; i < 40; i++)
    run (worker, VMD_WORKER_LIFECYCLE, &kills, NULL, &tally);
  door_wait_for (&kills, 40);
  door_open (&kills);
  wait_for_done (&tally, 40);
  g_assert_cmpuint (door_count (&stalled), ==, 1);
  door_open (&stalled);
  wait_for_done (&tally, 60);
}

/* One that queues is answered at once, though every thread is stalled. */
static void
test_cancel_in_queue (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Door door = { 0 };
  Tally stalled = { 0 };
  Tally queued = { 0 };

  run (worker, VMD_WORKER_GUEST, &door, cancellable, &stalled);
  door_wait_for (&door, 1);
  for (guint i = 0; i < 3; i++)
    run (worker, VMD_WORKER_GUEST, &door, cancellable, &queued);
  g_cancellable_cancel (cancellable);
  g_assert_cmpuint (queued.n_done, ==, 0);
  wait_for_done (&queued, 3);
  g_assert_cmpuint (queued.n_cancelled, ==, 3);
  g_assert_cmpuint (stalled.n_done, ==, 0);
  /* Once it runs, the task alone decides what a cancel means. */
  door_open (&door);
  wait_for_done (&stalled, 1);
  g_assert_cmpuint (stalled.n_cancelled, ==, 0);
  g_assert_cmpuint (door.n_passed, ==, 1);
}

static void
test_cancelled_beforehand (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Door door = { .open = TRUE };
  Tally tally = { 0 };

  g_cancellable_cancel (cancellable);
  run (worker, VMD_WORKER_LIFECYCLE, &door, cancellable, &tally);
  wait_for_done (&tally, 1);
  g_assert_cmpuint (tally.n_cancelled, ==, 1);
  g_assert_cmpuint (door.n_passed, ==, 0);
}

static void
append_number (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GArray *order = g_object_get_data (source, "order");
  guint number = GPOINTER_TO_UINT (data);

  g_array_append_val (order, number);
  g_task_return_boolean (task, TRUE);
}

static void
test_first_come_first_served (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (1);
  g_autoptr (GObject) source = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (guint));
  Tally tally = { 0 };

  g_object_set_data (source, "order", order);
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GTask) task = g_task_new (source, NULL, done_cb, &tally);

      g_task_set_task_data (task, GUINT_TO_POINTER (i), NULL);
      vmd_worker_run (worker, VMD_WORKER_GUEST, task, append_number);
    }
  wait_for_done (&tally, 50);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpuint (g_array_index (order, guint, i), ==, i);
}

static gpointer
open_once_it_queues (gpointer data)
{
  door_wait_for (data, 2);
  door_open (data);
  return NULL;
}

static void
test_drain (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (2);
  Door door = { 0 };
  Tally tally = { 0 };
  GThread *opener;

  vmd_worker_drain (worker);
  for (guint i = 0; i < 6; i++)
    run (worker, VMD_WORKER_GUEST, &door, NULL, &tally);
  opener = g_thread_new ("opener", open_once_it_queues, &door);
  vmd_worker_drain (worker);
  g_assert_cmpuint (door.n_passed, ==, 6);
  g_thread_join (opener);
  wait_for_done (&tally, 6);
}

/* What was handed in runs, though the worker is gone. */
static void
test_outlived (void)
{
  VmdWorker *worker = vmd_worker_new (1);
  Door door = { 0 };
  Tally tally = { 0 };

  for (guint i = 0; i < 4; i++)
    run (worker, VMD_WORKER_GUEST, &door, NULL, &tally);
  door_wait_for (&door, 1);
  g_assert_finalize_object (worker);
  door_open (&door);
  wait_for_done (&tally, 4);
  g_assert_cmpuint (tally.n_cancelled, ==, 0);
}

static void
drop_worker (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_object_unref (data);
  g_task_return_boolean (task, TRUE);
}

/* A task may drop the last reference, on a thread of this very worker. */
static void
test_dropped_by_a_task (void)
{
  VmdWorker *worker = vmd_worker_new (1);
  g_autoptr (GTask) task = NULL;
  Tally tally = { 0 };

  task = g_task_new (NULL, NULL, done_cb, &tally);
  g_task_set_task_data (task, g_object_ref (worker), NULL);
  vmd_worker_run (worker, VMD_WORKER_LIFECYCLE, task, drop_worker);
  g_object_unref (worker);
  wait_for_done (&tally, 1);
}

/* -- Many at once -- */

typedef struct
{
  VmdWorker *worker;
  guint seed;
  Tally tally;
} Crowd;

static gpointer
run_crowd (gpointer data)
{
  Crowd *crowd = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (crowd->seed);
  Door door = { .open = TRUE };
  guint n = scaled (400);

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      run (crowd->worker, g_rand_int_range (random, 0, 2), &door, cancellable, &crowd->tally);
      if (g_rand_boolean (random))
        g_cancellable_cancel (cancellable);
      while (g_main_context_iteration (context, FALSE))
        ;
    }
  while (crowd->tally.n_done < n)
    g_main_context_iteration (context, TRUE);
  g_assert_cmpuint (crowd->tally.n_done, ==, n);
  g_assert_cmpuint (crowd->tally.n_cancelled + door.n_passed, ==, n);
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_crowds (void)
{
  g_autoptr (VmdWorker) worker = vmd_worker_new (3);
  Crowd crowds[4];
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (crowds); i++)
    {
      crowds[i] = (Crowd){ .worker = worker, .seed = i };
      threads[i] = g_thread_new ("crowd", run_crowd, &crowds[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (crowds); i++)
    g_thread_join (threads[i]);
  vmd_worker_drain (worker);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/worker/bounded", test_bounded);
  g_test_add_func ("/worker/lifecycle-never-queues", test_lifecycle_never_queues);
  g_test_add_func ("/worker/cancel-in-queue", test_cancel_in_queue);
  g_test_add_func ("/worker/cancelled-beforehand", test_cancelled_beforehand);
  g_test_add_func ("/worker/first-come-first-served", test_first_come_first_served);
  g_test_add_func ("/worker/drain", test_drain);
  g_test_add_func ("/worker/outlived", test_outlived);
  g_test_add_func ("/worker/dropped-by-a-task", test_dropped_by_a_task);
  g_test_add_func ("/worker/crowds", test_crowds);
  return g_test_run ();
}
