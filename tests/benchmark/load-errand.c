/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

/* Errands: what an administrator, or a publisher, has done, over connections that are kept. Each
 * carries one at a time. */

typedef struct
{
  guint n_answered;
  guint n_asked;
  guint count;
  ErrandMaker make;
} Run;

/* A server closes a connection that nobody has used for 10 s, at worst while it is asked again. */
#define UNUSED_MAX (5 * G_TIME_SPAN_SECOND)

/* The link is opened when it is needed. */
Link *
load_get_errand_link (Load *load, guint index)
{
  Link *link = &load->errands[index];

  if (link->fd >= 0 && link->n_asked == 0 &&
      g_get_monotonic_time () - MAX (link->began, link->received) > UNUSED_MAX)
    link_close (link);
  if (link->fd < 0)
    {
      *link = (Link){ .load = load, .fd = -1, .is_errand = TRUE };
      if (!link_open (link))
        g_error ("cannot connect to port %u", load->port);
    }
  return link;
}

void
load_ask (Load *load, Link *link, const Errand *errand)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  link->device = errand->device;
  if (load->protocol->ask (load, errand, out))
    {
      link->n_asked++;
      link->began = g_get_monotonic_time ();
      link_send (link, out);
    }
}

static void
ask_next (Load *load, Link *link)
{
  Run *run = load->data;
  Errand errand = { 0 };

  if (run->n_asked == run->count)
    return;
  run->make (load, run->n_asked++, &errand);
  load_ask (load, link, &errand);
}

static void
answered_cb (Load *load, Link *link, gboolean done)
{
  Run *run = load->data;

  run->n_answered++;
  ask_next (load, link);
}

static void
ended_cb (Load *load, Link *link)
{
  if (link->is_errand && link->n_asked > 0)
    g_error ("the server closed a connection that was in use");
}

/* Runs @count of them, @in_flight at once; microseconds. */
gint64
load_run_errands (Load *load, guint count, guint in_flight, ErrandMaker make)
{
  static const Listener listener = { .answered = answered_cb, .ended = ended_cb };
  Run run = { .count = count, .make = make };
  gint64 began = g_get_monotonic_time ();

  load->listener = &listener;
  load->data = &run;
  if (!load->protocol->pipelines)
    in_flight = MIN (in_flight, load->n_errands);
  for (guint i = 0; i < MIN (count, in_flight); i++)
    ask_next (load, load_get_errand_link (load, i % load->n_errands));
  while (run.n_answered < count)
    load_turn (load, LOAD_PATIENCE);
  return g_get_monotonic_time () - began;
}

static void
make_group (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_ADD_GROUP };
}

static void
make_device (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_ADD_DEVICE, .device = index };
}

static void
make_token (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_ADD_TOKEN, .device = index };
}

static void
make_member (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_JOIN_GROUP, .device = index };
}

static void
make_filling (Load *load, guint index, Errand *errand)
{
  *errand = (Errand){ .kind = ERRAND_FILL, .device = index, .size = load->filled };
}

static void
make_fleet (Load *load, guint n_devices)
{
  load->n_devices = n_devices;
  load->fleet = g_new0 (Link, n_devices);
  for (guint i = 0; i < n_devices; i++)
    load->fleet[i] = (Link){ .load = load, .fd = -1, .device = i };
}

/* Makes the devices, in one group, each with @size bytes of values. */
void
load_provide (Load *load, guint n_devices, gsize size)
{
  const guint in_flight = load->n_errands;
  gint64 elapsed;

  report_begin ("provide");
  make_fleet (load, n_devices);
  load->filled = size;
  load->tokens = g_new0 (char *, n_devices + 1);
  if (load->protocol == &protocol_sse)
    {
      load_run_errands (load, 1, 1, make_group);
      load_run_errands (load, n_devices, in_flight, make_device);
      load_run_errands (load, n_devices, in_flight, make_token);
      load_run_errands (load, n_devices, in_flight, make_member);
    }
  elapsed = load_run_errands (load, n_devices, in_flight, make_filling);
  report_number ("fills_per_second", n_devices / (elapsed / 1e6));
  report_number ("failures", load->n_failures);
  report_end ();
}

/* They are there, made by somebody else, or there is nothing to make. */
void
load_know (Load *load, guint n_devices)
{
  report_begin ("known");
  make_fleet (load, n_devices);
  report_end ();
}
