/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>
#include <string.h>

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

/* Neither by the verb nor by the step. */
static void
assert_not_configured (VmdVm *vm)
{
  g_autoptr (VmdLock) lock = vmd_vm_lock (vm, "test", "a test", NULL, NULL);
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_vcpus (spec, 2);
  g_assert_false (vmd_vm_set (vm, spec, lock, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
  g_clear_error (&error);
  g_assert_false (vmd_vm_configure (vm, lock, spec, &error));
  assert_vmd_error (error, VMD_ERROR_WRONG_STATE);
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
  assert_not_configured (vm);
  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (vmd_manager_lookup_vm (fixture->manager, row.id));
  g_assert_cmpint (g_rmdir (kept), ==, 0);
  g_assert_cmpint (g_rmdir (also_kept), ==, 0);
}

typedef struct
{
  const char *vm;
  const char *directory;
} Stray;

static gboolean
record_stray (sqlite3 *db, gpointer data, GError **error)
{
  const Stray *stray = data;

  return vmd_resource_record (db, stray->vm, 1, "directory", stray->directory, error);
}

static gboolean
forget_stray (sqlite3 *db, gpointer data, GError **error)
{
  const Stray *stray = data;

  return vmd_resource_forget (db, stray->vm, 1, "directory", stray->directory, error);
}

/* Nor does a record of a launch: the VM stops, and what could not be cleared away is named. */
static void
test_stray_directory (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = vmd_manager_get_store (fixture->manager);
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *kept = g_build_filename (fixture->directory, "kept", NULL);
  Stray stray = { vmd_vm_get_id (vm), kept };
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (kept, 0700), ==, 0);
  vmd_store_transact (store, record_stray, &stray, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_stop (vm, 1000, NULL, NULL, NULL, &error);
  assert_vmd_error (error, VMD_ERROR_STORE);
  g_assert_nonnull (strstr (error->message, kept));
  g_clear_error (&error);
  assert_state (vm, VMD_VM_STOPPED);
  g_assert_true (g_file_test (kept, G_FILE_TEST_IS_DIR));
  vmd_store_transact (store, forget_stray, &stray, NULL, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/checks/create-without-image", test_create_without_image);
  add_test_with ("/checks/delete-bad-id/up", "..", test_delete_bad_id);
  add_test_with ("/checks/delete-bad-id/here", ".", test_delete_bad_id);
  add_test_with ("/checks/delete-bad-id/neighbour", "kept", test_delete_bad_id);
  add_test ("/checks/stray-directory", test_stray_directory);
  return handles_test_run ();
}
