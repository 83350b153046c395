/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-retry.h"

static const double last_chance = 0.999999;

/* The formula of doc/config-channel.md. */
static void
test_failures (void)
{
  static const gint64 longest[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000 };

  for (guint i = 0; i < G_N_ELEMENTS (longest); i++)
    {
      g_assert_cmpint (vmd_device_retry_after_failures (i, 0), ==, longest[i] / 2);
      g_assert_cmpint (vmd_device_retry_after_failures (i, 0.5), ==, longest[i] * 3 / 4);
      g_assert_cmpint (vmd_device_retry_after_failures (i, last_chance), <=, longest[i]);
      g_assert_cmpint (vmd_device_retry_after_failures (i, last_chance), >, longest[i] - 10);
    }
  g_assert_cmpint (vmd_device_retry_after_failures (G_MAXUINT, 0), ==, 30000);
}

static void
test_refused (void)
{
  g_assert_cmpint (vmd_device_retry_when_refused (0), ==, 30000);
  g_assert_cmpint (vmd_device_retry_when_refused (last_chance), <=, 60000);
}

static void
test_superseded (void)
{
  g_assert_cmpint (vmd_device_retry_when_superseded (0), ==, 300000);
  g_assert_cmpint (vmd_device_retry_when_superseded (last_chance), <=, 360000);
}

static void
test_told (void)
{
  g_assert_cmpint (vmd_device_retry_when_told (500, "10", 0), ==, 10000);
  g_assert_cmpint (vmd_device_retry_when_told (500, "10", 0.5), ==, 11250);
  g_assert_cmpint (vmd_device_retry_when_told (500, "10", last_chance), <=, 12500);
  /* Our own wait is longer. */
  g_assert_cmpint (vmd_device_retry_when_told (20000, "10", 0.5), ==, 20000);
  /* Nobody may make us wait for ever. */
  g_assert_cmpint (vmd_device_retry_when_told (500, "4294967295", 0), ==, 3600000);
}

static void
test_told_nonsense (void)
{
  static const char *const texts[] = { NULL,
                                       "",
                                       "-1",
                                       "+1",
                                       " 10",
                                       "1.5",
                                       "10s",
                                       "0x1",
                                       "Wed, 21 Oct 2026 07:28:00 GMT",
                                       "99999999999999999999" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_assert_cmpint (vmd_device_retry_when_told (500, texts[i], 0.5), ==, 500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device-retry/failures", test_failures);
  g_test_add_func ("/device-retry/refused", test_refused);
  g_test_add_func ("/device-retry/superseded", test_superseded);
  g_test_add_func ("/device-retry/told", test_told);
  g_test_add_func ("/device-retry/told-nonsense", test_told_nonsense);
  return g_test_run ();
}
