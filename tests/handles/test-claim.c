/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"

#include <sys/wait.h>
#include <unistd.h>

/* The matrix arriving × claimed of doc/locking.md, cell by cell: within one manager, between two on
 * one state directory, and with an owner that is dead. The claims are made here, without their
 * verbs, so that each cell is looked at by itself. */

#define QUIET_MS 30

#define WAITS VMD_ARRIVAL_WAITS
#define JOINS VMD_ARRIVAL_JOINS
#define CANCELS VMD_ARRIVAL_CANCELS
#define REFUSED VMD_ARRIVAL_IS_REFUSED

typedef struct
{
  VmdClaimVerb arriving;
  gboolean force;
  VmdArrival expected[VMD_N_CLAIMS]; /* start, stop, restart, delete, set, kill */
} Row;

static const Row rows[] = {
  { VMD_CLAIM_START, FALSE, { JOINS, WAITS, JOINS, REFUSED, WAITS, WAITS } },
  { VMD_CLAIM_STOP, FALSE, { CANCELS, JOINS, CANCELS, REFUSED, WAITS, JOINS } },
  { VMD_CLAIM_RESTART, FALSE, { JOINS, WAITS, JOINS, REFUSED, WAITS, WAITS } },
  { VMD_CLAIM_DELETE, FALSE, { REFUSED, WAITS, REFUSED, JOINS, WAITS, WAITS } },
  { VMD_CLAIM_DELETE, TRUE, { CANCELS, CANCELS, CANCELS, JOINS, WAITS, WAITS } },
  { VMD_CLAIM_SET, FALSE, { WAITS, WAITS, WAITS, REFUSED, WAITS, WAITS } },
  { VMD_CLAIM_KILL, FALSE, { CANCELS, JOINS, CANCELS, JOINS, WAITS, JOINS } },
};

typedef enum
{
  SAME_MANAGER,
  OTHER_MANAGER,
  DEAD_OWNER
} Where;

typedef struct
{
  const Row *row;
  VmdClaimVerb claimed;
  Where where;
} Cell;

/* A claim, with the verb that it is for. */
typedef struct
{
  VmdVm *vm;
  VmdClaimTerms terms;
  VmdLock *lock;
  VmdVerb *verb;
  VmdClaim *claim;
  VmdClaimMeeting meeting;
  GError *error;
  GThread *thread;
} Claimant;

static gpointer
claim_in_thread (gpointer data)
{
  Claimant *claimant = data;

  claimant->claim = vmd_claim_new (claimant->vm, &claimant->terms, claimant->lock, claimant->verb,
                                   &claimant->meeting, &claimant->error);
  return NULL;
}

static void
claimant_begin (Claimant *claimant, VmdVm *vm, VmdClaimVerb verb, gboolean force)
{
  g_autoptr (GError) error = NULL;

  claimant->vm = vm;
  claimant->terms = (VmdClaimTerms){ .verb = verb, .force = force };
  claimant->verb = vmd_verb_begin (vmd_vm_get_manager (vm), NULL, vmd_claim_verb_to_string (verb),
                                   "test", NULL, &error);
  g_assert_no_error (error);
  claimant->thread = g_thread_new ("claim", claim_in_thread, claimant);
}

static void
claimant_join (Claimant *claimant)
{
  g_clear_pointer (&claimant->thread, g_thread_join);
}

static void
claimant_end (Claimant *claimant, GError *outcome)
{
  if (claimant->thread != NULL)
    claimant_join (claimant);
  if (claimant->claim != NULL)
    vmd_claim_end (claimant->claim, outcome);
  g_clear_pointer (&claimant->claim, vmd_claim_free);
  vmd_verb_end (claimant->verb, &claimant->error, NULL);
  g_clear_pointer (&claimant->verb, vmd_verb_free);
}

static gboolean
put_dead (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_transition_row_claim (db, data, &(VmdTransitionRow *){ NULL }, error);
}

/* A process that has ended and was reaped: its pid may be anybody's by now, its start time is
 * not. */
static void
make_dead_process (VmdProcessId *id)
{
  pid_t pid = fork ();

  if (pid == 0)
    {
      pause ();
      _exit (0);
    }
  g_assert_cmpint (pid, >, 0);
  g_assert_true (vmd_process_id_read (pid, id));
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
}

static void
put_dead_claim (VmdManager *manager, VmdVm *vm, VmdClaimVerb verb)
{
  VmdTransitionRow row = { .vm = (char *) vmd_vm_get_id (vm),
                           .verb = (char *) vmd_claim_verb_to_string (verb),
                           .token = (char *) "dead",
                           .who = (char *) "a dead one" };
  g_autoptr (GError) error = NULL;

  make_dead_process (&row.owner);
  vmd_store_transact (vmd_manager_get_store (manager), put_dead, &row, NULL, &error);
  g_assert_no_error (error);
}

/* Whatever is claimed by a dead one: it is as if nothing were. */
static void
test_dead_owner (Fixture *fixture, const Cell *cell)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autofree char *transition = NULL;
  Claimant arriving = { NULL };

  put_dead_claim (fixture->manager, vm, cell->claimed);
  transition = vmd_vm_dup_transition (vm);
  g_assert_null (transition);
  claimant_begin (&arriving, vm, cell->row->arriving, cell->row->force);
  claimant_join (&arriving);
  g_assert_no_error (arriving.error);
  g_assert_nonnull (arriving.claim);
  g_assert_false (arriving.meeting.cancelled);
  claimant_end (&arriving, NULL);
}

static void
assert_refused (Claimant *arriving)
{
  claimant_join (arriving);
  g_assert_null (arriving->claim);
  assert_vmd_error (arriving->error, VMD_ERROR_BUSY);
  g_assert_nonnull (strstr (arriving->error->message, g_get_prgname ()));
}

static gboolean
is_cancel_requested (const VmdVmSnapshot *now, gconstpointer data)
{
  return now->transition != NULL && now->transition->cancel;
}

/* The one that is at work ends badly, and what the other makes of that shows how it met it. */
static void
assert_met (const Cell *cell, VmdArrival expected, Claimant *holder, Claimant *arriving)
{
  GError *outcome = g_error_new (VMD_ERROR, VMD_ERROR_NO_SPACE, "the outcome");
  g_autoptr (VmdVmSnapshot) now = NULL;

  wait_for_phase (vmd_verb_get_job (arriving->verb), "waiting for another verb");
  if (expected == CANCELS)
    {
      wait_for (holder->vm, is_cancel_requested, NULL);
      vmd_poll (NULL, 0, vmd_verb_get_cancellable (holder->verb),
                vmd_deadline_in (HANG_SECONDS * 1000), "waiting in a test", NULL);
      g_assert_true (g_cancellable_is_cancelled (vmd_verb_get_cancellable (holder->verb)));
    }
  now = vmd_vm_ref_snapshot (holder->vm);
  g_assert_cmpint (now->transition->cancel, ==, expected == CANCELS);
  g_assert_cmpint (g_cancellable_is_cancelled (vmd_verb_get_cancellable (holder->verb)), ==,
                   expected == CANCELS);
  claimant_end (holder, outcome);
  claimant_join (arriving);
  if (expected == JOINS && cell->where == SAME_MANAGER)
    {
      g_assert_null (arriving->claim);
      g_assert_error (arriving->error, VMD_ERROR, VMD_ERROR_NO_SPACE);
    }
  else if (expected == JOINS && arriving->meeting.joined)
    {
      g_assert_no_error (arriving->error);
      g_assert_true (cell->row->arriving == VMD_CLAIM_STOP ||
                     cell->row->arriving == VMD_CLAIM_KILL);
    }
  else
    {
      g_assert_no_error (arriving->error);
      g_assert_nonnull (arriving->claim);
      g_assert_cmpint (arriving->meeting.cancelled, ==, expected == CANCELS);
    }
  g_error_free (outcome);
}

static void
test_cell (Fixture *fixture, gconstpointer data)
{
  const Cell *cell = data;
  VmdArrival expected = cell->row->expected[cell->claimed];
  g_autoptr (VmdManager) other = NULL;
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (VmdVm) same = NULL;
  Claimant holder = { NULL };
  Claimant arriving = { NULL };

  g_assert_cmpint (vmd_claim_get_arrival (cell->row->arriving, cell->claimed, cell->row->force), ==,
                   expected);
  if (cell->where == DEAD_OWNER)
    {
      test_dead_owner (fixture, cell);
      return;
    }
  other = cell->where == OTHER_MANAGER ? open_another (fixture) : NULL;
  vm = create_vm (fixture->manager, "vm");
  same = other != NULL ? find_same (other, vm) : g_object_ref (vm);
  claimant_begin (&holder, vm, cell->claimed, FALSE);
  claimant_join (&holder);
  g_assert_no_error (holder.error);
  claimant_begin (&arriving, same, cell->row->arriving, cell->row->force);
  if (expected == REFUSED)
    assert_refused (&arriving);
  else
    assert_met (cell, expected, &holder, &arriving);
  claimant_end (&arriving, NULL);
  if (holder.verb != NULL)
    claimant_end (&holder, NULL);
  if (other != NULL)
    vmd_manager_close (other);
}

/* Who waits for another may give up, and both go on as they would have. */
static void
test_cancel_while_waiting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Claimant holder = { NULL };
  Claimant arriving = { NULL };

  claimant_begin (&holder, vm, VMD_CLAIM_STOP, FALSE);
  claimant_join (&holder);
  claimant_begin (&arriving, vm, VMD_CLAIM_START, FALSE);
  wait_for_phase (vmd_verb_get_job (arriving.verb), "waiting for another verb");
  vmd_job_cancel (vmd_verb_get_job (arriving.verb));
  claimant_join (&arriving);
  g_assert_null (arriving.claim);
  assert_vmd_error (arriving.error, VMD_ERROR_CANCELLED);
  claimant_end (&arriving, NULL);
  g_assert_false (g_cancellable_is_cancelled (vmd_verb_get_cancellable (holder.verb)));
  claimant_end (&holder, NULL);
}

/* A start that its own caller gave up is done by the one who joined it. */
static void
test_joined_goes_on (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled");
  Claimant holder = { NULL };
  Claimant arriving = { NULL };

  claimant_begin (&holder, vm, VMD_CLAIM_START, FALSE);
  claimant_join (&holder);
  claimant_begin (&arriving, vm, VMD_CLAIM_START, FALSE);
  wait_for_phase (vmd_verb_get_job (arriving.verb), "waiting for another verb");
  claimant_end (&holder, cancelled);
  claimant_join (&arriving);
  g_assert_no_error (arriving.error);
  g_assert_nonnull (arriving.claim);
  g_assert_false (arriving.meeting.joined);
  claimant_end (&arriving, NULL);
}

static void
test_joined_well (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Claimant holder = { NULL };
  Claimant arriving = { NULL };

  claimant_begin (&holder, vm, VMD_CLAIM_START, FALSE);
  claimant_join (&holder);
  claimant_begin (&arriving, vm, VMD_CLAIM_RESTART, FALSE);
  wait_for_phase (vmd_verb_get_job (arriving.verb), "waiting for another verb");
  claimant_end (&holder, NULL);
  claimant_join (&arriving);
  g_assert_no_error (arriving.error);
  g_assert_null (arriving.claim);
  g_assert_true (arriving.meeting.joined);
  claimant_end (&arriving, NULL);
}

/* The lock is given back as soon as the claim is made; a lock that was shown stays the caller's,
 * and is in use until the claim is freed. */
static void
test_locks (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdLockRequest) request = NULL;
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Claimant claimant = { NULL };

  claimant_begin (&claimant, vm, VMD_CLAIM_SET, FALSE);
  claimant_join (&claimant);
  g_assert_no_error (claimant.error);
  request = vmd_lock_request_new (NULL, "a test");
  vmd_lock_request_add (request, VMD_LOCK_VM, vmd_vm_get_id (vm), VMD_LOCK_EXCLUSIVE);
  lock = vmd_manager_try_lock (fixture->manager, request, &error);
  g_assert_no_error (error);
  claimant_end (&claimant, NULL);
  claimant.lock = lock;
  claimant_begin (&claimant, vm, VMD_CLAIM_SET, FALSE);
  claimant_join (&claimant);
  g_assert_no_error (claimant.error);
  vmd_lock_release (lock);
  g_assert_true (vmd_lock_is_held (lock));
  claimant_end (&claimant, NULL);
  g_assert_false (vmd_lock_is_held (lock));
}

/* Whoever holds the lock may be waiting for the claim: it must be able to end. */
static void
test_ends_without_the_lock (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  Claimant claimant = { NULL };

  claimant_begin (&claimant, vm, VMD_CLAIM_START, FALSE);
  claimant_join (&claimant);
  lock = vmd_vm_lock (vm, NULL, "a test", NULL, &error);
  g_assert_no_error (error);
  claimant_end (&claimant, NULL);
  wait_for_verb (vm, NULL);
  vmd_lock_release (lock);
}

#ifdef VMD_FAULT_POINTS
#  include "base/vmd-fault-private.h"

/* A claim whose row could not be taken away blocks nobody in this process. */
static void
test_release_fails (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "vm");
  Claimant claimant = { NULL };

  claimant_begin (&claimant, vm, VMD_CLAIM_STOP, FALSE);
  claimant_join (&claimant);
  vmd_fault_arm ("claim-release");
  claimant_end (&claimant, NULL);
  vmd_fault_arm (NULL);
  wait_for_verb (vm, NULL);
  claimant_begin (&claimant, vm, VMD_CLAIM_SET, FALSE);
  claimant_join (&claimant);
  g_assert_no_error (claimant.error);
  g_assert_nonnull (claimant.claim);
  claimant_end (&claimant, NULL);
}
#endif

static Cell cells[3][G_N_ELEMENTS (rows)][VMD_N_CLAIMS]; /* by Where, row and what is claimed */

static void
add_cells (Where where, const char *where_name)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    for (guint j = 0; j < VMD_N_CLAIMS; j++)
      {
        Cell *cell = &cells[where][i][j];
        g_autofree char *path = g_strdup_printf (
            "/claim/%s/%s%s-meets-%s", where_name, rows[i].force ? "forced-" : "",
            vmd_claim_verb_to_string (rows[i].arriving), vmd_claim_verb_to_string (j));

        cell->row = &rows[i];
        cell->claimed = j;
        cell->where = where;
        g_test_add_vtable (path, sizeof (Fixture), cell, (GTestFixtureFunc) fixture_set_up,
                           (GTestFixtureFunc) test_cell, (GTestFixtureFunc) fixture_tear_down);
      }
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_cells (SAME_MANAGER, "same-manager");
  add_cells (OTHER_MANAGER, "other-manager");
  add_cells (DEAD_OWNER, "dead-owner");
  add_test ("/claim/cancel-while-waiting", test_cancel_while_waiting);
  add_test ("/claim/joined-goes-on", test_joined_goes_on);
  add_test ("/claim/joined-well", test_joined_well);
  add_test ("/claim/locks", test_locks);
  add_test ("/claim/ends-without-the-lock", test_ends_without_the_lock);
#ifdef VMD_FAULT_POINTS
  add_test ("/claim/release-fails", test_release_fails);
#endif
  return handles_test_run ();
}
