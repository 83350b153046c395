/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

/* The fleet: each device connected once, read as fast as it can be. */

typedef struct
{
  guint count;
  guint n_opened;
  guint n_over; /* welcomed, or failed */
  Times times;
} Arrivals;

static void
welcomed_cb (Load *load, Link *link)
{
  Arrivals *arrivals = load->data;

  arrivals->n_over++;
  times_add (&arrivals->times, link->received - link->began);
}

static void
not_welcomed_cb (Load *load, Link *link)
{
  Arrivals *arrivals = load->data;

  arrivals->n_over++;
}

/* Connects those that are to be, @in_flight at once, until each has its first snapshot. */
static void
arrive (Load *load, guint count, guint in_flight)
{
  static const Listener listener = { .welcomed = welcomed_cb, .ended = not_welcomed_cb };
  Arrivals arrivals = { .count = count };
  guint64 n_failures = load->n_failures;
  gint64 began = g_get_monotonic_time ();
  double seconds;

  times_init (&arrivals.times);
  load->listener = &listener;
  load->data = &arrivals;
  while (arrivals.n_over < count)
    {
      while (arrivals.n_opened < count && arrivals.n_opened - arrivals.n_over < in_flight)
        if (!link_open (&load->fleet[arrivals.n_opened++]))
          g_error ("there is no descriptor for device %u", arrivals.n_opened);
      load_turn (load, LOAD_PATIENCE);
    }
  seconds = (g_get_monotonic_time () - began) / 1e6;
  load->n_fleet = count;
  report_number ("seconds", seconds);
  report_number ("per_second", count / seconds);
  report_number ("failures", load->n_failures - n_failures);
  times_report (&arrivals.times, "first_snapshot");
  times_clear (&arrivals.times);
}

static void
close_fleet (Load *load)
{
  for (guint i = 0; i < load->n_fleet; i++)
    link_close (&load->fleet[i]);
  load->n_fleet = 0;
}

void
load_connect (Load *load, guint count, guint in_flight)
{
  report_begin ("connect");
  close_fleet (load);
  arrive (load, MIN (count, load->n_devices), in_flight);
  report_end ();
}

void
load_drop (Load *load)
{
  report_begin ("drop");
  close_fleet (load);
  report_end ();
}

/* The server is to be found at @port from now on. */
void
load_move (Load *load, guint port)
{
  report_begin ("port");
  close_fleet (load);
  for (guint i = 0; i < load->n_errands; i++)
    link_close (&load->errands[i]);
  load->port = port;
  report_end ();
}

/* All of them go, and come back at once. */
void
load_storm (Load *load, guint in_flight)
{
  guint count = load->n_fleet;

  report_begin ("storm");
  close_fleet (load);
  arrive (load, count, in_flight);
  report_end ();
}

/* -- One value for all -- */

typedef struct
{
  guint n_updated;
  gboolean answered;
  gint64 answered_at;
} Spread;

static void
updated_cb (Load *load, Link *link)
{
  ((Spread *) load->data)->n_updated++;
}

static void
spread_answered_cb (Load *load, Link *link, gboolean done)
{
  Spread *spread = load->data;

  spread->answered = TRUE;
  spread->answered_at = link->received;
}

/* To be run with the whole fleet. */
void
load_group (Load *load)
{
  static const Listener listener = { .updated = updated_cb, .answered = spread_answered_cb };
  const Errand errand = { .kind = ERRAND_SET_GROUP, .number = ++load->counter };
  Link *link = load_get_errand_link (load, 0);
  Spread spread = { 0 };
  gint64 began;

  report_begin ("group");
  load->listener = &listener;
  load->data = &spread;
  began = g_get_monotonic_time ();
  load_ask (load, link, &errand);
  while (spread.n_updated < load->n_fleet || !spread.answered)
    load_turn (load, LOAD_PATIENCE);
  report_number ("seconds", (g_get_monotonic_time () - began) / 1e6);
  report_number ("answer_seconds", (spread.answered_at - began) / 1e6);
  report_number ("received", spread.n_updated);
  report_end ();
}

/* -- One value for one -- */

typedef struct
{
  guint device;
  gboolean updated;
  gboolean answered;
  gint64 began;
  Times received;
  Times acknowledged;
} Sets;

static void
set_updated_cb (Load *load, Link *link)
{
  Sets *sets = load->data;

  if (link->device != sets->device || sets->updated)
    return;
  sets->updated = TRUE;
  times_add (&sets->received, link->received - sets->began);
}

static void
set_answered_cb (Load *load, Link *link, gboolean done)
{
  Sets *sets = load->data;

  sets->answered = TRUE;
  times_add (&sets->acknowledged, link->received - sets->began);
}

static void
set_one (Load *load, Sets *sets)
{
  const Errand errand = { .kind = ERRAND_SET,
                          .device = g_random_int_range (0, load->n_fleet),
                          .number = ++load->counter };
  Link *link = load_get_errand_link (load, 0);

  sets->device = errand.device;
  sets->updated = sets->answered = FALSE;
  sets->began = g_get_monotonic_time ();
  load_ask (load, link, &errand);
  while (!sets->updated || !sets->answered)
    load_turn (load, LOAD_PATIENCE);
}

/* One after the other, each of a device drawn at random: from before it is sent until it is
 * received. */
void
load_latency (Load *load, guint count)
{
  static const Listener listener = { .updated = set_updated_cb, .answered = set_answered_cb };
  Sets sets = { 0 };

  report_begin ("latency");
  times_init (&sets.received);
  times_init (&sets.acknowledged);
  load->listener = &listener;
  load->data = &sets;
  for (guint i = 0; i < count; i++)
    set_one (load, &sets);
  times_report (&sets.received, "received");
  times_report (&sets.acknowledged, "acknowledged");
  times_clear (&sets.received);
  times_clear (&sets.acknowledged);
  report_end ();
}

static void
make_set (Load *load, guint index, Errand *errand)
{
  *errand =
      (Errand){ .kind = ERRAND_SET, .device = index % load->n_devices, .number = ++load->counter };
}

void
load_sets (Load *load, guint count, guint in_flight)
{
  guint64 n_failures = load->n_failures;
  gint64 elapsed;

  report_begin ("sets");
  elapsed = load_run_errands (load, count, in_flight, make_set);
  report_number ("per_second", count / (elapsed / 1e6));
  report_number ("failures", load->n_failures - n_failures);
  report_end ();
}

/* From the next connections on. */
void
load_keep_alive (Load *load, guint seconds)
{
  report_begin ("keep_alive");
  load->keep_alive = seconds;
  report_end ();
}

static void
not_idle_cb (Load *load, Link *link)
{
  load->n_failures++;
}

/* Reads what comes. Where devices are to show that they are there, each does so in its own time, as
 * those that came one by one would. */
void
load_idle (Load *load, guint seconds)
{
  static const Listener listener = { .ended = not_idle_cb };
  gboolean pings = load->keep_alive > 0 && load->protocol->ping != NULL && load->n_fleet > 0;
  gint64 length = seconds * G_USEC_PER_SEC;
  gint64 gap = pings ? load->keep_alive * G_USEC_PER_SEC / load->n_fleet : length;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint64 n_failures = load->n_failures;
  gint64 began = g_get_monotonic_time ();

  report_begin ("idle");
  load->listener = &listener;
  if (pings)
    load->protocol->ping (out);
  for (guint64 i = 0; (gint64) (i * gap) < length; i++)
    {
      load_turn_until (load, began + i * gap);
      if (pings && load->fleet[i % load->n_fleet].fd >= 0)
        link_send (&load->fleet[i % load->n_fleet], out);
    }
  load_turn_until (load, began + length);
  report_number ("failures", load->n_failures - n_failures);
  report_end ();
}
