/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "row-support.h"

/* What lies beside a VM: claims on it, workspaces in it, the images and kernels it is made of. */

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

/* LESSONS 16: each way in which the VM may not be the one any more that the import began with,
 * first for a new workspace, then for one that has a row. */
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
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
  g_test_add ("/rows/workspace/lesson-16-new", RowFixture, GINT_TO_POINTER (FALSE),
              row_fixture_set_up, test_lesson_16_workspace_of_ended_vm, row_fixture_tear_down);
  g_test_add ("/rows/workspace/lesson-16-known", RowFixture, GINT_TO_POINTER (TRUE),
              row_fixture_set_up, test_lesson_16_workspace_of_ended_vm, row_fixture_tear_down);
  ADD ("/rows/workspace/of-claimed-vm", test_workspace_of_claimed_vm);
  return g_test_run ();
}
