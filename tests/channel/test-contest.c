/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-contest-private.h"

static const VmdContestLimits limits = { .takeovers = 5, .window = 10 * G_USEC_PER_SEC };

static void
test_five_in_ten_seconds (void)
{
  VmdContest contest = { .count = 0 };
  gint64 retry_after = 0, now = 1000 * G_USEC_PER_SEC;

  for (guint i = 0; i < 5; i++)
    g_assert_true (vmd_contest_admit (&contest, &limits, now + i, &retry_after));
  g_assert_false (vmd_contest_is_contested (&contest, now + 5));
  g_assert_false (vmd_contest_admit (&contest, &limits, now + 5, &retry_after));
  g_assert_cmpint (retry_after, ==, limits.window);
  g_assert_true (vmd_contest_is_contested (&contest, now + 6));
}

static void
test_slow_ones_are_no_contest (void)
{
  VmdContest contest = { .count = 0 };
  gint64 retry_after = 0;

  for (gint64 i = 0; i < 100; i++)
    g_assert_true (
        vmd_contest_admit (&contest, &limits, (i + 1) * 2 * G_USEC_PER_SEC, &retry_after));
  g_assert_false (vmd_contest_is_contested (&contest, 200 * G_USEC_PER_SEC));
}

static void
test_goes_on_while_somebody_fights (void)
{
  VmdContest contest = { .count = 0 };
  gint64 retry_after = 0, now = G_USEC_PER_SEC;

  for (guint i = 0; i < 5; i++)
    g_assert_true (vmd_contest_admit (&contest, &limits, now, &retry_after));
  for (guint i = 0; i < 20; i++)
    g_assert_false (vmd_contest_admit (&contest, &limits, now += 9 * G_USEC_PER_SEC, &retry_after));
  g_assert_true (vmd_contest_admit (&contest, &limits, now + limits.window, &retry_after));
}

static void
test_is_forgotten_when_the_winner_leaves (void)
{
  VmdContest contest = { .count = 0 };
  gint64 retry_after = 0;

  for (guint i = 0; i < 6; i++)
    vmd_contest_admit (&contest, &limits, 1 + i, &retry_after);
  g_assert_true (vmd_contest_is_contested (&contest, 10));
  vmd_contest_settle (&contest);
  g_assert_false (vmd_contest_is_contested (&contest, 10));
  g_assert_true (vmd_contest_admit (&contest, &limits, 11, &retry_after));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/contest/five-in-ten-seconds", test_five_in_ten_seconds);
  g_test_add_func ("/contest/slow-ones-are-no-contest", test_slow_ones_are_no_contest);
  g_test_add_func ("/contest/goes-on-while-somebody-fights", test_goes_on_while_somebody_fights);
  g_test_add_func ("/contest/is-forgotten-when-the-winner-leaves",
                   test_is_forgotten_when_the_winner_leaves);
  return g_test_run ();
}
