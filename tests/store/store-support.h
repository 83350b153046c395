/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the store share: a private state directory, rows to put into it, an observer
 * that writes down what it is told, a gate that holds up the store's thread, and processes beside
 * this one. */

#include "store/vmd-rows-private.h"
#include "store/vmd-store-private.h"

#include <gio/gio.h>

typedef struct
{
  char *state_dir;
  char *database; /* its path */
} Fixture;

void fixture_set_up (Fixture *fixture, gconstpointer data);
void fixture_tear_down (Fixture *fixture, gconstpointer data);
VmdStore *open_store (Fixture *fixture);
void close_store (VmdStore *store);

/* -- Rows -- */

VmdVmRow *new_vm (const char *id, const char *name);
VmdWorkspaceRow *new_workspace (const char *vm, const char *path, guint64 launch);
void get_dead_process (VmdProcessId *process);
void insert_vm (sqlite3 *db, const char *id, const char *name);
/* Begins a launch whose process is this one. */
guint64 launch_vm (sqlite3 *db, const char *id);
void claim_vm (sqlite3 *db, const char *id, const char *verb, guint64 launch, gboolean is_alive);
gint64 get_number (sqlite3 *db, const char *sql);

/* VmdStoreFunc. */
gboolean put_kernel (sqlite3 *db, gpointer version, GError **error);
gboolean count_kernels (sqlite3 *db, gpointer count, GError **error);
gboolean has_kernel (VmdStore *store, const char *version);

/* -- The observer -- */

typedef struct
{
  GMutex mutex;
  GCond changed;
  GPtrArray *lines; /* "KIND KEY", "reload KIND", "done" */
} Log;

Log *log_new (VmdStore *store);
void log_free (Log *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Log, log_free)
guint log_count (Log *log, const char *line);
void log_clear (Log *log);
void log_wait_for (Log *log, const char *line);

/* -- The gate: a VmdStoreFunc that holds up the store's thread until it is opened -- */

typedef struct
{
  GMutex mutex;
  GCond changed;
  gboolean is_reached;
  gboolean is_open;
} Gate;

void gate_init (Gate *gate);
void gate_clear (Gate *gate);
gboolean pass_gate (sqlite3 *db, gpointer gate, GError **error);
void gate_wait_until_reached (Gate *gate);
void gate_open (Gate *gate);

/* -- Other processes: this program, with arguments -- */

GSubprocess *run_self (const char *verb, const char *argument, const char *more);
/* Waits for its end. */
int get_exit_status (GSubprocess *process);
