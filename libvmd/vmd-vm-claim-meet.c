/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "vmd-vm-claim-private.h"

/* What an arriving verb does about the one that is at work. Between processes all goes through the
 * row: that the other has ended is seen when its row goes, as the store's observer tells; that it
 * should end is written into the row, where its owner's observer finds it. No lock of ours is held
 * here, only what the caller showed; and the one who is waited for needs no lock to end. */

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
  [VMD_CLAIM_START]   = { JOINS,   WAITS, JOINS,   REFUSED, WAITS, WAITS },
  [VMD_CLAIM_STOP]    = { CANCELS, JOINS, CANCELS, REFUSED, WAITS, JOINS },
  [VMD_CLAIM_RESTART] = { JOINS,   WAITS, JOINS,   REFUSED, WAITS, WAITS },
  [VMD_CLAIM_DELETE]  = { REFUSED, WAITS, REFUSED, JOINS,   WAITS, WAITS },
  [VMD_CLAIM_SET]     = { WAITS,   WAITS, WAITS,   REFUSED, WAITS, WAITS },
  [VMD_CLAIM_KILL]    = { CANCELS, JOINS, CANCELS, JOINS,   WAITS, JOINS },
  /* clang-format on */
};

static const VmdArrival forced_delete[VMD_N_CLAIMS] = {
  CANCELS, CANCELS, CANCELS, JOINS, WAITS, WAITS,
};

const char *
vmd_claim_verb_to_string (VmdClaimVerb verb)
{
  return verb_names[verb];
}

/* @force: of a delete. */
VmdArrival
vmd_claim_get_arrival (VmdClaimVerb arriving, VmdClaimVerb claimed, gboolean force)
{
  if (arriving == VMD_CLAIM_DELETE && force)
    return forced_delete[claimed];
  return matrix[arriving][claimed];
}

/* A verb of some later version of vmd is waited for. */
static VmdArrival
get_arrival_at (const VmdClaimTerms *terms, const VmdTransitionRow *holder)
{
  for (guint i = 0; i < VMD_N_CLAIMS; i++)
    if (g_strcmp0 (holder->verb, verb_names[i]) == 0)
      return vmd_claim_get_arrival (terms->verb, i, terms->force);
  return VMD_ARRIVAL_WAITS;
}

typedef struct
{
  const char *token;
  gboolean or_cancelled; /* to be asked to end will do */
} Watched;

static gboolean
is_at_work (const VmdVmSnapshot *now, const char *token)
{
  return now->transition != NULL && now->owner_alive && g_str_equal (now->transition->token, token);
}

static gboolean
has_ended (const VmdVmSnapshot *now, gconstpointer data)
{
  const Watched *watched = data;

  return !is_at_work (now, watched->token) || (watched->or_cancelled && now->transition->cancel);
}

static gboolean
wait_until_ended (VmdVm *vm, const Watched *watched, VmdVerb *verb, GError **error)
{
  vmd_job_set_phase (vmd_verb_get_job (verb), "waiting for another verb");
  return vmd_vm_wait_until (vm, has_ended, watched, vmd_verb_get_cancellable (verb),
                            VMD_NO_DEADLINE, "waiting for another verb to end", error);
}

static gboolean
wait_for_end (VmdVm *vm, const VmdTransitionRow *holder, VmdVerb *verb, GError **error)
{
  const Watched watched = { .token = holder->token };

  return wait_until_ended (vm, &watched, verb, error);
}

static gboolean
request_cancel (sqlite3 *db, gpointer data, GError **error)
{
  const VmdTransitionRow *holder = data;

  return vmd_transition_row_request_cancel (db, holder->vm, holder->token, error);
}

static gboolean
cancel (VmdVm *vm, const VmdTransitionRow *holder, VmdVerb *verb, VmdClaimMeeting *meeting,
        GError **error)
{
  if (!vmd_store_transact (vmd_manager_get_store (vmd_vm_get_manager (vm)), request_cancel,
                           (gpointer) holder, vmd_verb_get_cancellable (verb), error) ||
      !wait_for_end (vm, holder, verb, error))
    return FALSE;
  meeting->cancelled = TRUE;
  return TRUE;
}

/* Whether that is so for which the verb was asked. */
static gboolean
is_done (const VmdVmSnapshot *now, VmdClaimVerb verb, const VmdTransitionRow *holder)
{
  switch (verb)
    {
    case VMD_CLAIM_START:
    case VMD_CLAIM_RESTART:
      return vmd_vm_snapshot_is_running (now) && now->launch->launch > holder->launch;
    case VMD_CLAIM_STOP:
    case VMD_CLAIM_KILL:
      return !vmd_vm_snapshot_is_running (now);
    case VMD_CLAIM_DELETE:
      return now->row == NULL;
    case VMD_CLAIM_SET:
    default:
      return FALSE;
    }
}

static gboolean
is_start (VmdClaimVerb verb)
{
  return verb == VMD_CLAIM_START || verb == VMD_CLAIM_RESTART;
}

/* Whether what the verb that was joined did not do is tried again. So it is where its own caller
 * gave up, who was not ours: a start that others joined goes on without the one who asked for it
 * first. A start that was stopped is stopped for all who joined it; but who wants the VM to end
 * wants that still when its stop was ended by a delete. */
static gboolean
is_tried_again (const GError *outcome, VmdClaimVerb verb)
{
  return g_error_matches (outcome, VMD_ERROR, VMD_ERROR_CANCELLED) ||
         (g_error_matches (outcome, VMD_ERROR, VMD_ERROR_VM_STOPPED) && !is_start (verb));
}

/* What became of the verb that was joined. Another process's errors stay there: what it did can be
 * seen, and what it did not do is tried again. */
static gboolean
take_outcome (VmdVm *vm, const VmdClaimTerms *terms, const VmdTransitionRow *holder,
              VmdClaimMeeting *meeting, GError **error)
{
  g_autoptr (GError) outcome = NULL;
  g_autoptr (VmdVmSnapshot) now = NULL;
  gboolean is_known;

  g_mutex_lock (&vm->mutex);
  is_known = g_strcmp0 (vm->outcome_token, holder->token) == 0;
  if (is_known && vm->outcome != NULL)
    outcome = g_error_copy (vm->outcome);
  g_mutex_unlock (&vm->mutex);
  if (outcome != NULL && !is_tried_again (outcome, terms->verb))
    {
      g_propagate_error (error, g_steal_pointer (&outcome));
      return FALSE;
    }
  now = vmd_vm_ref_snapshot (vm);
  meeting->joined = outcome == NULL && (is_known || is_done (now, terms->verb, holder));
  return TRUE;
}

/* A start that is asked to end, in whichever process, will not be done again by who joined it. */
static gboolean
fail_if_cancelled (VmdVm *vm, const VmdClaimTerms *terms, const VmdTransitionRow *holder,
                   GError **error)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vm);
  g_autofree char *name = NULL;

  if (!is_at_work (now, holder->token) || !now->transition->cancel || !is_start (terms->verb))
    return TRUE;
  name = vmd_vm_dup_name (vm);
  return vmd_fail (error, VMD_ERROR_VM_STOPPED, "VM “%s” was stopped while it was starting", name);
}

static gboolean
join (VmdVm *vm, const VmdClaimTerms *terms, const VmdTransitionRow *holder, VmdVerb *verb,
      VmdClaimMeeting *meeting, GError **error)
{
  const Watched watched = { holder->token, TRUE };

  /* Who comes after the stop wants the VM to run after it. */
  if (holder->cancel && is_start (terms->verb))
    return wait_for_end (vm, holder, verb, error);
  return wait_until_ended (vm, &watched, verb, error) &&
         fail_if_cancelled (vm, terms, holder, error) && wait_for_end (vm, holder, verb, error) &&
         take_outcome (vm, terms, holder, meeting, error);
}

static gboolean
refuse (VmdVm *vm, const VmdClaimTerms *terms, const VmdTransitionRow *holder, GError **error)
{
  g_autoptr (GDateTime) since = g_date_time_new_from_unix_local (holder->since / G_USEC_PER_SEC);
  g_autofree char *time = since != NULL ? g_date_time_format (since, "%H:%M:%S") : g_strdup ("?");
  g_autofree char *name = vmd_vm_dup_name (vm);

  return vmd_fail (error, VMD_ERROR_BUSY,
                   "VM “%s” has a %s at work, by %s, since %s: it cannot have a %s meanwhile", name,
                   holder->verb, holder->who != NULL ? holder->who : "somebody", time,
                   verb_names[terms->verb]);
}

/**
 * vmd_claim_meet:
 * @holder: the claim that is in the way
 *
 * Does about @holder what the matrix says, and blocks as long as that takes.
 *
 * Returns: TRUE: it is out of the way, and did the work if @meeting says joined; FALSE with BUSY,
 *   with the outcome of the verb that was joined, or CANCELLED
 */
gboolean
vmd_claim_meet (VmdVm *vm, const VmdClaimTerms *terms, const VmdTransitionRow *holder,
                VmdVerb *verb, VmdClaimMeeting *meeting, GError **error)
{
  switch (get_arrival_at (terms, holder))
    {
    case VMD_ARRIVAL_IS_REFUSED:
      return refuse (vm, terms, holder, error);
    case VMD_ARRIVAL_CANCELS:
      return cancel (vm, holder, verb, meeting, error);
    case VMD_ARRIVAL_JOINS:
      return join (vm, terms, holder, verb, meeting, error);
    case VMD_ARRIVAL_WAITS:
    default:
      return wait_for_end (vm, holder, verb, error);
    }
}
