/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same waits as those of vmd-device, vmctl/vmd-device-retry.c: each is drawn anew, from a
 * range that doubles, for all guests of a host lose their server in one moment. */

#include "config-retry.h"

static int64_t
spread (int64_t least, int64_t most, uint32_t chance)
{
  return least + (int64_t) ((uint64_t) (most - least) * chance >> 32);
}

/* After so many failures in a row, the first of which is 0. */
int64_t
config_retry_after_failures (unsigned int n_failures, uint32_t chance)
{
  int64_t most = CONFIG_RETRY_LONGEST;

  if (n_failures < 6)
    most = (int64_t) CONFIG_RETRY_FIRST << n_failures;

  return spread (most / 2, most, chance);
}

int64_t
config_retry_when_superseded (uint32_t chance)
{
  return spread (CONFIG_RETRY_SUPERSEDED, CONFIG_RETRY_SUPERSEDED / 5 * 6, chance);
}

/* Of the statuses that say "later". */
static bool
is_later (unsigned int status)
{
  return status == 409 || status == 429 || status == 503;
}

/* What was refused will be refused again, until somebody has done something about it. */
bool
config_retry_is_refusal (unsigned int status)
{
  return status >= 400 && status < 500 && status != 408 && !is_later (status);
}

/* @status: 0: there was no answer; @retry_after: in seconds, -1: nothing was said of it. All that
 * were told the same are not to come at the same moment. */
int64_t
config_retry_when_answered (unsigned int status, int64_t retry_after, unsigned int n_failures,
                            uint32_t chance)
{
  int64_t wait = config_retry_after_failures (n_failures, chance);
  int64_t least = CONFIG_RETRY_AFTER_LONGEST;
  int64_t told;

  if (config_retry_is_refusal (status))
    return spread (CONFIG_RETRY_LONGEST / 2, CONFIG_RETRY_LONGEST, chance);
  if (!is_later (status) || retry_after < 0)
    return wait;
  if (retry_after < CONFIG_RETRY_AFTER_LONGEST / 1000)
    least = retry_after * 1000;
  told = spread (least, least / 4 * 5, chance);

  return told > wait ? told : wait;
}
