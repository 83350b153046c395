/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "vmd-signal-queue-private.h"

/* Something that raises signals, with and without an argument. */
#define TEST_TYPE_EMITTER (test_emitter_get_type ())
G_DECLARE_FINAL_TYPE (TestEmitter, test_emitter, TEST, EMITTER, GObject)

struct _TestEmitter
{
  GObject parent_instance;

  guint number;
};

G_DEFINE_FINAL_TYPE (TestEmitter, test_emitter, G_TYPE_OBJECT)

enum
{
  ADDED,
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
test_emitter_class_init (TestEmitterClass *class)
{
  GType type = G_TYPE_FROM_CLASS (class);

  signals[ADDED] = g_signal_new ("added", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, TEST_TYPE_EMITTER);
  signals[CHANGED] =
      g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
test_emitter_init (TestEmitter *self)
{
}

static TestEmitter *
new_emitter (guint number)
{
  TestEmitter *self = g_object_new (TEST_TYPE_EMITTER, NULL);

  self->number = number;
  return self;
}

typedef struct
{
  VmdSignalQueue *queue;
  TestEmitter *emitter;
  GArray *added; /* the arguments' numbers */
  guint n_changed;
  gboolean close_at_once;
} Fixture;

static void
added_cb (TestEmitter *emitter, TestEmitter *argument, gpointer data)
{
  Fixture *self = data;

  g_array_append_val (self->added, argument->number);
  if (self->close_at_once)
    vmd_signal_queue_close (self->queue);
}

static void
changed_cb (TestEmitter *emitter, gpointer data)
{
  ((Fixture *) data)->n_changed++;
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->queue = vmd_signal_queue_new (g_main_context_default ());
  self->emitter = new_emitter (0);
  self->added = g_array_new (FALSE, FALSE, sizeof (guint));
  g_signal_connect (self->emitter, "added", G_CALLBACK (added_cb), self);
  g_signal_connect (self->emitter, "changed", G_CALLBACK (changed_cb), self);
}

static void
run_ready (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  vmd_signal_queue_close (self->queue);
  vmd_signal_queue_unref (self->queue);
  run_ready ();
  g_assert_finalize_object (self->emitter);
  g_array_unref (self->added);
}

static void
push_added (Fixture *self, guint number)
{
  g_autoptr (TestEmitter) argument = new_emitter (number);

  vmd_signal_queue_push (self->queue, self->emitter, signals[ADDED], argument);
}

static void
test_order (Fixture *self, gconstpointer data)
{
  for (guint i = 0; i < 10; i++)
    push_added (self, i);
  g_assert_cmpuint (self->added->len, ==, 0);
  run_ready ();
  g_assert_cmpuint (self->added->len, ==, 10);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (g_array_index (self->added, guint, i), ==, i);
}

static void
test_not_twice (Fixture *self, gconstpointer data)
{
  for (guint i = 0; i < 10; i++)
    vmd_signal_queue_push (self->queue, self->emitter, signals[CHANGED], NULL);
  run_ready ();
  g_assert_cmpuint (self->n_changed, ==, 1);
  vmd_signal_queue_push (self->queue, self->emitter, signals[CHANGED], NULL);
  run_ready ();
  g_assert_cmpuint (self->n_changed, ==, 2);
}

static void
test_close (Fixture *self, gconstpointer data)
{
  push_added (self, 1);
  vmd_signal_queue_push (self->queue, self->emitter, signals[CHANGED], NULL);
  vmd_signal_queue_close (self->queue);
  vmd_signal_queue_push (self->queue, self->emitter, signals[CHANGED], NULL);
  run_ready ();
  g_assert_cmpuint (self->added->len, ==, 0);
  g_assert_cmpuint (self->n_changed, ==, 0);
}

static void
test_close_in_a_handler (Fixture *self, gconstpointer data)
{
  self->close_at_once = TRUE;
  push_added (self, 1);
  push_added (self, 2);
  run_ready ();
  g_assert_cmpuint (self->added->len, ==, 1);
}

/* -- Many threads -- */

typedef struct
{
  Fixture *fixture;
  guint first;
  guint n;
} Pusher;

static gpointer
push_many (gpointer data)
{
  Pusher *pusher = data;

  for (guint i = 0; i < pusher->n; i++)
    {
      push_added (pusher->fixture, pusher->first + i);
      vmd_signal_queue_push (pusher->fixture->queue, pusher->fixture->emitter, signals[CHANGED],
                             NULL);
    }
  return NULL;
}

#define SPAN 1000000

/* Nothing is lost, and what one thread pushed first comes first. */
static void
test_threads (Fixture *self, gconstpointer data)
{
  guint n = scaled (500);
  guint next[4] = { 0 };
  Pusher pushers[4];
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (pushers); i++)
    {
      pushers[i] = (Pusher){ self, i * SPAN, n };
      threads[i] = g_thread_new ("pusher", push_many, &pushers[i]);
    }
  while (self->added->len < n * G_N_ELEMENTS (pushers))
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  run_ready ();
  for (guint i = 0; i < self->added->len; i++)
    {
      guint number = g_array_index (self->added, guint, i);

      g_assert_cmpuint (number % SPAN, ==, next[number / SPAN]++);
    }
  g_assert_cmpuint (self->n_changed, >=, 1);
  g_assert_cmpuint (self->n_changed, <=, n * G_N_ELEMENTS (pushers));
}

typedef struct
{
  VmdSignalQueue *queue;
  TestEmitter *emitter;
  guint n_rounds;

  GMutex mutex; /* guards what follows, and the queue between two rounds */
  GCond changed;
  guint n_begun;
  guint n_ended;
} Racer;

static void
wait_for_round (Racer *racer, const guint *number, guint wanted)
{
  g_mutex_lock (&racer->mutex);
  while (*number < wanted)
    g_cond_wait (&racer->changed, &racer->mutex);
  g_mutex_unlock (&racer->mutex);
}

static void
set_round (Racer *racer, guint *number, guint value)
{
  g_mutex_lock (&racer->mutex);
  *number = value;
  g_cond_broadcast (&racer->changed);
  g_mutex_unlock (&racer->mutex);
}

static gpointer
push_once_a_round (gpointer data)
{
  Racer *racer = data;

  for (guint i = 1; i <= racer->n_rounds; i++)
    {
      wait_for_round (racer, &racer->n_begun, i);
      vmd_signal_queue_push (racer->queue, racer->emitter, signals[CHANGED], NULL);
      set_round (racer, &racer->n_ended, i);
    }
  return NULL;
}

/* A close that comes while another thread pushes into an empty queue: whichever is first, nothing
 * is complained of, emitted afterwards, or left. */
static void
test_close_beside_push (void)
{
  Racer racer = { .emitter = new_emitter (0), .n_rounds = scaled (2000) };
  GThread *thread;

  g_mutex_init (&racer.mutex);
  g_cond_init (&racer.changed);
  thread = g_thread_new ("racer", push_once_a_round, &racer);
  for (guint i = 1; i <= racer.n_rounds; i++)
    {
      racer.queue = vmd_signal_queue_new (g_main_context_default ());
      set_round (&racer, &racer.n_begun, i);
      vmd_signal_queue_close (racer.queue);
      wait_for_round (&racer, &racer.n_ended, i);
      vmd_signal_queue_unref (racer.queue);
    }
  g_thread_join (thread);
  run_ready ();
  g_assert_finalize_object (racer.emitter);
  g_cond_clear (&racer.changed);
  g_mutex_clear (&racer.mutex);
}

#define add_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/signal-queue/order", test_order);
  add_test ("/signal-queue/not-twice", test_not_twice);
  add_test ("/signal-queue/close", test_close);
  add_test ("/signal-queue/close-in-a-handler", test_close_in_a_handler);
  add_test ("/signal-queue/threads", test_threads);
  g_test_add_func ("/signal-queue/close-beside-push", test_close_beside_push);
  return g_test_run ();
}
