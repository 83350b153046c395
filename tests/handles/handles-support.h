/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of handles share: a manager with the fake backend on a private state directory,
 * verbs under way, and what is left of them. */

#include "vmd-manager-state-private.h"
#include "vmd-vm-claim-private.h"

/* How long anything may take before a test is taken to hang. */
#define HANG_SECONDS 60

typedef struct
{
  char *directory; /* private */
  char *state_dir; /* in it */
  VmdManager *manager;
} Fixture;

/* For main(): in the place of g_test_init() and g_test_run(). */
void handles_test_init (int *argc, char ***argv);
int handles_test_run (void);

void fixture_set_up (Fixture *fixture, gconstpointer data);
/* Deletes all VMs, closes, and looks that nothing is left. */
void fixture_tear_down (Fixture *fixture, gconstpointer data);
#define add_test(path, function)                                                                   \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
#define add_test_with(path, data, function)                                                        \
  g_test_add (path, Fixture, data, fixture_set_up, function, fixture_tear_down)

/* Another one on the same state directory. */
VmdManager *open_another (Fixture *fixture);
/* What the fake hypervisors do from now on. */
void set_script (Fixture *fixture, const char *script);
VmdVm *create_vm (VmdManager *manager, const char *name);
VmdVm *create_running (Fixture *fixture, const char *name);
/* The same VM, as another manager sees it. */
VmdVm *find_same (VmdManager *manager, VmdVm *vm);

/* A blocking call on a thread of its own. */
typedef struct _Call Call;
struct _Call
{
  gboolean (*run) (Call *call, GError **error);
  VmdVm *vm;
  VmdLock *lock;
  VmdJob *job;
  GCancellable *cancellable;
  VmdReadiness readiness;
  guint grace;
  gboolean force;
  const VmdVmSpec *spec;
  gboolean result;
  GError *error;
  GThread *thread;
  GMutex mutex; /* guards done */
  GCond cond;
  gboolean done;
};

void call_begin (Call *call);
/* Within so many milliseconds; a test that expects FALSE waits that long. */
gboolean call_ends_within (Call *call, guint milliseconds);
/* Waits for the end; the caller looks at result and error. */
void call_join (Call *call);
void call_clear (Call *call);
/* Waits for the end, which is good. */
void call_assert_good (Call *call);
/* Waits for the end, which is @code. */
void call_assert_failed (Call *call, VmdError code);

gboolean run_start (Call *call, GError **error);
gboolean run_stop (Call *call, GError **error);
gboolean run_restart (Call *call, GError **error);
gboolean run_kill (Call *call, GError **error);
gboolean run_delete (Call *call, GError **error);
gboolean run_set (Call *call, GError **error);
gboolean run_wait_ready (Call *call, GError **error);
gboolean run_wait_stopped (Call *call, GError **error);

/* Waits until the condition holds of @vm's snapshot. */
void wait_for (VmdVm *vm, VmdVmCondition condition, gconstpointer data);
void wait_for_state (VmdVm *vm, VmdVmState state);
void wait_for_verb (VmdVm *vm, const char *verb);
void wait_for_phase (VmdJob *job, const char *phase);
void assert_state (VmdVm *vm, VmdVmState state);
void assert_reason (VmdVm *vm, const char *reason);
#define assert_vmd_error(error, code) g_assert_error (error, VMD_ERROR, (int) (code))

/* What a process and a state directory have at one moment. */
typedef struct
{
  guint descriptors;
  guint children; /* of this process, zombies too */
  char *files; /* names below the fixture's directory, without the database's own */
  char *rows;
  guint locks;
} Ledger;

void ledger_take (Ledger *ledger, Fixture *fixture);
void ledger_assert_equal (const Ledger *before, const Ledger *after);
/* The same; the last probes and signals are let go of on other threads, and nothing tells of it. */
void ledger_assert_becomes (Fixture *fixture, const Ledger *before);
void ledger_clear (Ledger *ledger);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ledger, ledger_clear)
