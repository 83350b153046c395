/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-retry.h"

/* A fleet that lost its server must not come back in one moment, nor one that is down be asked
 * ever faster: each wait is drawn anew, from a range that doubles. @chance is a number in [0, 1)
 * out of a source of random numbers. */

static gint64
spread (gint64 least, gint64 most, double chance)
{
  return least + (gint64) ((double) (most - least) * chance);
}

/* After so many failures in a row, the first of which is 0. */
gint64
vmd_device_retry_after_failures (guint n_failures, double chance)
{
  gint64 most = VMD_DEVICE_RETRY_LONGEST;

  if (n_failures < 6)
    most = MIN (most, (gint64) VMD_DEVICE_RETRY_FIRST << n_failures);
  return spread (most / 2, most, chance);
}

/* What was refused will be refused again, until somebody has done something about it. */
gint64
vmd_device_retry_when_refused (double chance)
{
  return spread (VMD_DEVICE_RETRY_LONGEST / 2, VMD_DEVICE_RETRY_LONGEST, chance);
}

gint64
vmd_device_retry_when_superseded (double chance)
{
  return spread (VMD_DEVICE_RETRY_SUPERSEDED, VMD_DEVICE_RETRY_SUPERSEDED / 5 * 6, chance);
}

/* What a server asked for, in seconds (nullable), where that is longer than @wait. All that were
 * told the same are not to come at the same moment. */
gint64
vmd_device_retry_when_told (gint64 wait, const char *retry_after, double chance)
{
  guint64 seconds;
  gint64 least;

  if (retry_after == NULL ||
      !g_ascii_string_to_unsigned (retry_after, 10, 0, G_MAXUINT32, &seconds, NULL))
    return wait;
  least = MIN ((gint64) seconds * 1000, VMD_DEVICE_RETRY_AFTER_LONGEST);
  return MAX (wait, spread (least, least / 4 * 5, chance));
}
