/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "base/vmd-state-dir-private.h"
#include "store/vmd-store-database-private.h"

#define HANG_LIMIT (120 * G_USEC_PER_SEC)

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->state_dir = g_dir_make_tmp ("vmd-store-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->database = g_build_filename (fixture->state_dir, "vmd.db", NULL);
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_remove_tree (fixture->state_dir, &error);
  g_assert_no_error (error);
  g_free (fixture->database);
  g_free (fixture->state_dir);
}

VmdStore *
open_store (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VmdStore *store = vmd_store_open (fixture->state_dir, &error);

  g_assert_no_error (error);
  return store;
}

void
close_store (VmdStore *store)
{
  vmd_store_close (store);
  /* Answers that wait to be delivered have a reference. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (store);
}

VmdVmRow *
new_vm (const char *id, const char *name)
{
  VmdVmRow *row = g_new0 (VmdVmRow, 1);

  row->id = g_strdup (id);
  row->name = g_strdup (name);
  row->vcpus = 2;
  row->memory = 512 << 20;
  row->disk_size = G_GUINT64_CONSTANT (5) << 30;
  row->network = g_strdup ("user");
  row->backend = g_strdup ("fake");
  row->created = 1700000000000000;
  return row;
}

VmdWorkspaceRow *
new_workspace (const char *vm, const char *path, guint64 launch)
{
  VmdWorkspaceRow *row = g_new0 (VmdWorkspaceRow, 1);

  row->vm = g_strdup (vm);
  row->path = g_strdup (path);
  row->repository = g_strdup ("/home/u/repo");
  row->head = g_strdup ("0123456789012345678901234567890123456789");
  row->mode = g_strdup ("full-copy");
  row->launch = launch;
  row->files = 10;
  row->bytes = 12345;
  row->imported = 1700000000000001;
  return row;
}

/* Our pid, but not our start time: as if it had been given to us after the owner's end. */
void
get_dead_process (VmdProcessId *process)
{
  vmd_process_id_self (process);
  process->start_time++;
}

void
insert_vm (sqlite3 *db, const char *id, const char *name)
{
  g_autoptr (VmdVmRow) row = new_vm (id, name);
  g_autoptr (GError) error = NULL;

  vmd_vm_row_insert (db, row, &error);
  g_assert_no_error (error);
}

guint64
launch_vm (sqlite3 *db, const char *id)
{
  g_autoptr (GError) error = NULL;
  VmdProcessId us;
  guint64 launch;

  vmd_process_id_self (&us);
  launch = vmd_launch_row_begin (db, id, "/run/qmp.sock", 1700000000000002, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (launch, >, 0);
  g_assert_true (vmd_launch_row_set_process (db, id, launch, &us, NULL));
  return launch;
}

void
claim_vm (sqlite3 *db, const char *id, const char *verb, guint64 launch, gboolean is_alive)
{
  VmdTransitionRow row = {
    .vm = (char *) id,
    .verb = (char *) verb,
    .launch = launch,
    .token = (char *) "token",
    .who = (char *) "a test",
    .since = 1,
  };
  g_autoptr (VmdTransitionRow) holder = NULL;
  g_autoptr (GError) error = NULL;

  if (is_alive)
    vmd_process_id_self (&row.owner);
  else
    get_dead_process (&row.owner);
  g_assert_true (vmd_transition_row_release (db, id, "token", NULL));
  vmd_transition_row_claim (db, &row, &holder, &error);
  g_assert_no_error (error);
  g_assert_null (holder);
}

gint64
get_number (sqlite3 *db, const char *sql)
{
  g_autoptr (GError) error = NULL;
  gint64 number = -1;

  vmd_store_database_get_number (db, sql, &number, &error);
  g_assert_no_error (error);
  return number;
}

gboolean
put_kernel (sqlite3 *db, gpointer version, GError **error)
{
  const VmdKernelRow row = { .version = version, .source = (char *) "a test", .size = 1 };

  return vmd_kernel_row_put (db, &row, error);
}

gboolean
count_kernels (sqlite3 *db, gpointer count, GError **error)
{
  *(gint64 *) count = get_number (db, "SELECT count(*) FROM kernels");
  return TRUE;
}

typedef struct
{
  const char *version;
  gboolean is_there;
} Lookup;

static gboolean
look_up_kernel (sqlite3 *db, gpointer data, GError **error)
{
  Lookup *lookup = data;
  g_autoptr (VmdKernelRow) row = vmd_kernel_row_load (db, lookup->version, error);

  lookup->is_there = row != NULL;
  return TRUE;
}

gboolean
has_kernel (VmdStore *store, const char *version)
{
  Lookup lookup = { .version = version };

  g_assert_true (vmd_store_transact (store, look_up_kernel, &lookup, NULL, NULL));
  return lookup.is_there;
}

static void
write_down (Log *log, char *line)
{
  g_mutex_lock (&log->mutex);
  g_ptr_array_add (log->lines, line);
  g_cond_broadcast (&log->changed);
  g_mutex_unlock (&log->mutex);
}

static void
observe_cb (VmdStore *store, sqlite3 *db, VmdRowKind kind, const char *id, gpointer data)
{
  static const char *const names[VMD_N_ROW_KINDS] = {
    "vm",     "launch", "transition", "image", "kernel",  "workspace",
    "device", "group",  "member",     "token", "applied", "presence",
  };

  /* What is told at once is read at one moment. */
  g_assert_false (sqlite3_get_autocommit (db));
  if (id != NULL)
    write_down (data, g_strdup_printf ("%s %s", names[kind], id));
  else
    write_down (data, g_strdup_printf ("reload %s", names[kind]));
}

static void
done_cb (VmdStore *store, gpointer data)
{
  write_down (data, g_strdup ("done"));
}

Log *
log_new (VmdStore *store)
{
  Log *log = g_new0 (Log, 1);

  g_mutex_init (&log->mutex);
  g_cond_init (&log->changed);
  log->lines = g_ptr_array_new_with_free_func (g_free);
  vmd_store_observe (store, observe_cb, done_cb, log);
  return log;
}

void
log_free (Log *log)
{
  g_ptr_array_unref (log->lines);
  g_cond_clear (&log->changed);
  g_mutex_clear (&log->mutex);
  g_free (log);
}

static guint
count_locked (Log *log, const char *line)
{
  guint n = 0;

  for (guint i = 0; i < log->lines->len; i++)
    n += g_str_equal (log->lines->pdata[i], line);
  return n;
}

guint
log_count (Log *log, const char *line)
{
  guint n;

  g_mutex_lock (&log->mutex);
  n = count_locked (log, line);
  g_mutex_unlock (&log->mutex);
  return n;
}

void
log_clear (Log *log)
{
  g_mutex_lock (&log->mutex);
  g_ptr_array_set_size (log->lines, 0);
  g_mutex_unlock (&log->mutex);
}

void
log_wait_for (Log *log, const char *line)
{
  gint64 limit = g_get_monotonic_time () + HANG_LIMIT;

  g_mutex_lock (&log->mutex);
  while (count_locked (log, line) == 0)
    if (!g_cond_wait_until (&log->changed, &log->mutex, limit))
      g_error ("“%s” was never told", line);
  g_mutex_unlock (&log->mutex);
}

void
gate_init (Gate *gate)
{
  *gate = (Gate){ .is_open = FALSE };
  g_mutex_init (&gate->mutex);
  g_cond_init (&gate->changed);
}

void
gate_clear (Gate *gate)
{
  g_cond_clear (&gate->changed);
  g_mutex_clear (&gate->mutex);
}

gboolean
pass_gate (sqlite3 *db, gpointer data, GError **error)
{
  gint64 limit = g_get_monotonic_time () + HANG_LIMIT;
  Gate *gate = data;

  g_mutex_lock (&gate->mutex);
  gate->is_reached = TRUE;
  g_cond_broadcast (&gate->changed);
  while (!gate->is_open)
    if (!g_cond_wait_until (&gate->changed, &gate->mutex, limit))
      g_error ("the gate was never opened");
  g_mutex_unlock (&gate->mutex);
  return TRUE;
}

void
gate_wait_until_reached (Gate *gate)
{
  gint64 limit = g_get_monotonic_time () + HANG_LIMIT;

  g_mutex_lock (&gate->mutex);
  while (!gate->is_reached)
    if (!g_cond_wait_until (&gate->changed, &gate->mutex, limit))
      g_error ("the gate was never reached");
  g_mutex_unlock (&gate->mutex);
}

void
gate_open (Gate *gate)
{
  g_mutex_lock (&gate->mutex);
  gate->is_open = TRUE;
  g_cond_broadcast (&gate->changed);
  g_mutex_unlock (&gate->mutex);
}

GSubprocess *
run_self (const char *verb, const char *argument, const char *more)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  process =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, self, verb, argument, more, NULL);
  g_assert_no_error (error);
  return process;
}

int
get_exit_status (GSubprocess *process)
{
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_true (g_subprocess_get_if_exited (process));
  return g_subprocess_get_exit_status (process);
}
