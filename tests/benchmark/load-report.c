/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <stdio.h>
#include <sys/resource.h>

/* What was measured: one JSON object on a line for each command, with the processor time that the
 * command cost this process, so that whoever reads it sees whether we were in the way. */

static gint64 began;
static gint64 began_busy;

void
times_init (Times *times)
{
  times->times = g_array_new (FALSE, FALSE, sizeof (gint64));
}

void
times_add (Times *times, gint64 microseconds)
{
  g_array_append_val (times->times, microseconds);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gint64 left = *(const gint64 *) a;
  gint64 right = *(const gint64 *) b;

  return left < right ? -1 : left > right;
}

static void
report_percentile (Times *times, const char *name, guint percent)
{
  g_autofree char *full = g_strdup_printf ("%s_p%u", name, percent);
  guint n = times->times->len;
  gint64 value = g_array_index (times->times, gint64, MIN (n - 1, n * percent / 100));

  report_number (full, value / 1e3);
}

/* Milliseconds. */
void
times_report (Times *times, const char *name)
{
  g_array_sort (times->times, compare);
  if (times->times->len == 0)
    return;
  report_percentile (times, name, 50);
  report_percentile (times, name, 99);
  report_percentile (times, name, 100);
}

void
times_clear (Times *times)
{
  g_array_unref (times->times);
}

static gint64
get_busy (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

void
report_begin (const char *command)
{
  printf ("{\"command\": \"%s\"", command);
  began = g_get_monotonic_time ();
  began_busy = get_busy ();
}

void
report_number (const char *name, double value)
{
  printf (", \"%s\": %.6g", name, value);
}

void
report_end (void)
{
  report_number ("client_seconds", (g_get_monotonic_time () - began) / 1e6);
  report_number ("client_busy", (get_busy () - began_busy) / 1e6);
  printf ("}\n");
  fflush (stdout);
}
