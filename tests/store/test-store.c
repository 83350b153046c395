/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "base/vmd-failure-private.h"
#include "store/vmd-sqlite-private.h"

/* One store in one process: the queue, the commits, the order of things. */

#define N_WRITERS 1000
#define N_THREADS 8

/* -- Group commit -- */

static int
count_commit_cb (void *n_commits)
{
  g_atomic_int_inc ((gint *) n_commits);
  return 0;
}

static gboolean
count_commits (sqlite3 *db, gpointer n_commits, GError **error)
{
  sqlite3_commit_hook (db, count_commit_cb, n_commits);
  return TRUE;
}

typedef struct
{
  GPtrArray *ran; /* of Write, in the order in which they ran: the store's thread's */
  GPtrArray *answered; /* and in which they were answered: the main context's */
  guint pending;
} Writes;

typedef struct
{
  Writes *writes;
  char *version;
  gboolean fails;
  GError *error;
} Write;

static gboolean
write_or_fail (sqlite3 *db, gpointer data, GError **error)
{
  Write *self = data;

  g_ptr_array_add (self->writes->ran, self);
  return put_kernel (db, self->version, error) &&
         (!self->fails || vmd_fail (error, VMD_ERROR_UNSUPPORTED, "as told"));
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Write *self = data;
  gboolean written = vmd_store_transact_finish (VMD_STORE (source), result, &self->error);

  g_assert_true (written == !self->fails);
  g_ptr_array_add (self->writes->answered, self);
  self->writes->pending--;
}

/* A thousand that queue up behind one share one commit; they run and are answered in their order;
 * one that fails takes back only what it did itself. */
static void
test_group_commit (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (GPtrArray) ran = g_ptr_array_new ();
  g_autoptr (GPtrArray) answered = g_ptr_array_new ();
  Writes writes = { .ran = ran, .answered = answered, .pending = N_WRITERS };
  g_autofree Write *all = g_new0 (Write, N_WRITERS);
  gint n_commits = 0;
  gint64 n_rows = 0;
  Gate gate;

  gate_init (&gate);
  g_assert_true (vmd_store_transact (store, count_commits, &n_commits, NULL, NULL));
  vmd_store_transact_async (store, pass_gate, &gate, NULL, NULL, NULL, NULL);
  gate_wait_until_reached (&gate);
  g_atomic_int_set (&n_commits, 0);
  for (guint i = 0; i < N_WRITERS; i++)
    {
      all[i] = (Write){ .writes = &writes, .version = g_strdup_printf ("%u", i) };
      all[i].fails = i % 10 == 9;
      vmd_store_transact_async (store, write_or_fail, &all[i], NULL, NULL, written_cb, &all[i]);
    }
  gate_open (&gate);
  while (writes.pending > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_atomic_int_get (&n_commits), <=, 2);
  for (guint i = 0; i < N_WRITERS; i++)
    {
      g_assert_true (ran->pdata[i] == &all[i]);
      g_assert_true (answered->pdata[i] == &all[i]);
      g_assert_true (has_kernel (store, all[i].version) == !all[i].fails);
      if (all[i].fails)
        g_assert_error (all[i].error, VMD_ERROR, VMD_ERROR_UNSUPPORTED);
      g_clear_error (&all[i].error);
      g_free (all[i].version);
    }
  g_assert_true (vmd_store_transact (store, count_kernels, &n_rows, NULL, NULL));
  g_assert_cmpint (n_rows, ==, N_WRITERS * 9 / 10);
  gate_clear (&gate);
  close_store (store);
}

typedef struct
{
  VmdStore *store;
  Log *log;
  guint number;
} Writer;

static gpointer
write_many (gpointer data)
{
  const Writer *writer = data;

  for (guint i = 0; i < N_WRITERS / N_THREADS; i++)
    {
      g_autofree char *version = g_strdup_printf ("%u-%u", writer->number, i);
      g_autofree char *line = g_strdup_printf ("kernel %s", version);
      g_autoptr (GError) error = NULL;

      vmd_store_transact (writer->store, put_kernel, version, NULL, &error);
      g_assert_no_error (error);
      /* Disk, then memory, then the answer. */
      g_assert_cmpuint (log_count (writer->log, line), ==, 1);
    }
  return NULL;
}

static void
test_many_threads (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);
  GThread *threads[N_THREADS];
  Writer writers[N_THREADS];
  gint n_commits = 0;
  gint64 n_rows = 0;

  g_assert_true (vmd_store_transact (store, count_commits, &n_commits, NULL, NULL));
  for (guint i = 0; i < N_THREADS; i++)
    {
      writers[i] = (Writer){ store, log, i };
      threads[i] = g_thread_new ("writer", write_many, &writers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_test_message ("%u writers, %d commits", N_WRITERS, g_atomic_int_get (&n_commits));
  g_assert_cmpint (g_atomic_int_get (&n_commits), <=, N_WRITERS + 1);
  g_assert_true (vmd_store_transact (store, count_kernels, &n_rows, NULL, NULL));
  g_assert_cmpint (n_rows, ==, N_WRITERS);
  close_store (store);
}

static gboolean
insert_half_and_fail (sqlite3 *db, gpointer data, GError **error)
{
  insert_vm (db, "0123456789abcdef0123456789abcdef", "a");
  return vmd_sqlite_run (db, NULL, error, "INSERT INTO no_such_table VALUES (1)", "");
}

static void
test_failure_takes_back (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);
  g_autoptr (GError) error = NULL;

  log_clear (log);
  g_assert_false (vmd_store_transact (store, insert_half_and_fail, NULL, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_STORE);
  g_assert_nonnull (strstr (error->message, fixture->database));
  g_assert_nonnull (strstr (error->message, "no_such_table"));
  g_assert_cmpuint (log->lines->len, ==, 0);
  close_store (store);
}

/* -- The observer -- */

static gboolean
change_twice (sqlite3 *db, gpointer data, GError **error)
{
  insert_vm (db, "0123456789abcdef0123456789abcdef", "a");
  return put_kernel (db, (gpointer) "6.1", error) && put_kernel (db, (gpointer) "6.1", error) &&
         put_kernel (db, (gpointer) "6.2", error);
}

static gboolean
remove_kernel (sqlite3 *db, gpointer version, GError **error)
{
  return vmd_kernel_row_remove (db, version, error);
}

static void
test_observer (Fixture *fixture, gconstpointer data)
{
  static const char *const kinds[VMD_N_ROW_KINDS] = {
    "reload vm",     "reload launch",    "reload transition", "reload image",
    "reload kernel", "reload workspace", "reload device",     "reload group",
    "reload member", "reload token",     "reload applied",    "reload presence",
  };
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);

  g_assert_cmpuint (log->lines->len, ==, G_N_ELEMENTS (kinds) + 1);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    g_assert_cmpstr (log->lines->pdata[i], ==, kinds[i]);
  g_assert_cmpstr (log->lines->pdata[G_N_ELEMENTS (kinds)], ==, "done");
  log_clear (log);
  g_assert_true (vmd_store_transact (store, change_twice, NULL, NULL, NULL));
  /* Each row once, in the order of its last change. */
  g_assert_cmpuint (log->lines->len, ==, 5);
  g_assert_cmpstr (log->lines->pdata[0], ==, "vm 0123456789abcdef0123456789abcdef");
  g_assert_cmpstr (log->lines->pdata[1], ==, "device 0123456789abcdef0123456789abcdef");
  g_assert_cmpstr (log->lines->pdata[2], ==, "kernel 6.1");
  g_assert_cmpstr (log->lines->pdata[3], ==, "kernel 6.2");
  g_assert_cmpstr (log->lines->pdata[4], ==, "done");
  log_clear (log);
  g_assert_true (vmd_store_transact (store, remove_kernel, (gpointer) "6.1", NULL, NULL));
  g_assert_cmpuint (log_count (log, "kernel 6.1"), ==, 1);
  close_store (store);
}

#define ID "0123456789abcdef0123456789abcdef"

static gboolean
change_every_kind (sqlite3 *db, gpointer data, GError **error)
{
  const VmdImageRow image = {
    .name = (char *) "tiny",
    .digest = (char *) "d",
    .source = (char *) "tiny",
    .ssh_server = (char *) "none",
  };
  g_autoptr (VmdWorkspaceRow) workspace = new_workspace (ID, "/a b", 1);

  insert_vm (db, ID, "a");
  launch_vm (db, ID);
  return vmd_workspace_row_write (db, workspace, error) && vmd_image_row_put (db, &image, error) &&
         put_kernel (db, (gpointer) "6.1", error);
}

static gboolean
claim_it (sqlite3 *db, gpointer data, GError **error)
{
  claim_vm (db, ID, "stop", 1, TRUE);
  return TRUE;
}

static gboolean
record_resource (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_resource_record (db, ID, 1, "file", "/x", error);
}

static void
test_observer_every_kind (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (Log) log = log_new (store);

  g_assert_true (vmd_store_transact (store, change_every_kind, NULL, NULL, NULL));
  g_assert_cmpuint (log_count (log, "vm " ID), ==, 1);
  g_assert_cmpuint (log_count (log, "launch " ID), ==, 1);
  g_assert_cmpuint (log_count (log, "workspace " ID " /a b"), ==, 1);
  g_assert_cmpuint (log_count (log, "image tiny"), ==, 1);
  g_assert_cmpuint (log_count (log, "kernel 6.1"), ==, 1);
  g_assert_true (vmd_store_transact (store, claim_it, NULL, NULL, NULL));
  g_assert_cmpuint (log_count (log, "transition " ID), ==, 1);
  log_clear (log);
  g_assert_true (vmd_store_transact (store, record_resource, NULL, NULL, NULL));
  g_assert_cmpuint (log_count (log, "launch " ID), ==, 1);
  close_store (store);
}

/* -- Cancelling -- */

typedef struct
{
  gboolean is_done;
  gboolean is_destroyed;
  GError *error;
} Outcome;

static void
outcome_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Outcome *outcome = data;

  vmd_store_transact_finish (VMD_STORE (source), result, &outcome->error);
  outcome->is_done = TRUE;
}

static gboolean
must_not_run (sqlite3 *db, gpointer data, GError **error)
{
  g_assert_not_reached ();
}

static void
destroy_cb (gpointer data)
{
  ((Outcome *) data)->is_destroyed = TRUE;
}

/* Its caller has the answer while the store's thread is still busy with another. */
static void
test_cancel_queued (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Outcome outcome = { FALSE, FALSE, NULL };
  Gate gate;

  gate_init (&gate);
  vmd_store_transact_async (store, pass_gate, &gate, NULL, NULL, NULL, NULL);
  gate_wait_until_reached (&gate);
  vmd_store_transact_async (store, must_not_run, &outcome, destroy_cb, cancellable, outcome_cb,
                            &outcome);
  g_cancellable_cancel (cancellable);
  g_assert_false (outcome.is_done);
  while (!outcome.is_done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (outcome.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  gate_open (&gate);
  close_store (store);
  g_assert_true (outcome.is_destroyed);
  g_clear_error (&outcome.error);
  gate_clear (&gate);
}

static void
test_cancelled_before (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Outcome outcome = { FALSE, FALSE, NULL };
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (vmd_store_transact (store, must_not_run, NULL, cancellable, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  vmd_store_transact_async (store, must_not_run, &outcome, destroy_cb, cancellable, outcome_cb,
                            &outcome);
  while (!outcome.is_done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (outcome.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&outcome.error);
  close_store (store);
  g_assert_true (outcome.is_destroyed);
}

typedef struct
{
  VmdStore *store;
  GCancellable *cancellable;
  VmdStoreFunc func;
  gpointer data;
  GError *error;
} Call;

static gpointer
run_call (gpointer data)
{
  Call *call = data;

  vmd_store_transact (call->store, call->func, call->data, call->cancellable, &call->error);
  return NULL;
}

static void
test_cancel_blocked_caller (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call call = { store, cancellable, must_not_run, NULL, NULL };
  GThread *thread;
  Gate gate;

  gate_init (&gate);
  vmd_store_transact_async (store, pass_gate, &gate, NULL, NULL, NULL, NULL);
  gate_wait_until_reached (&gate);
  thread = g_thread_new ("caller", run_call, &call);
  g_cancellable_cancel (cancellable);
  g_thread_join (thread);
  g_assert_error (call.error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&call.error);
  gate_open (&gate);
  close_store (store);
  gate_clear (&gate);
}

/* What has begun is finished, and said to be. */
static void
test_cancel_begun (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call call = { store, cancellable, pass_gate, NULL, NULL };
  GThread *thread;
  Gate gate;

  gate_init (&gate);
  call.data = &gate;
  thread = g_thread_new ("caller", run_call, &call);
  gate_wait_until_reached (&gate);
  g_cancellable_cancel (cancellable);
  gate_open (&gate);
  g_thread_join (thread);
  g_assert_no_error (call.error);
  close_store (store);
  gate_clear (&gate);
}

/* -- Closing -- */

static gpointer
close_cb (gpointer store)
{
  vmd_store_close (store);
  return NULL;
}

static void
test_close_drains (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  Outcome outcomes[20] = { { FALSE, FALSE, NULL } };
  g_autoptr (GError) error = NULL;
  GThread *closer;
  Gate gate;

  gate_init (&gate);
  vmd_store_transact_async (store, pass_gate, &gate, NULL, NULL, NULL, NULL);
  gate_wait_until_reached (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (outcomes); i++)
    vmd_store_transact_async (store, put_kernel, g_strdup_printf ("%u", i), g_free, NULL,
                              outcome_cb, &outcomes[i]);
  closer = g_thread_new ("closer", close_cb, store);
  gate_open (&gate);
  g_thread_join (closer);
  for (guint i = 0; i < G_N_ELEMENTS (outcomes); i++)
    {
      while (!outcomes[i].is_done)
        g_main_context_iteration (NULL, TRUE);
      g_assert_no_error (outcomes[i].error);
    }
  g_assert_false (vmd_store_transact (store, must_not_run, NULL, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_STORE);
  close_store (store);
  store = open_store (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (outcomes); i++)
    {
      g_autofree char *version = g_strdup_printf ("%u", i);

      g_assert_true (has_kernel (store, version));
    }
  close_store (store);
  gate_clear (&gate);
}

typedef struct
{
  VmdStore *store;
  Gate *gate;
} Closing;

static gpointer
close_and_look_cb (gpointer data)
{
  const Closing *closing = data;

  vmd_store_close (closing->store);
  g_mutex_lock (&closing->gate->mutex);
  g_assert_true (closing->gate->is_open);
  g_mutex_unlock (&closing->gate->mutex);
  return NULL;
}

/* Each of several that close at once returns when the store is closed, and not before. */
static void
test_closed_by_several (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  GThread *closers[4];
  Outcome outcome = { FALSE, FALSE, NULL };
  Gate gate;
  Closing closing = { store, &gate };

  gate_init (&gate);
  vmd_store_transact_async (store, pass_gate, &gate, NULL, NULL, outcome_cb, &outcome);
  gate_wait_until_reached (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (closers); i++)
    closers[i] = g_thread_new ("closer", close_and_look_cb, &closing);
  gate_open (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (closers); i++)
    g_thread_join (closers[i]);
  while (!outcome.is_done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (outcome.error);
  close_store (store);
  gate_clear (&gate);
}

#define ADD(name, func) g_test_add (name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/store/group-commit", test_group_commit);
  ADD ("/store/many-threads", test_many_threads);
  ADD ("/store/failure-takes-back", test_failure_takes_back);
  ADD ("/store/observer", test_observer);
  ADD ("/store/observer-every-kind", test_observer_every_kind);
  ADD ("/store/cancel-queued", test_cancel_queued);
  ADD ("/store/cancelled-before", test_cancelled_before);
  ADD ("/store/cancel-blocked-caller", test_cancel_blocked_caller);
  ADD ("/store/cancel-begun", test_cancel_begun);
  ADD ("/store/close-drains", test_close_drains);
  ADD ("/store/closed-by-several", test_closed_by_several);
  return g_test_run ();
}
