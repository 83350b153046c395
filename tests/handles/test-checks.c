/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>

/* What is looked at before anything is done. */

/* Nobody fetches a kernel for a VM whose image is not there. */
static void
test_create_without_image (Fixture *fixture, gconstpointer data)
{
  g_autofree char *state_dir = g_build_filename (fixture->directory, "real", NULL);
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdManager) manager = NULL;
  g_autoptr (GListModel) jobs = NULL;
  g_autoptr (VmdJob) job = NULL;
  g_autoptr (GError) error = NULL;

  manager = vmd_manager_open (state_dir, "qemu", NULL, &error);
  g_assert_no_error (error);
  vmd_vm_spec_set_image (spec, "no-such-image");
  g_assert_null (vmd_manager_create_vm (manager, spec, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
  jobs = vmd_manager_list_jobs (manager);
  g_assert_cmpuint (g_list_model_get_n_items (jobs), ==, 1);
  job = g_list_model_get_item (jobs, 0);
  g_assert_cmpstr (vmd_job_get_kind (job), ==, "create");
  vmd_manager_close (manager);
}

static gboolean
insert_in_store (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_vm_row_insert (db, data, error);
}

/* An id that leads elsewhere takes nothing with it. */
static void
test_delete_bad_id (Fixture *fixture, gconstpointer data)
{
  VmdVmRow row = { .id = (char *) data,
                   .name = (char *) "bad",
                   .vcpus = 1,
                   .memory = 1,
                   .network = (char *) "user",
                   .backend = (char *) "fake" };
  g_autofree char *kept = g_build_filename (fixture->state_dir, "vms", "kept", NULL);
  g_autofree char *also_kept =
      g_build_filename (vmd_manager_get_runtime_dir (fixture->manager), "kept", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdVm) vm = NULL;

  g_assert_cmpint (g_mkdir (kept, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (also_kept, 0700), ==, 0);
  vmd_store_transact (vmd_manager_get_store (fixture->manager), insert_in_store, &row, NULL,
                      &error);
  g_assert_no_error (error);
  vm = vmd_manager_find_vm (fixture->manager, "bad", &error);
  g_assert_no_error (error);
  assert_state (vm, VMD_VM_ERROR);
  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (vmd_manager_lookup_vm (fixture->manager, row.id));
  g_assert_cmpint (g_rmdir (kept), ==, 0);
  g_assert_cmpint (g_rmdir (also_kept), ==, 0);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/checks/create-without-image", test_create_without_image);
  add_test_with ("/checks/delete-bad-id/up", "..", test_delete_bad_id);
  add_test_with ("/checks/delete-bad-id/here", ".", test_delete_bad_id);
  add_test_with ("/checks/delete-bad-id/neighbour", "kept", test_delete_bad_id);
  return handles_test_run ();
}
