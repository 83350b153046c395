/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

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

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/checks/create-without-image", test_create_without_image);
  return handles_test_run ();
}
