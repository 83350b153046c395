/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-contest-private.h"

/* Two machines cloned from one disk would take a device from each other for ever, and nobody would
 * be told. A reconnect is no contest: it comes from the same instance, and is not asked about here.
 * So what counts is takeovers between different instances; too many of them in the window, and the
 * one that is connected stays. Each further try renews the time, so a fight stays settled for as
 * long as somebody fights, and is forgotten one window after the last try. */

/* May a newcomer of another instance take over at @now (monotonic microseconds)? If so it is
 * counted. If not, *@retry_after says in how many microseconds it may be tried again. */
gboolean
vmd_contest_admit (VmdContest *self, const VmdContestLimits *limits, gint64 now,
                   gint64 *retry_after)
{
  gint64 oldest = 0;

  if (self->count >= limits->takeovers)
    oldest = self->times[(self->count - limits->takeovers) % VMD_CONTEST_MAX_TAKEOVERS];
  if (vmd_contest_is_contested (self, now) ||
      (self->count >= limits->takeovers && now - oldest < limits->window))
    {
      self->until = now + limits->window;
      *retry_after = limits->window;
      return FALSE;
    }
  self->times[self->count % VMD_CONTEST_MAX_TAKEOVERS] = now;
  self->count++;
  self->until = 0;
  return TRUE;
}

/* The one that was connected has gone: whoever comes next takes over nothing. */
void
vmd_contest_settle (VmdContest *self)
{
  self->count = 0;
  self->until = 0;
}

gboolean
vmd_contest_is_contested (const VmdContest *self, gint64 now)
{
  return now < self->until;
}
