/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of locks share: a private state directory, requests in one line, and another
 * process that holds. */

#include "lock/vmd-lock-table-private.h"
#include "vmd-error.h"

#include <gio/gio.h>

typedef struct
{
  char *state_dir;
  VmdLockTable *table;
} Fixture;

void fixture_set_up (Fixture *fixture, gconstpointer data);
/* Looks, too, that nothing is left: no record, and every lock free. */
void fixture_tear_down (Fixture *fixture, gconstpointer data);
#define add_test(path, function)                                                                   \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

/* @resources as in a record: "vm/a:exclusive image/b:shared". */
VmdLockRequest *new_request (const char *owner, const char *resources);
VmdLock *lock_now (Fixture *fixture, const char *owner, const char *resources);
VmdLock *try_lock (VmdLockTable *table, const char *owner, const char *resources, GError **error);
/* Fails with @code at once. */
void assert_refused (Fixture *fixture, const char *owner, const char *resources, VmdError code);

/* An asynchronous call under way. */
typedef struct
{
  VmdLock *lock;
  GError *error;
  gboolean done;
} Call;

void
call_begin (Call *call, VmdLockTable *table, VmdLockRequest *request, GCancellable *cancellable);
void call_begin_for (Call *call, Fixture *fixture, const char *owner, const char *resources);
void call_wait (Call *call);
/* Runs what the main context has ready. */
void run_ready (void);
void call_clear (Call *call);

/* How many records say that something is held (or, FALSE, waited for). */
guint count_records (VmdLockTable *table, gboolean held);
/* Waits until so many do. */
void wait_for_records (VmdLockTable *table, gboolean held, guint n);

/* Another process: this executable, told by its arguments to hold a lock. */
typedef struct
{
  GSubprocess *process;
  GDataInputStream *output;
} Holder;

/* For main(): runs the holder and does not come back, if that is what the arguments say. */
void holder_main_if_asked (int argc, char **argv);
/* Comes back when it holds @resources; with @waits at once: wait for its record. */
void holder_start (Holder *holder, const char *state_dir, const char *resources, gboolean waits);
void holder_expect (Holder *holder, const char *line);
/* "release", or "fork": leaves a child that keeps what it inherited until the holder ends. */
void holder_tell (Holder *holder, const char *word);
void holder_end (Holder *holder);
