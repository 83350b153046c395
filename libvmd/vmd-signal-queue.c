/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-signal-queue-private.h"

/* One queue for all objects of a manager, so that what happened first is told first: a VM is added
 * before it changes, and changes before it is removed. A signal that says no more than that
 * something changed, and waits already, is not queued again, so a busy writer cannot make the queue
 * grow; that costs the same when ten thousand devices wait to be told of. */
struct _VmdSignalQueue
{
  gatomicrefcount references; /* the manager's, and the source's until it is closed */
  GSource *source; /* constant: in the context from the beginning; ready when something pends */
  GMutex mutex; /* a leaf; guards what follows */
  GQueue pending; /* Event */
  GHashTable *once; /* set of those in `pending` that are not to be there twice */
  gboolean closed;
};

typedef struct
{
  GObject *emitter;
  guint signal;
  GObject *argument; /* (nullable) */
  gboolean is_once;
} Event;

static guint
event_hash (gconstpointer data)
{
  const Event *event = data;

  return g_direct_hash (event->emitter) ^ (31 * g_direct_hash (event->argument)) ^
         (event->signal << 16);
}

static gboolean
event_equal (gconstpointer a, gconstpointer b)
{
  const Event *first = a, *second = b;

  return first->emitter == second->emitter && first->signal == second->signal &&
         first->argument == second->argument;
}

static void
event_free (gpointer data)
{
  Event *event = data;

  g_object_unref (event->emitter);
  g_clear_object (&event->argument);
  g_free (event);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Event, event_free)

void
vmd_signal_queue_unref (VmdSignalQueue *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_hash_table_unref (self->once);
  g_queue_clear_full (&self->pending, event_free);
  g_source_unref (self->source);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static Event *
pop (VmdSignalQueue *self)
{
  Event *event;

  g_mutex_lock (&self->mutex);
  event = g_queue_pop_head (&self->pending);
  if (event != NULL && event->is_once)
    g_hash_table_remove (self->once, event);
  g_mutex_unlock (&self->mutex);
  return event;
}

static gboolean
emit_cb (gpointer data)
{
  VmdSignalQueue *self = data;

  for (;;)
    {
      g_autoptr (Event) event = pop (self);

      if (event == NULL)
        return G_SOURCE_CONTINUE;
      if (event->argument != NULL)
        g_signal_emit (event->emitter, event->signal, 0, event->argument);
      else
        g_signal_emit (event->emitter, event->signal, 0);
    }
}

/* Not ready any more, before it is looked: what comes meanwhile makes it ready again. */
static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  g_source_set_ready_time (source, -1);
  return callback (data);
}

static GSourceFuncs source_functions = { .dispatch = dispatch };

/* Signals are emitted in @context. What it returns has to be closed. */
VmdSignalQueue *
vmd_signal_queue_new (GMainContext *context)
{
  VmdSignalQueue *self = g_new0 (VmdSignalQueue, 1);

  g_atomic_ref_count_init (&self->references);
  g_mutex_init (&self->mutex);
  g_queue_init (&self->pending);
  self->once = g_hash_table_new (event_hash, event_equal);
  self->source = g_source_new (&source_functions, sizeof (GSource));
  g_source_set_static_name (self->source, "vmd signals");
  g_atomic_ref_count_inc (&self->references);
  g_source_set_callback (self->source, emit_cb, self, (GDestroyNotify) vmd_signal_queue_unref);
  g_source_attach (self->source, context);
  return self;
}

static void
push (VmdSignalQueue *self, gpointer emitter, guint signal, gpointer argument, gboolean is_once)
{
  g_autoptr (Event) event = g_new0 (Event, 1);
  gboolean is_first = FALSE;

  event->emitter = g_object_ref (emitter);
  event->signal = signal;
  event->argument = argument != NULL ? g_object_ref (argument) : NULL;
  event->is_once = is_once;

  g_mutex_lock (&self->mutex);
  if (!self->closed && (!is_once || !g_hash_table_contains (self->once, event)))
    {
      if (is_once)
        g_hash_table_add (self->once, event);
      is_first = g_queue_is_empty (&self->pending);
      g_queue_push_tail (&self->pending, g_steal_pointer (&event));
    }
  g_mutex_unlock (&self->mutex);
  /* Closed meanwhile, it does nothing. */
  if (is_first)
    g_source_set_ready_time (self->source, 0);
}

/**
 * vmd_signal_queue_push:
 * @emitter: (type GObject): whose signal it is
 * @signal: its id
 * @argument: (nullable) (type GObject): its one argument, if it has one
 *
 * Emits the signal in the queue's context, soon; one without an argument that waits already, once.
 * From any thread. After vmd_signal_queue_close() it does nothing.
 */
void
vmd_signal_queue_push (VmdSignalQueue *self, gpointer emitter, guint signal, gpointer argument)
{
  push (self, emitter, signal, argument, argument == NULL);
}

/* The same for one whose argument is what has changed: with it, it is not queued twice. */
void
vmd_signal_queue_push_once (VmdSignalQueue *self, gpointer emitter, guint signal, gpointer argument)
{
  push (self, emitter, signal, argument, TRUE);
}

/* Nothing is emitted any more; what was pending is dropped, with its references. Twice is as good
 * as once. */
void
vmd_signal_queue_close (VmdSignalQueue *self)
{
  GQueue pending = G_QUEUE_INIT;

  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  pending = self->pending;
  g_hash_table_remove_all (self->once);
  g_queue_init (&self->pending);
  g_mutex_unlock (&self->mutex);
  g_source_destroy (self->source);
  g_queue_clear_full (&pending, event_free);
}
