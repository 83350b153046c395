/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "base/vmd-poll-private.h"
#include "vmd-vm-claim-private.h"

#include <unistd.h>

/* Why claims: a verb that waits, for a guest to boot or to power off, must not hold the VM lock
 * meanwhile, but others have to know of it. So its first phase takes the lock, writes a row `transition`
 * under it, and gives the lock back. The invariant: at most one live claim for each VM, and only its
 * owner ends a launch or makes one. A claim whose owner is dead is void in every column, so a crash
 * blocks nobody.
 *
 * The last phase of a verb writes under its claim alone and does not ask for the lock again. Whoever holds
 * the lock may be waiting for this very claim: they show the lock to a stop, which cancels our start, whose
 * undoing would wait for the lock: a circle (LESSONS 8). Who holds the lock therefore keeps verbs from
 * beginning, not from ending.
 *
 * Between processes all goes through the row: arriving verbs wait for it to go, as the store's observer
 * tells; `cancel` is a column that the owner's observer finds set. */

static const char *const verb_names[VMD_N_CLAIMS] = {
  [VMD_CLAIM_START] = "start",   [VMD_CLAIM_STOP] = "stop", [VMD_CLAIM_RESTART] = "restart",
  [VMD_CLAIM_DELETE] = "delete", [VMD_CLAIM_SET] = "set",   [VMD_CLAIM_KILL] = "kill",
};

#define WAITS VMD_ARRIVAL_WAITS
#define JOINS VMD_ARRIVAL_JOINS
#define CANCELS VMD_ARRIVAL_CANCELS
#define REFUSED VMD_ARRIVAL_IS_REFUSED

/* doc/locking.md says why for each. Rows arrive; columns are what is claimed, in the order of
 * VmdClaimVerb: start, stop, restart, delete, set, kill. */
static const VmdArrival matrix[VMD_N_CLAIMS][VMD_N_CLAIMS] = {
  /* clang-format off */
  [VMD_CLAIM_START]   = { JOINS,   WAITS, WAITS,   REFUSED, WAITS, WAITS },
  [VMD_CLAIM_STOP]    = { CANCELS, JOINS, WAITS,   REFUSED, WAITS, JOINS },
  [VMD_CLAIM_RESTART] = { JOINS,   WAITS, JOINS,   REFUSED, WAITS, WAITS },
  [VMD_CLAIM_DELETE]  = { CANCELS, WAITS, CANCELS, JOINS,   WAITS, WAITS },
  [VMD_CLAIM_SET]     = { WAITS,   WAITS, WAITS,   REFUSED, WAITS, WAITS },
  [VMD_CLAIM_KILL]    = { CANCELS, JOINS, CANCELS, JOINS,   WAITS, JOINS },
  /* clang-format on */
};
