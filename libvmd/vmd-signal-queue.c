/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-signal-queue-private.h"

/* One queue for all objects of a manager, so that what happened first is told first: a VM is added
 * before it changes, and changes before it is removed. A signal without an argument ("changed")
 * that waits already is not queued again, so a busy writer cannot make the queue grow. */
struct _VmdSignalQueue
{
  gatomicrefcount references; /* the manager's, and the pending source's */
  GMainContext *context;
  GMutex mutex; /* a leaf; guards what follows */
  GQueue pending; /* Event */
  GSource *source; /* (nullable) attached while something is pending */
  gboolean closed;
};

typedef struct
{
  GObject *emitter;
  guint signal;
  GObject *argument; /* (nullable) */
} Event;

static void
event_free (gpointer data)
{
  Event *event = data;

  g_object_unref (event->emitter);
  g_clear_object (&event->argument);
  g_free (event);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Event, event_free)

VmdSignalQueue *
vmd_signal_queue_new (GMainContext *context)
{
  VmdSignalQueue *self = g_new0 (VmdSignalQueue, 1);

  g_atomic_ref_count_init (&self->references);
  self->context = g_main_context_ref (context);
  g_mutex_init (&self->mutex);
  g_queue_init (&self->pending);
  return self;
}

void
vmd_signal_queue_unref (VmdSignalQueue *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_queue_clear_full (&self->pending, event_free);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static Event *
pop (VmdSignalQueue *self)
{
  Event *event;

  g_mutex_lock (&self->mutex);
  event = g_queue_pop_head (&self->pending);
  if (event == NULL)
    g_clear_pointer (&self->source, g_source_unref);
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
        return G_SOURCE_REMOVE;
      if (event->argument != NULL)
        g_signal_emit (event->emitter, event->signal, 0, event->argument);
      else
        g_signal_emit (event->emitter, event->signal, 0);
    }
}

static gboolean
is_pending (VmdSignalQueue *self, gpointer emitter, guint signal)
{
  for (GList *link = self->pending.head; link != NULL; link = link->next)
    {
      Event *event = link->data;

      if (event->emitter == emitter && event->signal == signal)
        return TRUE;
    }
  return FALSE;
}

/**
 * vmd_signal_queue_push:
 * @emitter: (type GObject): whose signal it is
 * @signal: its id
 * @argument: (nullable) (type GObject): its one argument, if it has one
 *
 * Emits the signal in the queue's context, soon. From any thread. After
 * vmd_signal_queue_close() it does nothing.
 */
void
vmd_signal_queue_push (VmdSignalQueue *self, gpointer emitter, guint signal, gpointer argument)
{
  g_autoptr (Event) event = g_new0 (Event, 1);
  g_autoptr (GSource) source = g_idle_source_new ();
  gboolean attach = FALSE;

  event->emitter = g_object_ref (emitter);
  event->signal = signal;
  event->argument = argument != NULL ? g_object_ref (argument) : NULL;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_atomic_ref_count_inc (&self->references);
  g_source_set_callback (source, emit_cb, self, (GDestroyNotify) vmd_signal_queue_unref);
  g_source_set_static_name (source, "vmd signals");

  g_mutex_lock (&self->mutex);
  if (!self->closed && (argument != NULL || !is_pending (self, emitter, signal)))
    {
      g_queue_push_tail (&self->pending, g_steal_pointer (&event));
      attach = self->source == NULL;
    }
  if (attach)
    self->source = g_source_ref (source);
  g_mutex_unlock (&self->mutex);
  if (attach)
    g_source_attach (source, self->context);
}

/* Nothing is emitted any more; what was pending is dropped, with its references. */
void
vmd_signal_queue_close (VmdSignalQueue *self)
{
  g_autoptr (GSource) source = NULL;
  GQueue pending = G_QUEUE_INIT;

  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  source = g_steal_pointer (&self->source);
  pending = self->pending;
  g_queue_init (&self->pending);
  g_mutex_unlock (&self->mutex);
  if (source != NULL)
    g_source_destroy (source);
  g_queue_clear_full (&pending, event_free);
}
