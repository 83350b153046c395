/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Takeovers: new connections of devices that have one, with @in_flight under way at once. Each
 * connection is read until its first snapshot, and then no more: the server has to get rid of one
 * whose reader stands still. Those that should be over are looked at later, what they were told
 * last included. At the end exactly one may live for each device, and it must get what is set
 * then. */

/* So many that nobody reads may be open before the oldest are looked at. */
#define STALE_MAX 2048
#define STALE_AT_ONCE 16

typedef struct
{
  guint count;
  guint in_flight;
  guint n_ids;
  guint n_opened;
  guint n_over; /* welcomed, or ended before */
  guint n_overtaken; /* ended before they were welcomed */
  guint n_superseded; /* were told so in the end */
  guint n_cut; /* ended without a word */
  GQueue stale; /* of Link: welcomed, and not known to be over */
  Times times;
} Takeovers;

static void
welcomed_cb (Load *load, Link *link)
{
  Takeovers *self = load->data;

  self->n_over++;
  times_add (&self->times, link->received - link->began);
  g_queue_push_tail (&self->stale, link);
}

static void
ended_cb (Load *load, Link *link)
{
  Takeovers *self = load->data;

  if (link->received == 0)
    {
      self->n_over++;
      self->n_overtaken++;
      self->n_superseded += link->was_superseded;
      g_queue_push_tail (&self->stale, link);
      return;
    }
  if (link->was_superseded)
    self->n_superseded++;
  else
    self->n_cut++;
}

/* Reads what has come since. TRUE: it is over, and freed. */
static gboolean
look_at (Link *link)
{
  char byte;

  while (link->fd >= 0 && recv (link->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
    {
      link->stops = FALSE;
      link_read (link);
    }
  if (link->fd >= 0 && errno != EAGAIN)
    link_ended (link);
  if (link->fd >= 0)
    return FALSE;
  g_free (link);
  return TRUE;
}

static void
look_at_oldest (Takeovers *self, guint n)
{
  for (guint i = 0; i < n && !g_queue_is_empty (&self->stale); i++)
    {
      Link *link = g_queue_pop_head (&self->stale);

      if (!look_at (link))
        g_queue_push_tail (&self->stale, link);
    }
}

static void
open_one (Load *load, Takeovers *self)
{
  Link *link = g_new0 (Link, 1);

  *link = (Link){ .load = load, .fd = -1, .stops = TRUE };
  link->device = self->n_opened++ % self->n_ids;
  if (!link_open (link))
    g_error ("there is no descriptor for a connection");
}

static gint64
run (Load *load, Takeovers *self)
{
  gint64 began = g_get_monotonic_time ();

  while (self->n_over < self->count)
    {
      while (self->n_opened < self->count && self->n_opened - self->n_over < self->in_flight)
        open_one (load, self);
      load_turn (load, LOAD_PATIENCE);
      /* A few at a time: whoever is under way must not wait for us. */
      if (self->stale.length > STALE_MAX + self->n_ids)
        look_at_oldest (self, STALE_AT_ONCE);
    }
  return g_get_monotonic_time () - began;
}

/* Until all but one of each device are over. The server may be a moment behind. */
static void
settle (Takeovers *self)
{
  gint64 deadline = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (self->stale.length > self->n_ids && g_get_monotonic_time () < deadline)
    look_at_oldest (self, self->stale.length);
  look_at_oldest (self, self->stale.length);
}

static void
make_set (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_SET, .device = index, .number = ++load->counter };
}

/* Sets a value of each device, and counts those that have it on the connection that is left. */
static guint
count_served (Load *load, Takeovers *self)
{
  g_autofree guint64 *before = g_new0 (guint64, self->n_ids);
  g_autofree gboolean *served = g_new0 (gboolean, self->n_ids);
  gint64 deadline = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  guint n_served = 0;

  for (GList *item = self->stale.head; item != NULL; item = item->next)
    before[((Link *) item->data)->device] = ((Link *) item->data)->version;
  load_run_errands (load, self->n_ids, 64, make_set);
  load->data = self;
  while (n_served < self->n_ids && g_get_monotonic_time () < deadline)
    for (GList *item = self->stale.head; item != NULL; item = item->next)
      {
        Link *link = item->data;
        char byte;

        while (link->fd >= 0 && recv (link->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
          link_read (link);
        if (served[link->device] || link->version == before[link->device])
          continue;
        served[link->device] = TRUE;
        n_served++;
      }
  return n_served;
}

static void
finish (Load *load, Takeovers *self)
{
  Link *link;

  settle (self);
  report_number ("overtaken", self->n_overtaken);
  report_number ("superseded", self->n_superseded);
  report_number ("cut", self->n_cut);
  report_number ("live", self->stale.length);
  report_number ("served", count_served (load, self));
  while ((link = g_queue_pop_head (&self->stale)) != NULL)
    {
      link_close (link);
      g_free (link);
    }
  times_report (&self->times, "first_snapshot");
  times_clear (&self->times);
}

static const Listener takeover_listener = { .welcomed = welcomed_cb, .ended = ended_cb };

/* To be run without the fleet. */
void
load_take_over (Load *load, guint count, guint in_flight, guint n_ids)
{
  Takeovers self = { .count = count, .in_flight = in_flight, .n_ids = n_ids };
  gint64 elapsed;

  report_begin ("takeover");
  times_init (&self.times);
  load->listener = &takeover_listener;
  load->data = &self;
  elapsed = run (load, &self);
  report_number ("per_second", count / (elapsed / 1e6));
  report_number ("count", self.n_over);
  finish (load, &self);
  report_end ();
}

static void
make_large (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_FILL, .size = 60 * 1024, .number = ++load->counter };
}

static void
make_ordinary (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_FILL, .size = load->filled };
}

/* One after the other, of one device whose values are large: before each, so much is set that the
 * server is stuck in the middle of a write to the connection that nobody reads. */
void
load_take_over_blocked (Load *load, guint rounds)
{
  Takeovers self = { .in_flight = 1, .n_ids = 1 };
  static const guint n_large = 6;

  report_begin ("blocked");
  times_init (&self.times);
  for (guint i = 0; i < rounds; i++)
    {
      load_run_errands (load, n_large, 1, make_large);
      load->listener = &takeover_listener;
      load->data = &self;
      self.count = i + 1;
      run (load, &self);
    }
  report_number ("count", self.n_over);
  finish (load, &self);
  load_run_errands (load, 1, 1, make_ordinary);
  report_end ();
}
