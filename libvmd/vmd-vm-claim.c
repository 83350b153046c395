/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "vmd-vm-claim-private.h"

#include <unistd.h>

/* Why claims: a verb that waits, for a hypervisor to come up or a guest to power off, must not hold
 * the VM lock meanwhile, but others have to know of it. So its first phase takes the lock, writes a
 * row `transition` under it, and gives the lock back. The invariant: at most one live claim for
 * each VM, and only its owner ends a launch or makes one. A claim whose owner is dead is void in
 * every column, so a crash blocks nobody.
 *
 * The last phase of a verb writes under its claim alone and does not ask for the lock again.
 * Whoever holds the lock may be waiting for this very claim: they show the lock to a stop, which
 * cancels our start, whose undoing would wait for the lock: a circle (LESSONS 8). Who holds the
 * lock therefore keeps verbs from beginning, not from ending. */

struct _VmdClaim
{
  VmdVm *vm;
  VmdJob *job; /* the verb's */
  VmdHold *hold; /* (nullable) the caller's lock, in use until the verb ends */
  VmdTransitionRow *transition;
  VmdVmRow *row; /* these three: as they were when the claim was made */
  VmdLaunchRow *launch; /* (nullable) */
  gboolean is_running; /* the process of launch lives */
  gboolean made;
  gboolean ended;
};

static char *
describe_claimant (VmdJob *job)
{
  const char *program = g_get_prgname ();
  const char *owner = vmd_job_get_owner (job);

  if (program == NULL)
    program = "a program";
  if (owner == NULL)
    return g_strdup_printf ("%s (pid %d)", program, (int) getpid ());
  return g_strdup_printf ("%s (pid %d) for %s", program, (int) getpid (), owner);
}

static VmdClaim *
claim_alloc (VmdVm *vm, VmdClaimVerb verb, VmdJob *job)
{
  VmdClaim *self = g_new0 (VmdClaim, 1);
  VmdTransitionRow *transition = g_new0 (VmdTransitionRow, 1);

  self->vm = g_object_ref (vm);
  self->job = g_object_ref (job);
  self->transition = transition;
  transition->vm = g_strdup (vm->id);
  transition->verb = g_strdup (vmd_claim_verb_to_string (verb));
  transition->token = vmd_id_new ();
  transition->who = describe_claimant (job);
  transition->since = vmd_clock_get_wall (vmd_manager_get_clock (vm->manager));
  vmd_process_id_self (&transition->owner);
  return self;
}

/* The claims that verbs of this process stand behind, in whichever of its managers: several may
 * have one state directory open. A row with our process as its owner, but no verb, is one whose
 * release failed. */
static GMutex registry_mutex; /* a leaf; guards the registry */
static GHashTable *registry; /* set of tokens */

/* Whether a verb stands behind that row. */
gboolean
vmd_claim_is_live (const VmdTransitionRow *transition)
{
  gboolean is_registered;
  VmdProcessId us;

  vmd_process_id_self (&us);
  if (!vmd_process_id_equal (&us, &transition->owner))
    return vmd_process_id_is_alive (&transition->owner);
  g_mutex_lock (&registry_mutex);
  is_registered = registry != NULL && g_hash_table_contains (registry, transition->token);
  g_mutex_unlock (&registry_mutex);
  return is_registered;
}

static void
set_registered (const char *token, gboolean is_registered)
{
  g_mutex_lock (&registry_mutex);
  if (registry == NULL)
    registry = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (is_registered)
    g_hash_table_add (registry, g_strdup (token));
  else
    g_hash_table_remove (registry, token);
  g_mutex_unlock (&registry_mutex);
}

/* Before the row is written: whoever reads it must find the verb behind it. */
static void
enter (VmdClaim *self, VmdJob *job)
{
  set_registered (self->transition->token, TRUE);
  g_mutex_lock (&self->vm->mutex);
  g_hash_table_insert (self->vm->claims, g_strdup (self->transition->token), g_object_ref (job));
  g_mutex_unlock (&self->vm->mutex);
}

/* The last reference to the job may be the table's: it goes outside the mutex. */
static void
leave (VmdClaim *self)
{
  g_autoptr (VmdJob) job = NULL;
  g_autofree char *token = NULL;

  set_registered (self->transition->token, FALSE);
  g_mutex_lock (&self->vm->mutex);
  g_hash_table_steal_extended (self->vm->claims, self->transition->token, (gpointer *) &token,
                               (gpointer *) &job);
  g_mutex_unlock (&self->vm->mutex);
}

typedef struct
{
  VmdClaim *claim;
  const VmdClaimTerms *terms;
  const VmdClaimMeeting *meeting;
  VmdTransitionRow *holder; /* (nullable) who is in the way */
} Attempt;

/* One with a dead owner goes by itself; one of ours whose release failed has a live one. */
static gboolean
drop_left_over (sqlite3 *db, VmdVm *vm, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (VmdTransitionRow) transition = vmd_transition_row_load (db, vm->id, &local);

  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return transition == NULL || vmd_claim_is_live (transition) ||
         vmd_transition_row_release (db, vm->id, transition->token, error);
}

/* Reads what the verb works on, as it is now: memory may be a moment behind another process. */
static gboolean
load_rows (sqlite3 *db, Attempt *attempt, GError **error)
{
  VmdClaim *self = attempt->claim;
  g_autoptr (GError) local = NULL;

  g_clear_pointer (&self->row, vmd_vm_row_free);
  g_clear_pointer (&self->launch, vmd_launch_row_free);
  self->row = vmd_vm_row_load (db, self->vm->id, &local);
  if (self->row != NULL)
    self->launch = vmd_launch_row_load (db, self->vm->id, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (self->row == NULL || (self->row->deleted && attempt->terms->verb != VMD_CLAIM_DELETE))
    return vmd_fail (error, VMD_ERROR_NOT_FOUND, "VM %s was deleted", self->vm->id);
  self->is_running = self->launch != NULL && self->launch->process.pid > 0 &&
                     vmd_process_id_is_alive (&self->launch->process);
  self->transition->launch = self->row->launch;
  return TRUE;
}

static gboolean
attempt_in_store (sqlite3 *db, gpointer data, GError **error)
{
  Attempt *attempt = data;
  VmdClaim *self = attempt->claim;
  g_autoptr (GError) busy = NULL;

  if (!vmd_fault_point ("claim", error) || !load_rows (db, attempt, error) ||
      !drop_left_over (db, self->vm, error))
    return FALSE;
  g_clear_pointer (&attempt->holder, vmd_transition_row_free);
  if (vmd_transition_row_claim (db, self->transition, &attempt->holder, &busy))
    return attempt->terms->check == NULL ||
           attempt->terms->check (self->row, self->is_running, attempt->meeting, error);
  /* Not a failure: then the observer has seen the holder when we come to wait for it. */
  if (attempt->holder != NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&busy));
  return FALSE;
}

static gboolean
release_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const VmdTransitionRow *transition = data;

  return vmd_fault_point ("claim-release", error) &&
         vmd_transition_row_release (db, transition->vm, transition->token, error);
}

static gboolean
put_void (VmdVmSnapshot *next, gconstpointer token)
{
  if (next->transition == NULL || !next->owner_alive ||
      !g_str_equal (next->transition->token, token))
    return FALSE;
  next->owner_alive = FALSE;
  return TRUE;
}

/* Takes the row away, and makes it void in memory whatever the disk says. */
static void
release (VmdClaim *self)
{
  g_autoptr (GError) error = NULL;

  if (!vmd_store_transact (vmd_manager_get_store (self->vm->manager), release_in_store,
                           self->transition, NULL, &error))
    g_debug ("A claim of VM %s stays on disk: %s", self->vm->id, error->message);
  leave (self);
  vmd_vm_edit (self->vm, put_void, self->transition->token);
}

/* One try, under the lock: made, or somebody is in the way, or it failed. */
static gboolean
try_once (Attempt *attempt, VmdLock *lock, VmdVerb *verb, GError **error)
{
  VmdClaim *self = attempt->claim;
  VmdJob *job = vmd_verb_get_job (verb);
  g_autoptr (VmdHold) hold = NULL;

  hold = vmd_hold_new (self->vm->manager, lock, VMD_LOCK_VM, self->vm->id, VMD_LOCK_EXCLUSIVE,
                       self->transition->verb, job, vmd_verb_get_cancellable (verb), error);
  if (hold == NULL)
    return FALSE;
  enter (self, job);
  if (!vmd_store_transact (vmd_manager_get_store (self->vm->manager), attempt_in_store, attempt,
                           vmd_verb_get_cancellable (verb), error))
    {
      /* A disk may report an error of what it has written: the row may be there. */
      release (self);
      return FALSE;
    }
  self->made = attempt->holder == NULL;
  if (!self->made)
    leave (self);
  else if (lock != NULL)
    self->hold = g_steal_pointer (&hold);
  return TRUE;
}

/* A record that cannot be used can be stopped, killed and deleted. */
gboolean
vmd_claim_check_record (VmdVm *vm, VmdClaimVerb verb, GError **error)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vm);
  g_autofree char *name = NULL;

  if (now->state != VMD_VM_ERROR ||
      (verb != VMD_CLAIM_START && verb != VMD_CLAIM_RESTART && verb != VMD_CLAIM_SET))
    return TRUE;
  name = vmd_vm_dup_name (vm);
  return vmd_fail (error, VMD_ERROR_WRONG_STATE,
                   "VM “%s” cannot be used: %s. It can be deleted: vmctl delete %s", name,
                   now->reason, name);
}

/**
 * vmd_claim_new:
 * @lock: (nullable): VM exclusive, which stays in use until the claim is freed; NULL: the lock is
 *   taken, and given back once the claim is made
 * @meeting: (out): how it went with those who were at work
 *
 * Claims @vm for the verb of @terms, once those that are at work on it have ended, as the matrix
 * says.
 *
 * Returns: (transfer full) (nullable): the claim; NULL without error when @meeting says joined;
 *   else NOT_FOUND when the VM is gone, WRONG_STATE, NOT_LOCKED, BUSY, CANCELLED, or what the verb
 *   that was joined failed with
 */
VmdClaim *
vmd_claim_new (VmdVm *vm, const VmdClaimTerms *terms, VmdLock *lock, VmdVerb *verb,
               VmdClaimMeeting *meeting, GError **error)
{
  g_autoptr (VmdClaim) self = claim_alloc (vm, terms->verb, vmd_verb_get_job (verb));

  *meeting = (VmdClaimMeeting){ FALSE, FALSE };
  if (!vmd_claim_check_record (vm, terms->verb, error))
    return NULL;
  while (!self->made)
    {
      Attempt attempt = { .claim = self, .terms = terms, .meeting = meeting };
      g_autoptr (VmdTransitionRow) holder = NULL;
      gboolean tried = try_once (&attempt, lock, verb, error);

      holder = attempt.holder;
      if (!tried)
        return NULL;
      if (holder != NULL && !vmd_claim_meet (vm, terms, holder, verb, meeting, error))
        return NULL;
      if (meeting->joined)
        return NULL;
    }
  return g_steal_pointer (&self);
}

/* As it was when the claim was made; its launch number too. */
const VmdVmRow *
vmd_claim_get_row (VmdClaim *self)
{
  return self->row;
}

/* Returns: (nullable): the launch that the claim found; its process may be gone */
const VmdLaunchRow *
vmd_claim_get_launch (VmdClaim *self)
{
  return self->launch;
}

/* Whether the hypervisor lived when the claim was made. */
gboolean
vmd_claim_is_running (VmdClaim *self)
{
  return self->is_running;
}

/* Clears away a launch whose process is gone, which nobody has settled yet. */
gboolean
vmd_claim_clear_remains (VmdClaim *self, GError **error)
{
  g_autoptr (VmdVmSnapshot) now = NULL;
  const char *reason = "the hypervisor ended";

  if (self->launch == NULL || self->is_running)
    return TRUE;
  now = vmd_vm_ref_snapshot (self->vm);
  if (now->exit_reason != NULL && now->launch != NULL &&
      now->launch->launch == self->launch->launch)
    reason = now->exit_reason;
  return vmd_vm_tear_down (self->vm, self->launch, reason, error);
}

/* With the abort's reason in the place of CANCELLED: who joined a start that a stop has ended must
 * not take it for one that its caller gave up, and start the VM behind that stop. */
static void
publish_outcome (VmdClaim *self, const GError *outcome)
{
  VmdVm *vm = self->vm;
  GError *told = outcome != NULL ? g_error_copy (outcome) : NULL;
  g_autoptr (GError) old = NULL;
  g_autofree char *old_token = NULL;

  vmd_job_explain (self->job, &told);
  g_mutex_lock (&vm->mutex);
  old = g_steal_pointer (&vm->outcome);
  old_token = g_steal_pointer (&vm->outcome_token);
  vm->outcome = told;
  vm->outcome_token = g_strdup (self->transition->token);
  g_mutex_unlock (&vm->mutex);
}

/**
 * vmd_claim_end:
 * @outcome: (nullable): what the verb failed with, for those who joined it
 *
 * The verb is over. If the row cannot be taken away, the claim is void all the same: to this
 * process, since nothing stands behind it, and to others when this process ends.
 */
void
vmd_claim_end (VmdClaim *self, const GError *outcome)
{
  if (self->ended || !self->made)
    return;
  self->ended = TRUE;
  publish_outcome (self, outcome);
  release (self);
}

void
vmd_claim_free (VmdClaim *self)
{
  g_autoptr (GError) lost = NULL;

  if (self->made && !self->ended)
    {
      lost =
          g_error_new (VMD_ERROR, VMD_ERROR_FAILED, "The %s was given up", self->transition->verb);
      vmd_claim_end (self, lost);
    }
  g_clear_pointer (&self->hold, vmd_hold_free);
  g_clear_pointer (&self->row, vmd_vm_row_free);
  g_clear_pointer (&self->launch, vmd_launch_row_free);
  g_clear_pointer (&self->transition, vmd_transition_row_free);
  g_object_unref (self->job);
  g_object_unref (self->vm);
  g_free (self);
}
