/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"
#include "scale.h"
#include "stress-plan.h"

/* Threads that ask for random locks. Nobody may be let in beside somebody who is alone, and
 * everybody has to come through: a deadlock shows as a test that does not end, a starved thread as
 * a long wait. */

#define N_THREADS 8
#define LONGEST_WAIT (30 * G_USEC_PER_SEC)

typedef struct
{
  VmdLockTable *table;
  int inside[N_STRESSED]; /* atomic: how many share it; EXCLUSIVE for one who is alone */
  int leaf_inside; /* atomic */
  guint n_requests; /* of each thread */
} Arena;

#define EXCLUSIVE 1000

typedef struct
{
  Arena *arena;
  guint number;
  guint n_granted;
  guint n_busy;
  guint n_cancelled;
  gint64 longest; /* microseconds that a request waited that was granted */
} Worker;

/* Whoever is alone finds nobody, and whoever shares finds nobody who is alone. */
static void
enter (int *inside, gboolean alone)
{
  int before = g_atomic_int_add (inside, alone ? EXCLUSIVE : 1);

  if (alone)
    g_assert_cmpint (before, ==, 0);
  else
    g_assert_cmpint (before, <, EXCLUSIVE);
}

static void
leave (int *inside, gboolean alone)
{
  g_atomic_int_add (inside, alone ? -EXCLUSIVE : -1);
}

static void
for_each_wanted (Arena *arena, const StressRequest *plan, void (*func) (int *, gboolean))
{
  for (guint i = 0; i < N_STRESSED; i++)
    if (plan->wanted & (1u << i))
      func (&arena->inside[i], (plan->exclusive & (1u << i)) != 0);
}

/* A holder may ask for a leaf. */
static void
visit_leaf (Arena *arena, const char *owner)
{
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new (owner, "stress leaf");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;

  vmd_lock_request_add (request, VMD_LOCK_PUBLISH, NULL, VMD_LOCK_EXCLUSIVE);
  lock = vmd_lock_table_lock (arena->table, request, NULL, &error);
  g_assert_no_error (error);
  enter (&arena->leaf_inside, TRUE);
  leave (&arena->leaf_inside, TRUE);
}

static void
ask_once (Worker *worker, GRand *random)
{
  Arena *arena = worker->arena;
  g_autofree char *owner = g_strdup_printf ("worker %u", worker->number);
  g_autoptr (VmdLockRequest) request = NULL;
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  StressRequest plan;

  stress_request_make (&plan, random);
  request = stress_request_build (&plan, owner);
  lock = vmd_lock_table_lock (arena->table, request, NULL, &error);
  if (lock == NULL)
    {
      g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
      g_assert_cmpint (plan.timeout, >=, 0);
      worker->n_busy++;
      return;
    }
  worker->longest = MAX (worker->longest, g_get_monotonic_time () - start);
  worker->n_granted++;
  for_each_wanted (arena, &plan, enter);
  if (g_rand_int_range (random, 0, 4) == 0)
    visit_leaf (arena, owner);
  else if (g_rand_boolean (random))
    g_thread_yield ();
  for_each_wanted (arena, &plan, leave);
}

static gpointer
run_worker (gpointer data)
{
  Worker *worker = data;
  GRand *random = g_rand_new_with_seed (worker->number + 1);

  for (guint i = 0; i < worker->arena->n_requests; i++)
    ask_once (worker, random);
  g_rand_free (random);
  return NULL;
}

static void
report (const Worker *worker)
{
  g_test_message ("worker %u: %u granted, %u busy, %u cancelled, longest wait %.1f ms",
                  worker->number, worker->n_granted, worker->n_busy, worker->n_cancelled,
                  worker->longest / 1000.0);
  g_assert_cmpint (worker->longest, <, LONGEST_WAIT);
}

static void
test_blocking (Fixture *fixture, gconstpointer data)
{
  Arena arena = { .table = fixture->table, .n_requests = scaled (2000) };
  Worker workers[N_THREADS] = { 0 };
  GThread *threads[N_THREADS];
  gint64 start = g_get_monotonic_time ();
  gint64 longest = 0;

  for (guint i = 0; i < N_THREADS; i++)
    {
      workers[i] = (Worker){ .arena = &arena, .number = i };
      threads[i] = g_thread_new ("worker", run_worker, &workers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < N_THREADS; i++)
    {
      report (&workers[i]);
      g_assert_cmpuint (workers[i].n_granted + workers[i].n_busy, ==, arena.n_requests);
      longest = MAX (longest, workers[i].longest);
    }
  for (guint i = 0; i < N_STRESSED; i++)
    g_assert_cmpint (arena.inside[i], ==, 0);
  g_test_message ("%u requests by %u threads in %.2f s, longest wait %.1f ms",
                  N_THREADS * arena.n_requests, N_THREADS, (g_get_monotonic_time () - start) / 1e6,
                  longest / 1000.0);
  g_assert_cmpuint (count_records (fixture->table, TRUE), ==, 0);
}

/* -- Calls, and cancels at any moment -- */

typedef struct
{
  Worker *worker;
  StressRequest plan;
  GCancellable *cancellable;
  gint64 start;
  guint *n_pending;
} Asked;

static void
asked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Asked *asked = data;
  Worker *worker = asked->worker;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdLock) lock = vmd_lock_table_lock_finish (VMD_LOCK_TABLE (source), result, &error);

  *asked->n_pending -= 1;
  if (lock != NULL)
    {
      worker->longest = MAX (worker->longest, g_get_monotonic_time () - asked->start);
      worker->n_granted++;
      for_each_wanted (worker->arena, &asked->plan, enter);
      for_each_wanted (worker->arena, &asked->plan, leave);
    }
  else if (g_error_matches (error, VMD_ERROR, VMD_ERROR_BUSY))
    worker->n_busy++;
  else
    {
      g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
      worker->n_cancelled++;
    }
  g_object_unref (asked->cancellable);
}

static GCancellable *
ask_later (Worker *worker, GRand *random, guint *n_pending)
{
  Asked *asked = g_new0 (Asked, 1);
  g_autoptr (VmdLockRequest) request = NULL;

  asked->worker = worker;
  asked->start = g_get_monotonic_time ();
  asked->cancellable = g_cancellable_new ();
  asked->n_pending = n_pending;
  stress_request_make (&asked->plan, random);
  request = stress_request_build (&asked->plan, NULL);
  *n_pending += 1;
  vmd_lock_table_lock_async (worker->arena->table, request, asked->cancellable, asked_cb, asked);
  return g_object_ref (asked->cancellable);
}

/* Ten calls at a time, of which each third is cancelled before its answer is looked at. */
static gpointer
run_caller (gpointer data)
{
  Worker *worker = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  GRand *random = g_rand_new_with_seed (worker->number + 100);
  guint n_pending = 0;

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < worker->arena->n_requests / 10; i++)
    {
      for (guint j = 0; j < 10; j++)
        {
          g_autoptr (GCancellable) cancellable = ask_later (worker, random, &n_pending);

          if (g_rand_int_range (random, 0, 3) == 0)
            g_cancellable_cancel (cancellable);
        }
      while (n_pending > 0)
        g_main_context_iteration (context, TRUE);
    }
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  g_rand_free (random);
  return NULL;
}

static void
test_calls (Fixture *fixture, gconstpointer data)
{
  Arena arena = { .table = fixture->table, .n_requests = scaled (1000) };
  Worker workers[N_THREADS] = { 0 };
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    {
      workers[i] = (Worker){ .arena = &arena, .number = i };
      threads[i] = g_thread_new ("caller", run_caller, &workers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < N_THREADS; i++)
    report (&workers[i]);
  g_assert_cmpuint (count_records (fixture->table, FALSE), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/lock-threads/blocking", test_blocking);
  add_test ("/lock-threads/calls", test_calls);
  return g_test_run ();
}
