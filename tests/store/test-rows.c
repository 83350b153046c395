/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "row-support.h"

#include "store/vmd-sqlite-private.h"

/* VMs, and their launches. */

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
  return g_test_run ();
}
