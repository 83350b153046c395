/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Do two clients with one identity fight for a device? */

#include <glib.h>

G_BEGIN_DECLS

#define VMD_CONTEST_MAX_TAKEOVERS 16

typedef struct
{
  guint takeovers; /* so many between different instances …, 1 to VMD_CONTEST_MAX_TAKEOVERS */
  gint64 window; /* … in so many microseconds, and the device is contested */
} VmdContestLimits;

/* One for each device; all zero at first. Not locked: its owner's mutex protects it. */
typedef struct
{
  gint64 times[VMD_CONTEST_MAX_TAKEOVERS]; /* monotonic; a ring */
  guint count; /* takeovers so far */
  gint64 until; /* monotonic; contested before that, 0: not */
} VmdContest;

gboolean vmd_contest_admit (VmdContest *self, const VmdContestLimits *limits, gint64 now,
                            gint64 *retry_after);
void vmd_contest_settle (VmdContest *self);
gboolean vmd_contest_is_contested (const VmdContest *self, gint64 now);

G_END_DECLS
