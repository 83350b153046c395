/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-clock-private.h"

static void
test_fake (void)
{
  g_autoptr (VmdFakeClock) fake = vmd_fake_clock_new ();
  VmdClock *clock = VMD_CLOCK (fake);
  gint64 monotonic = vmd_clock_get_monotonic (clock);
  gint64 wall = vmd_clock_get_wall (clock);

  g_assert_cmpint (monotonic, >, 0);
  g_assert_cmpint (wall, >, monotonic);
  g_assert_cmpint (vmd_clock_get_monotonic (clock), ==, monotonic);
  vmd_fake_clock_advance (fake, 5 * G_USEC_PER_SEC);
  g_assert_cmpint (vmd_clock_get_monotonic (clock), ==, monotonic + 5 * G_USEC_PER_SEC);
  g_assert_cmpint (vmd_clock_get_wall (clock), ==, wall + 5 * G_USEC_PER_SEC);
  vmd_fake_clock_advance (fake, 0);
  g_assert_cmpint (vmd_clock_get_monotonic (clock), ==, monotonic + 5 * G_USEC_PER_SEC);
}

/* Each run of a test sees the same times. */
static void
test_fake_begins_alike (void)
{
  g_autoptr (VmdFakeClock) one = vmd_fake_clock_new ();
  g_autoptr (VmdFakeClock) two = vmd_fake_clock_new ();

  vmd_fake_clock_advance (one, 1);
  g_assert_cmpint (vmd_clock_get_wall (VMD_CLOCK (one)), ==,
                   vmd_clock_get_wall (VMD_CLOCK (two)) + 1);
}

static gpointer
advance (gpointer data)
{
  for (guint i = 0; i < 1000; i++)
    vmd_fake_clock_advance (data, 1);
  return NULL;
}

static void
test_fake_threads (void)
{
  g_autoptr (VmdFakeClock) fake = vmd_fake_clock_new ();
  gint64 start = vmd_clock_get_monotonic (VMD_CLOCK (fake));
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("advance", advance, fake);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (vmd_clock_get_monotonic (VMD_CLOCK (fake)) - start, ==, 4000);
}

static void
test_system (void)
{
  g_autoptr (VmdClock) clock = vmd_system_clock_new ();
  gint64 before = g_get_monotonic_time ();
  gint64 monotonic = vmd_clock_get_monotonic (clock);
  gint64 after = g_get_monotonic_time ();

  g_assert_cmpint (before, <=, monotonic);
  g_assert_cmpint (monotonic, <=, after);
  g_assert_cmpint (ABS (vmd_clock_get_wall (clock) - g_get_real_time ()), <, 60 * G_USEC_PER_SEC);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/fake", test_fake);
  g_test_add_func ("/clock/fake-begins-alike", test_fake_begins_alike);
  g_test_add_func ("/clock/fake-threads", test_fake_threads);
  g_test_add_func ("/clock/system", test_system);
  return g_test_run ();
}
