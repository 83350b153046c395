/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "store/vmd-store-database-private.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"

typedef struct
{
  Fixture base;
  sqlite3 *db;
} RowFixture;

static void
set_up (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture_set_up (&fixture->base, data);
  fixture->db = vmd_store_database_open (fixture->base.database, &error);
  g_assert_no_error (error);
}

/* Closing says whether a statement was left open. */
static void
tear_down (RowFixture *fixture, gconstpointer data)
{
  g_assert_cmpint (sqlite3_close (fixture->db), ==, SQLITE_OK);
  fixture_tear_down (&fixture->base, data);
}

#define assert_fails(expression, expected)                                                         \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    g_assert_false (expression);                                                                   \
    g_assert_error (error, VMD_ERROR, expected);                                                   \
  }                                                                                                \
  G_STMT_END

#define assert_succeeds(expression)                                                                \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    if (!(expression))                                                                             \
      g_assert_no_error (error);                                                                   \
    g_assert_null (error);                                                                         \
  }                                                                                                \
  G_STMT_END

static void
assert_same_vm (const VmdVmRow *a, const VmdVmRow *b)
{
  g_assert_cmpstr (a->id, ==, b->id);
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpstr (a->image_name, ==, b->image_name);
  g_assert_cmpstr (a->image, ==, b->image);
  g_assert_cmpstr (a->kernel, ==, b->kernel);
  g_assert_cmpuint (a->vcpus, ==, b->vcpus);
  g_assert_cmpuint (a->memory, ==, b->memory);
  g_assert_cmpuint (a->disk_size, ==, b->disk_size);
  g_assert_cmpstr (a->network, ==, b->network);
  g_assert_cmpstr (a->backend, ==, b->backend);
  g_assert_cmpint (a->created, ==, b->created);
  g_assert_cmpuint (a->launch, ==, b->launch);
  g_assert_cmpstr (a->reason, ==, b->reason);
  g_assert_cmpint (a->bad, ==, b->bad);
  g_assert_cmpint (a->deleted, ==, b->deleted);
}

static VmdVmRow *
load_vm (sqlite3 *db, const char *id)
{
  g_autoptr (GError) error = NULL;
  VmdVmRow *row = vmd_vm_row_load (db, id, &error);

  g_assert_no_error (error);
  return row;
}

/* -- VMs -- */

static void
test_vm_round_trip (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) row = new_vm (A, "a");
  g_autoptr (VmdVmRow) copy = NULL;
  g_autoptr (VmdVmRow) loaded = NULL;
  g_autoptr (GPtrArray) all = NULL;

  row->reason = g_strdup ("it’s “over”; DROP TABLE vms --");
  copy = vmd_vm_row_copy (row);
  assert_same_vm (copy, row);
  assert_succeeds (vmd_vm_row_insert (fixture->db, row, &error));
  loaded = load_vm (fixture->db, A);
  assert_same_vm (loaded, row);
  insert_vm (fixture->db, B, "b");
  all = vmd_vm_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 2);
  assert_same_vm (all->pdata[0], row);
  g_assert_null (load_vm (fixture->db, "0"));
}

static void
test_vm_name_is_taken (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) row = new_vm (B, "a");
  g_autoptr (VmdVmRow) again = new_vm (A, "other");
  g_autoptr (GError) failure = NULL;

  insert_vm (fixture->db, A, "a");
  g_assert_false (vmd_vm_row_insert (fixture->db, row, &failure));
  g_assert_error (failure, VMD_ERROR, VMD_ERROR_EXISTS);
  g_assert_nonnull (strstr (failure->message, A));
  g_assert_nonnull (strstr (failure->message, "“a”"));
  assert_fails (vmd_vm_row_insert (fixture->db, again, &error), VMD_ERROR_EXISTS);
}

static void
test_vm_update (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) row = new_vm (A, "renamed");
  g_autoptr (VmdVmRow) loaded = NULL;

  insert_vm (fixture->db, A, "a");
  insert_vm (fixture->db, B, "b");
  row->vcpus = 7;
  row->memory = 7;
  row->disk_size = 7;
  g_free (row->network);
  row->network = g_strdup ("none");
  assert_succeeds (vmd_vm_row_update (fixture->db, row, &error));
  loaded = load_vm (fixture->db, A);
  assert_same_vm (loaded, row);
  assert_succeeds (vmd_vm_row_update (fixture->db, row, &error));
  g_free (row->name);
  row->name = g_strdup ("b");
  assert_fails (vmd_vm_row_update (fixture->db, row, &error), VMD_ERROR_EXISTS);
}

/* The name is free at once, and the deleted VM cannot be changed back to life. */
static void
test_vm_tombstone (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) row = new_vm (A, "a");
  g_autoptr (VmdVmRow) loaded = NULL;

  insert_vm (fixture->db, A, "a");
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, A, &error));
  insert_vm (fixture->db, B, "a");
  assert_fails (vmd_vm_row_update (fixture->db, row, &error), VMD_ERROR_NOT_FOUND);
  assert_fails (vmd_vm_row_insert (fixture->db, row, &error), VMD_ERROR_EXISTS);
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, A, &error));
  loaded = load_vm (fixture->db, A);
  g_assert_true (loaded->deleted);
  g_assert_cmpstr (loaded->name, ==, "a");
  assert_fails (vmd_vm_row_tombstone (fixture->db, "0", &error), VMD_ERROR_NOT_FOUND);
  g_assert_cmpuint (vmd_launch_row_begin (fixture->db, A, "/s", 1, NULL), ==, 0);
}

static void
test_vm_reason (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) loaded = NULL;

  insert_vm (fixture->db, A, "a");
  assert_succeeds (vmd_vm_row_set_reason (fixture->db, A, "bad vcpus", TRUE, &error));
  loaded = load_vm (fixture->db, A);
  g_assert_true (loaded->bad);
  g_assert_cmpstr (loaded->reason, ==, "bad vcpus");
  assert_fails (vmd_vm_row_set_reason (fixture->db, B, "x", FALSE, &error), VMD_ERROR_NOT_FOUND);
}

/* All that refers to it goes too, and only that. Twice is as good as once. */
static void
test_vm_remove (RowFixture *fixture, gconstpointer data)
{
  static const char *const counts[] = {
    "SELECT count(*) FROM vms",         "SELECT count(*) FROM launches",
    "SELECT count(*) FROM transitions", "SELECT count(*) FROM launch_resources",
    "SELECT count(*) FROM workspaces",
  };
  static const char *const ids[] = { A, B };

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autoptr (VmdWorkspaceRow) workspace = NULL;
      guint64 launch;

      insert_vm (fixture->db, ids[i], ids[i]);
      launch = launch_vm (fixture->db, ids[i]);
      workspace = new_workspace (ids[i], "/work", launch);
      assert_succeeds (vmd_resource_record (fixture->db, ids[i], launch, "file", "/x", &error));
      assert_succeeds (vmd_workspace_row_write (fixture->db, workspace, &error));
      claim_vm (fixture->db, ids[i], "delete", launch, TRUE);
    }
  assert_succeeds (vmd_vm_row_remove (fixture->db, A, &error));
  assert_succeeds (vmd_vm_row_remove (fixture->db, A, &error));
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    g_assert_cmpint (get_number (fixture->db, counts[i]), ==, 1);
  assert_succeeds (vmd_transition_row_release (fixture->db, A, "token", &error));
}

static void
put_image (sqlite3 *db, const char *name, const char *digest)
{
  const VmdImageRow row = {
    .name = (char *) name,
    .digest = (char *) digest,
    .size = 5,
    .virtual_size = 6,
    .source = (char *) "tiny",
    .ssh_server = (char *) "dropbear",
    .created = 9,
  };

  assert_succeeds (vmd_image_row_put (db, &row, &error));
}

static void
insert_vm_from (sqlite3 *db, const char *id, const char *name, const char *image,
                const char *kernel)
{
  g_autoptr (VmdVmRow) row = new_vm (id, name);

  row->image_name = g_strdup ("tiny");
  row->image = g_strdup (image);
  row->kernel = g_strdup (kernel);
  assert_succeeds (vmd_vm_row_insert (db, row, &error));
}

static void
test_vm_needs_image_and_kernel (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) row = new_vm (A, "a");

  row->image_name = g_strdup ("tiny");
  row->image = g_strdup ("d1");
  row->kernel = g_strdup ("6.1");
  assert_succeeds (put_kernel (fixture->db, (gpointer) "6.1", &error));
  assert_fails (vmd_vm_row_insert (fixture->db, row, &error), VMD_ERROR_NOT_FOUND);
  put_image (fixture->db, "tiny", "d1");
  assert_succeeds (vmd_kernel_row_remove (fixture->db, "6.1", &error));
  assert_fails (vmd_vm_row_insert (fixture->db, row, &error), VMD_ERROR_NOT_FOUND);
  assert_succeeds (put_kernel (fixture->db, (gpointer) "6.1", &error));
  assert_succeeds (vmd_vm_row_insert (fixture->db, row, &error));
  /* The name moves on, and the file stays for those who have it: so others may have it too. */
  put_image (fixture->db, "tiny", "d2");
  insert_vm_from (fixture->db, B, "b", "d1", "6.1");
}

/* LESSONS 15: numbers that cannot be are read as 0, which readers report, and hide no other row. */
static void
test_lesson_15_damaged_numbers (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) all = NULL;
  const VmdVmRow *row;

  insert_vm (fixture->db, A, "a");
  insert_vm (fixture->db, B, "b");
  assert_succeeds (vmd_sqlite_run (fixture->db, NULL, &error,
                                   "UPDATE vms SET vcpus = -1, memory = -5, launch = -1"
                                   " WHERE id = ?",
                                   "s", A));
  all = vmd_vm_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 2);
  row = all->pdata[0];
  g_assert_cmpuint (row->vcpus, ==, 0);
  g_assert_cmpuint (row->memory, ==, 0);
  g_assert_cmpuint (row->launch, ==, 0);
}

/* -- Launches -- */

static void
test_launch_round_trip (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLaunchRow) loaded = NULL;
  g_autoptr (VmdLaunchRow) copy = NULL;
  g_autoptr (GPtrArray) all = NULL;
  VmdProcessId us;
  guint64 launch;

  vmd_process_id_self (&us);
  insert_vm (fixture->db, A, "a");
  g_assert_null (vmd_launch_row_load (fixture->db, A, NULL));
  launch = launch_vm (fixture->db, A);
  g_assert_cmpuint (launch, ==, 1);
  assert_succeeds (vmd_launch_row_set_port (fixture->db, A, launch, 40022, &error));
  assert_succeeds (vmd_launch_row_set_guest_boot_id (fixture->db, A, launch, "boot", &error));
  loaded = vmd_launch_row_load (fixture->db, A, NULL);
  copy = vmd_launch_row_copy (loaded);
  g_assert_cmpstr (copy->vm, ==, A);
  g_assert_cmpuint (copy->launch, ==, 1);
  g_assert_true (vmd_process_id_equal (&copy->process, &us));
  g_assert_cmpstr (copy->socket, ==, "/run/qmp.sock");
  g_assert_cmpuint (copy->port, ==, 40022);
  g_assert_cmpstr (copy->guest_boot_id, ==, "boot");
  g_assert_cmpint (copy->started, ==, 1700000000000002);
  all = vmd_launch_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 1);
}

/* A launch is on disk before its process: pid 0 until then. */
static void
test_launch_begins_without_process (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLaunchRow) loaded = NULL;

  insert_vm (fixture->db, A, "a");
  g_assert_cmpuint (vmd_launch_row_begin (fixture->db, A, "/s", 1, NULL), ==, 1);
  loaded = vmd_launch_row_load (fixture->db, A, NULL);
  g_assert_cmpint (loaded->process.pid, ==, 0);
  g_assert_cmpstr (loaded->process.boot_id, ==, "");
  g_assert_cmpuint (loaded->port, ==, 0);
  g_assert_null (loaded->guest_boot_id);
}

static void
test_launch_refusals (RowFixture *fixture, gconstpointer data)
{
  VmdProcessId us;

  vmd_process_id_self (&us);
  assert_fails (vmd_launch_row_begin (fixture->db, A, "/s", 1, &error), VMD_ERROR_NOT_FOUND);
  insert_vm (fixture->db, A, "a");
  launch_vm (fixture->db, A);
  assert_fails (vmd_launch_row_begin (fixture->db, A, "/s", 1, &error), VMD_ERROR_WRONG_STATE);
  assert_fails (vmd_launch_row_set_process (fixture->db, A, 2, &us, &error), VMD_ERROR_WRONG_STATE);
  assert_fails (vmd_launch_row_set_port (fixture->db, A, 2, 1, &error), VMD_ERROR_WRONG_STATE);
  assert_fails (vmd_launch_row_set_guest_boot_id (fixture->db, A, 2, "x", &error),
                VMD_ERROR_WRONG_STATE);
  assert_fails (vmd_resource_record (fixture->db, A, 2, "file", "/x", &error),
                VMD_ERROR_WRONG_STATE);
}

static void
test_launch_end (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) stopped = NULL;
  g_autoptr (VmdVmRow) again = NULL;
  gboolean changed = TRUE;

  insert_vm (fixture->db, A, "a");
  launch_vm (fixture->db, A);
  assert_succeeds (vmd_resource_record (fixture->db, A, 1, "file", "/x", &error));
  assert_succeeds (vmd_launch_row_end (fixture->db, A, 2, "no", &changed, &error));
  g_assert_false (changed);
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM launch_resources"), ==, 1);
  assert_succeeds (vmd_launch_row_end (fixture->db, A, 1, "stopped", &changed, &error));
  g_assert_true (changed);
  stopped = load_vm (fixture->db, A);
  g_assert_cmpstr (stopped->reason, ==, "stopped");
  g_assert_cmpuint (stopped->launch, ==, 1);
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM launch_resources"), ==, 0);
  assert_succeeds (vmd_launch_row_end (fixture->db, A, 1, "twice", NULL, &error));
  /* The next one has the next number, and the old reason is gone. */
  g_assert_cmpuint (launch_vm (fixture->db, A), ==, 2);
  again = load_vm (fixture->db, A);
  g_assert_null (again->reason);
}

static void
test_launch_keeps_bad_reason (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) row = NULL;

  insert_vm (fixture->db, A, "a");
  assert_succeeds (vmd_vm_row_set_reason (fixture->db, A, "bad", TRUE, &error));
  launch_vm (fixture->db, A);
  assert_succeeds (vmd_launch_row_end (fixture->db, A, 1, "stopped", NULL, &error));
  row = load_vm (fixture->db, A);
  g_assert_cmpstr (row->reason, ==, "bad");
}

static void
test_resources (RowFixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "/c", "/a", "/b" };
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;

  insert_vm (fixture->db, A, "a");
  launch_vm (fixture->db, A);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    assert_succeeds (vmd_resource_record (fixture->db, A, 1, "file", names[i], &error));
  assert_succeeds (vmd_resource_record (fixture->db, A, 1, "file", "/c", &error));
  before = vmd_resource_load (fixture->db, A, 1, NULL);
  g_assert_cmpuint (before->len, ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpstr (((VmdResource *) before->pdata[i])->name, ==, names[i]);
  g_assert_cmpstr (((VmdResource *) before->pdata[0])->kind, ==, "file");
  assert_succeeds (vmd_resource_forget (fixture->db, A, 1, "socket", "/a", &error));
  assert_succeeds (vmd_resource_forget (fixture->db, A, 1, "file", "/a", &error));
  assert_succeeds (vmd_resource_forget (fixture->db, A, 1, "file", "/a", &error));
  after = vmd_resource_load (fixture->db, A, 1, NULL);
  g_assert_cmpuint (after->len, ==, 2);
}

/* -- Claims -- */

static gboolean
claim (sqlite3 *db, const char *verb, const char *token, VmdTransitionRow **holder, GError **error)
{
  VmdTransitionRow row = {
    .vm = (char *) A,
    .verb = (char *) verb,
    .launch = 3,
    .token = (char *) token,
    .who = (char *) "vmctl (pid 1)",
    .since = 77,
  };

  vmd_process_id_self (&row.owner);
  return vmd_transition_row_claim (db, &row, holder, error);
}

static void
test_claim_round_trip (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdTransitionRow) holder = NULL;
  g_autoptr (VmdTransitionRow) loaded = NULL;
  g_autoptr (VmdTransitionRow) copy = NULL;
  g_autoptr (GPtrArray) all = NULL;
  VmdProcessId us;

  vmd_process_id_self (&us);
  insert_vm (fixture->db, A, "a");
  assert_succeeds (claim (fixture->db, "stop", "t1", &holder, &error));
  loaded = vmd_transition_row_load (fixture->db, A, NULL);
  copy = vmd_transition_row_copy (loaded);
  g_assert_cmpstr (copy->vm, ==, A);
  g_assert_cmpstr (copy->verb, ==, "stop");
  g_assert_cmpuint (copy->launch, ==, 3);
  g_assert_true (vmd_process_id_equal (&copy->owner, &us));
  g_assert_cmpstr (copy->token, ==, "t1");
  g_assert_cmpstr (copy->who, ==, "vmctl (pid 1)");
  g_assert_cmpint (copy->since, ==, 77);
  g_assert_false (copy->cancel);
  all = vmd_transition_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 1);
}

static void
test_claim_is_held (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdTransitionRow) holder = NULL;
  g_autoptr (VmdTransitionRow) none = NULL;
  g_autoptr (GError) failure = NULL;

  assert_fails (claim (fixture->db, "stop", "t1", &none, &error), VMD_ERROR_NOT_FOUND);
  insert_vm (fixture->db, A, "a");
  assert_succeeds (claim (fixture->db, "start", "t1", &none, &error));
  g_assert_null (none);
  g_assert_false (claim (fixture->db, "stop", "t2", &holder, &failure));
  g_assert_error (failure, VMD_ERROR, VMD_ERROR_BUSY);
  g_assert_nonnull (strstr (failure->message, "vmctl (pid 1)"));
  g_assert_cmpstr (holder->token, ==, "t1");
  /* Only the claim that was meant goes. */
  assert_succeeds (vmd_transition_row_release (fixture->db, A, "t2", &error));
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM transitions"), ==, 1);
  assert_succeeds (vmd_transition_row_release (fixture->db, A, "t1", &error));
  assert_succeeds (claim (fixture->db, "stop", "t2", &none, &error));
}

static void
test_claim_of_the_dead_is_void (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdTransitionRow) holder = NULL;
  g_autoptr (VmdTransitionRow) loaded = NULL;

  insert_vm (fixture->db, A, "a");
  claim_vm (fixture->db, A, "start", 1, FALSE);
  assert_succeeds (claim (fixture->db, "stop", "t2", &holder, &error));
  g_assert_null (holder);
  loaded = vmd_transition_row_load (fixture->db, A, NULL);
  g_assert_cmpstr (loaded->token, ==, "t2");
}

static void
test_claim_cancel (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdTransitionRow) holder = NULL;
  g_autoptr (VmdTransitionRow) before = NULL;
  g_autoptr (VmdTransitionRow) after = NULL;

  insert_vm (fixture->db, A, "a");
  assert_succeeds (claim (fixture->db, "start", "t1", &holder, &error));
  assert_succeeds (vmd_transition_row_request_cancel (fixture->db, A, "t0", &error));
  before = vmd_transition_row_load (fixture->db, A, NULL);
  g_assert_false (before->cancel);
  assert_succeeds (vmd_transition_row_request_cancel (fixture->db, A, "t1", &error));
  after = vmd_transition_row_load (fixture->db, A, NULL);
  g_assert_true (after->cancel);
}

static void
test_claim_of_deleted_vm (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdTransitionRow) holder = NULL;

  insert_vm (fixture->db, A, "a");
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, A, &error));
  assert_succeeds (claim (fixture->db, "delete", "t1", &holder, &error));
}

/* -- Images -- */

static void
test_image_round_trip (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImageRow) loaded = NULL;
  g_autoptr (VmdImageRow) copy = NULL;
  g_autoptr (VmdImageRow) updated = NULL;
  g_autoptr (GPtrArray) all = NULL;

  put_image (fixture->db, "tiny", "d1");
  put_image (fixture->db, "also", "d1");
  loaded = vmd_image_row_load (fixture->db, "tiny", NULL);
  copy = vmd_image_row_copy (loaded);
  g_assert_cmpstr (copy->name, ==, "tiny");
  g_assert_cmpstr (copy->digest, ==, "d1");
  g_assert_cmpuint (copy->size, ==, 5);
  g_assert_cmpuint (copy->virtual_size, ==, 6);
  g_assert_cmpstr (copy->source, ==, "tiny");
  g_assert_cmpstr (copy->ssh_server, ==, "dropbear");
  g_assert_cmpint (copy->created, ==, 9);
  put_image (fixture->db, "tiny", "d2");
  updated = vmd_image_row_load (fixture->db, "tiny", NULL);
  g_assert_cmpstr (updated->digest, ==, "d2");
  all = vmd_image_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 2);
  g_assert_null (vmd_image_row_load (fixture->db, "none", NULL));
}

static void
test_image_in_use (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) failure = NULL;

  assert_fails (vmd_image_row_remove (fixture->db, "tiny", &error), VMD_ERROR_NOT_FOUND);
  put_image (fixture->db, "tiny", "d1");
  insert_vm_from (fixture->db, A, "first", "d1", NULL);
  insert_vm_from (fixture->db, B, "second", "d1", NULL);
  g_assert_false (vmd_image_row_remove (fixture->db, "tiny", &failure));
  g_assert_error (failure, VMD_ERROR, VMD_ERROR_IN_USE);
  g_assert_nonnull (strstr (failure->message, "“first”, “second”"));
  /* One that is being deleted may have the file open. */
  assert_succeeds (vmd_vm_row_remove (fixture->db, A, &error));
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, B, &error));
  assert_fails (vmd_image_row_remove (fixture->db, "tiny", &error), VMD_ERROR_IN_USE);
  assert_succeeds (vmd_vm_row_remove (fixture->db, B, &error));
  assert_succeeds (vmd_image_row_remove (fixture->db, "tiny", &error));
  g_assert_null (vmd_image_row_load (fixture->db, "tiny", NULL));
}

static void
test_image_digest_count (RowFixture *fixture, gconstpointer data)
{
  guint count = 9;

  assert_succeeds (vmd_image_digest_count (fixture->db, "d1", &count, &error));
  g_assert_cmpuint (count, ==, 0);
  put_image (fixture->db, "tiny", "d1");
  put_image (fixture->db, "also", "d1");
  insert_vm_from (fixture->db, A, "a", "d1", NULL);
  assert_succeeds (vmd_image_digest_count (fixture->db, "d1", &count, &error));
  g_assert_cmpuint (count, ==, 3);
  put_image (fixture->db, "also", "d2");
  assert_succeeds (vmd_image_digest_count (fixture->db, "d1", &count, &error));
  g_assert_cmpuint (count, ==, 2);
}

/* -- Kernels -- */

static void
test_kernel_round_trip (RowFixture *fixture, gconstpointer data)
{
  const VmdKernelRow row = {
    .version = (char *) "6.1",
    .source = (char *) "linux.deb",
    .size = 8,
    .is_default = TRUE,
    .created = 9,
  };
  g_autoptr (VmdKernelRow) loaded = NULL;
  g_autoptr (VmdKernelRow) copy = NULL;
  g_autoptr (GPtrArray) all = NULL;

  assert_succeeds (vmd_kernel_row_put (fixture->db, &row, &error));
  assert_succeeds (vmd_kernel_row_put (fixture->db, &row, &error));
  loaded = vmd_kernel_row_load (fixture->db, "6.1", NULL);
  copy = vmd_kernel_row_copy (loaded);
  g_assert_cmpstr (copy->version, ==, "6.1");
  g_assert_cmpstr (copy->source, ==, "linux.deb");
  g_assert_cmpuint (copy->size, ==, 8);
  g_assert_true (copy->is_default);
  g_assert_cmpint (copy->created, ==, 9);
  all = vmd_kernel_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 1);
  g_assert_null (vmd_kernel_row_load (fixture->db, "none", NULL));
}

static void
test_kernel_one_default (RowFixture *fixture, gconstpointer data)
{
  VmdKernelRow row = { .source = (char *) "deb", .is_default = TRUE };
  g_autoptr (VmdKernelRow) first = NULL;

  row.version = (char *) "6.1";
  assert_succeeds (vmd_kernel_row_put (fixture->db, &row, &error));
  row.version = (char *) "6.2";
  assert_succeeds (vmd_kernel_row_put (fixture->db, &row, &error));
  first = vmd_kernel_row_load (fixture->db, "6.1", NULL);
  g_assert_false (first->is_default);
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM kernels WHERE is_default"), ==,
                   1);
}

static void
test_kernel_in_use (RowFixture *fixture, gconstpointer data)
{
  assert_fails (vmd_kernel_row_remove (fixture->db, "6.1", &error), VMD_ERROR_NOT_FOUND);
  assert_succeeds (put_kernel (fixture->db, (gpointer) "6.1", &error));
  insert_vm_from (fixture->db, A, "a", NULL, "6.1");
  assert_fails (vmd_kernel_row_remove (fixture->db, "6.1", &error), VMD_ERROR_IN_USE);
  assert_succeeds (vmd_vm_row_remove (fixture->db, A, &error));
  assert_succeeds (vmd_kernel_row_remove (fixture->db, "6.1", &error));
}

/* -- Workspaces -- */

static void
assert_refused (RowFixture *fixture, const VmdWorkspaceRow *row)
{
  gint64 before = get_number (fixture->db, "SELECT count(*) FROM workspaces");

  assert_fails (vmd_workspace_row_write (fixture->db, row, &error), VMD_ERROR_VM_STOPPED);
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM workspaces"), ==, before);
}

static void
test_workspace_round_trip (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdWorkspaceRow) row = new_workspace (A, "/home/u/a b", 1);
  g_autoptr (VmdWorkspaceRow) loaded = NULL;
  g_autoptr (VmdWorkspaceRow) copy = NULL;
  g_autoptr (VmdWorkspaceRow) again = NULL;
  g_autoptr (GPtrArray) all = NULL;

  insert_vm (fixture->db, A, "a");
  launch_vm (fixture->db, A);
  row->branch = g_strdup ("topic");
  row->manifest = g_strdup ("m1");
  assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
  loaded = vmd_workspace_row_load (fixture->db, A, "/home/u/a b", NULL);
  copy = vmd_workspace_row_copy (loaded);
  g_assert_cmpstr (copy->vm, ==, row->vm);
  g_assert_cmpstr (copy->path, ==, row->path);
  g_assert_cmpstr (copy->repository, ==, row->repository);
  g_assert_cmpstr (copy->head, ==, row->head);
  g_assert_cmpstr (copy->branch, ==, "topic");
  g_assert_cmpstr (copy->mode, ==, row->mode);
  g_assert_cmpstr (copy->manifest, ==, "m1");
  g_assert_cmpuint (copy->launch, ==, 1);
  g_assert_cmpuint (copy->files, ==, row->files);
  g_assert_cmpuint (copy->bytes, ==, row->bytes);
  g_assert_cmpint (copy->imported, ==, row->imported);
  /* And once more: an update. */
  row->files = 11;
  g_clear_pointer (&row->branch, g_free);
  assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
  again = vmd_workspace_row_load (fixture->db, A, "/home/u/a b", NULL);
  g_assert_cmpuint (again->files, ==, 11);
  g_assert_null (again->branch);
  all = vmd_workspace_row_load_all (fixture->db, NULL);
  g_assert_cmpuint (all->len, ==, 1);
  assert_succeeds (vmd_workspace_row_remove (fixture->db, A, "/home/u/a b", &error));
  assert_succeeds (vmd_workspace_row_remove (fixture->db, A, "/home/u/a b", &error));
  g_assert_null (vmd_workspace_row_load (fixture->db, A, "/home/u/a b", NULL));
}

/* LESSONS 16: each way in which the VM may not be the one any more that the import began with, first for a new
 * workspace, then for one that has a row. */
static void
test_lesson_16_workspace_of_ended_vm (RowFixture *fixture, gconstpointer data)
{
  gboolean exists = GPOINTER_TO_INT (data);
  g_autoptr (VmdWorkspaceRow) row = new_workspace (A, "/work", 1);
  VmdProcessId dead;

  if (!exists)
    assert_refused (fixture, row);
  insert_vm (fixture->db, A, "a");
  if (!exists)
    assert_refused (fixture, row);
  launch_vm (fixture->db, A);
  if (exists)
    assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
  get_dead_process (&dead);
  assert_succeeds (vmd_launch_row_set_process (fixture->db, A, 1, &dead, &error));
  assert_refused (fixture, row);
  assert_succeeds (vmd_launch_row_end (fixture->db, A, 1, "stopped", NULL, &error));
  assert_refused (fixture, row);
  /* Another launch, which is alive and well: not ours. */
  launch_vm (fixture->db, A);
  assert_refused (fixture, row);
  row->launch = 2;
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, A, &error));
  assert_refused (fixture, row);
  assert_succeeds (vmd_vm_row_remove (fixture->db, A, &error));
  assert_refused (fixture, row);
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM vms"), ==, 0);
}

static void
test_workspace_of_claimed_vm (RowFixture *fixture, gconstpointer data)
{
  static const char *const ending[] = { "stop", "kill", "restart", "delete" };
  g_autoptr (VmdWorkspaceRow) row = new_workspace (A, "/work", 1);

  insert_vm (fixture->db, A, "a");
  launch_vm (fixture->db, A);
  for (guint i = 0; i < G_N_ELEMENTS (ending); i++)
    {
      claim_vm (fixture->db, A, ending[i], 1, TRUE);
      assert_refused (fixture, row);
      claim_vm (fixture->db, A, ending[i], 1, FALSE);
      assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
      assert_succeeds (vmd_workspace_row_remove (fixture->db, A, "/work", &error));
    }
  claim_vm (fixture->db, A, "start", 1, TRUE);
  assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
  claim_vm (fixture->db, A, "set", 1, TRUE);
  assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
  /* A restart that waits for its new launch to become ready has ended the old one, not this. */
  claim_vm (fixture->db, A, "restart", 0, TRUE);
  assert_succeeds (vmd_workspace_row_write (fixture->db, row, &error));
}

#define ADD(name, func) g_test_add (name, RowFixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/rows/vm/round-trip", test_vm_round_trip);
  ADD ("/rows/vm/name-is-taken", test_vm_name_is_taken);
  ADD ("/rows/vm/update", test_vm_update);
  ADD ("/rows/vm/tombstone", test_vm_tombstone);
  ADD ("/rows/vm/reason", test_vm_reason);
  ADD ("/rows/vm/remove", test_vm_remove);
  ADD ("/rows/vm/needs-image-and-kernel", test_vm_needs_image_and_kernel);
  ADD ("/rows/vm/lesson-15-damaged-numbers", test_lesson_15_damaged_numbers);
  ADD ("/rows/launch/round-trip", test_launch_round_trip);
  ADD ("/rows/launch/begins-without-process", test_launch_begins_without_process);
  ADD ("/rows/launch/refusals", test_launch_refusals);
  ADD ("/rows/launch/end", test_launch_end);
  ADD ("/rows/launch/keeps-bad-reason", test_launch_keeps_bad_reason);
  ADD ("/rows/launch/resources", test_resources);
  ADD ("/rows/claim/round-trip", test_claim_round_trip);
  ADD ("/rows/claim/is-held", test_claim_is_held);
  ADD ("/rows/claim/of-the-dead-is-void", test_claim_of_the_dead_is_void);
  ADD ("/rows/claim/cancel", test_claim_cancel);
  ADD ("/rows/claim/of-deleted-vm", test_claim_of_deleted_vm);
  ADD ("/rows/image/round-trip", test_image_round_trip);
  ADD ("/rows/image/in-use", test_image_in_use);
  ADD ("/rows/image/digest-count", test_image_digest_count);
  ADD ("/rows/kernel/round-trip", test_kernel_round_trip);
  ADD ("/rows/kernel/one-default", test_kernel_one_default);
  ADD ("/rows/kernel/in-use", test_kernel_in_use);
  ADD ("/rows/workspace/round-trip", test_workspace_round_trip);
  g_test_add ("/rows/workspace/lesson-16-new", RowFixture, GINT_TO_POINTER (FALSE), set_up,
              test_lesson_16_workspace_of_ended_vm, tear_down);
  g_test_add ("/rows/workspace/lesson-16-known", RowFixture, GINT_TO_POINTER (TRUE), set_up,
              test_lesson_16_workspace_of_ended_vm, tear_down);
  ADD ("/rows/workspace/of-claimed-vm", test_workspace_of_claimed_vm);
  return g_test_run ();
}
