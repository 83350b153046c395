/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "image-support.h"

#include "archive-maker.h"
#include "base/vmd-fault-private.h"
#include "base/vmd-state-dir-private.h"
#include "fake-apt.h"

#include <string.h>
#include <unistd.h>

static gboolean
has_files (VmdManager *manager, const char *version)
{
  g_autofree char *directory = vmd_manager_dup_kernel_dir (manager, version);
  g_autofree char *kernel = g_build_filename (directory, "vmlinuz", NULL);
  g_autofree char *modules = g_build_filename (directory, "modules.cpio", NULL);

  return g_file_test (kernel, G_FILE_TEST_IS_REGULAR) &&
         g_file_test (modules, G_FILE_TEST_IS_REGULAR);
}

static gboolean
delete_kernel (VmdKernel *kernel, GError **error)
{
  return vmd_kernel_delete (kernel, NULL, NULL, NULL, error);
}

static char *
dup_default (VmdManager *manager)
{
  g_autoptr (VmdKernel) kernel = vmd_manager_find_kernel (manager, NULL, NULL);

  return kernel != NULL ? g_strdup (vmd_kernel_get_version (kernel)) : g_strdup ("none");
}

static void
assert_default (VmdManager *manager, const char *version)
{
  g_autofree char *now = dup_default (manager);

  g_assert_cmpstr (now, ==, version);
}

static void
test_import (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdKernel) kernel = import_kernel (fixture->manager, "6.1.0-1");
  g_autoptr (VmdKernel) found = vmd_manager_find_kernel (fixture->manager, "6.1.0-1", NULL);

  g_assert_true (kernel == found);
  g_assert_cmpstr (vmd_kernel_get_source (kernel), ==, "test");
  g_assert_true (vmd_kernel_get_is_default (kernel));
  g_assert_cmpuint (vmd_kernel_get_size (kernel), >, 4096);
  g_assert_cmpint (vmd_kernel_get_created (kernel), >, 0);
  g_assert_true (has_files (fixture->manager, "6.1.0-1"));
  assert_tidy (fixture);
}

/* The first is the default, until it goes; then it is the one that came last. */
static void
test_default (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdKernel) first = import_kernel (fixture->manager, "6.1.0-1");
  g_autoptr (VmdKernel) second = import_kernel (fixture->manager, "6.9.0-2");
  g_autoptr (VmdKernel) third = import_kernel (fixture->manager, "5.0.0-3");
  g_autoptr (VmdKernel) again = NULL;
  g_autoptr (GError) error = NULL;

  assert_default (fixture->manager, "6.1.0-1");
  again = import_kernel (fixture->manager, "6.1.0-1");
  g_assert_true (vmd_kernel_get_is_default (again));
  delete_kernel (second, &error);
  g_assert_no_error (error);
  assert_default (fixture->manager, "6.1.0-1");
  delete_kernel (again, &error);
  g_assert_no_error (error);
  assert_default (fixture->manager, "5.0.0-3");
  delete_kernel (third, &error);
  g_assert_no_error (error);
  assert_default (fixture->manager, "none");
  g_assert_cmpuint (count_files (fixture, "kernels"), ==, 0);
  g_assert_false (delete_kernel (first, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
}

static void
test_in_use (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdKernel) kernel = import_kernel (fixture->manager, "6.1.0-1");
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdVm) vm = NULL;

  vmd_vm_spec_set_name (spec, "user");
  vmd_vm_spec_set_kernel (spec, "6.1.0-1");
  vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (delete_kernel (kernel, &error));
  assert_vmd_error (error, VMD_ERROR_IN_USE);
  g_assert_nonnull (strstr (error->message, "user"));
  g_assert_true (has_files (fixture->manager, "6.1.0-1"));
}

static void
test_bad (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) kernel = make_kernel ("6.1.0-1");
  g_autoptr (GByteArray) deb = make_kernel_deb_bytes ("7.0.0");
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_manager_import_kernel (fixture->manager, make_file ("rubbish", 7), -1, "test",
                                            NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_clear_error (&error);
  g_assert_null (vmd_manager_import_kernel (fixture->manager, make_file_of (kernel),
                                            make_file ("rubbish", 7), "test", NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_clear_error (&error);
  g_assert_null (vmd_manager_import_kernel (fixture->manager, make_file (deb->data, deb->len - 100),
                                            -1, "test", NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_assert_cmpuint (count_files (fixture, "kernels"), ==, 0);
  assert_tidy (fixture);
}

/* Of those who need the default kernel at once, in whatever process, one fetches it. */
static void
test_ensure (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) another = open_another (fixture);
  g_autoptr (VmdKernel) again = NULL;
  g_autoptr (GError) error = NULL;
  MakeCall calls[4];
  g_autofree char *log = NULL;

  fake_apt_reset ();
  fake_apt_publish_bytes ("linux-image-9_1_amd64.deb", make_kernel_deb_bytes ("9.0.0"));
  fake_apt_close_gate ();
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      calls[i] = (MakeCall){ .call = { .run = run_ensure_kernel },
                             .manager = i % 2 == 0 ? fixture->manager : another };
      call_begin (&calls[i].call);
    }
  fake_apt_open_gate ();
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      call_join (&calls[i].call);
      g_assert_no_error (calls[i].call.error);
      g_assert_cmpstr (vmd_kernel_get_version (VMD_KERNEL (calls[i].made)), ==, "9.0.0");
      make_call_clear (&calls[i]);
    }
  again = vmd_manager_ensure_kernel (fixture->manager, NULL, NULL, &error);
  g_assert_no_error (error);
  log = fake_apt_dup_log ();
  g_assert_cmpstr (log, ==, "download? linux-image-9;download linux-image-9;");
  vmd_manager_close (another);
  assert_tidy (fixture);
}

/* The one who fetches gives up, and another who waits does it. */
static void
test_ensure_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  MakeCall first = { .call = { .run = run_ensure_kernel, .cancellable = cancellable },
                     .manager = fixture->manager };
  MakeCall second = { .call = { .run = run_ensure_kernel }, .manager = fixture->manager };

  fake_apt_reset ();
  fake_apt_publish_bytes ("linux-image-9_1_amd64.deb", make_kernel_deb_bytes ("9.0.0"));
  fake_apt_close_gate ();
  call_begin (&first.call);
  fake_apt_wait_asked ();
  call_begin (&second.call);
  g_assert_false (call_ends_within (&second.call, 50));
  g_cancellable_cancel (cancellable);
  call_join (&first.call);
  assert_vmd_error (first.call.error, VMD_ERROR_CANCELLED);
  fake_apt_open_gate ();
  call_join (&second.call);
  g_assert_no_error (second.call.error);
  make_call_clear (&first);
  make_call_clear (&second);
  assert_default (fixture->manager, "9.0.0");
  assert_tidy (fixture);
}

static void
test_ensure_fails (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fake_apt_reset ();
  fake_apt_publish ("down", "");
  g_assert_null (vmd_manager_ensure_kernel (fixture->manager, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "linux-image-"));
  assert_tidy (fixture);
}

#ifdef VMD_FAULT_POINTS

/* Each point failed in turn, for a new version and for one that is there: what is listed is there,
 * whole, and of what is not there is nothing. */
static void
test_faults (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdKernel) kept = import_kernel (fixture->manager, "6.1.0-1");
  gboolean failed = TRUE;

  g_assert_nonnull (kept);
  for (guint n = 1; failed; n++)
    for (guint which = 0; which < 2; which++)
      {
        g_autofree char *fault = g_strdup_printf ("*:%u", n);
        g_autofree char *version =
            which == 0 ? g_strdup ("6.1.0-1") : g_strdup_printf ("7.0.0-%u", n);
        g_autoptr (VmdKernel) kernel = NULL;
        g_autoptr (VmdKernel) found = NULL;
        g_autoptr (GError) error = NULL;
        int fd = make_kernel_deb (version);

        vmd_fault_arm (fault);
        kernel = vmd_manager_import_kernel (fixture->manager, fd, -1, "again", NULL, NULL, &error);
        failed = error != NULL || vmd_fault_count () >= n;
        vmd_fault_arm (NULL);
        found = vmd_manager_find_kernel (fixture->manager, version, NULL);
        g_assert_true (kernel == NULL || kernel == found);
        g_assert_cmpint (has_files (fixture->manager, version), ==, found != NULL);
        g_assert_true (has_files (fixture->manager, "6.1.0-1"));
        assert_tidy (fixture);
      }
  assert_default (fixture->manager, "6.1.0-1");
}

#endif

int
main (int argc, char **argv)
{
  g_autofree char *directory = g_dir_make_tmp ("vmd-apt-XXXXXX", NULL);
  int status;

  fake_apt_install (directory);
  handles_test_init (&argc, &argv);
  add_test ("/kernels/import", test_import);
  add_test ("/kernels/default", test_default);
  add_test ("/kernels/in-use", test_in_use);
  add_test ("/kernels/bad", test_bad);
  add_test ("/kernels/ensure", test_ensure);
  add_test ("/kernels/ensure-cancelled", test_ensure_cancelled);
  add_test ("/kernels/ensure-fails", test_ensure_fails);
#ifdef VMD_FAULT_POINTS
  add_test ("/kernels/faults", test_faults);
#endif
  status = handles_test_run ();
  vmd_remove_tree (directory, NULL);
  return status;
}
