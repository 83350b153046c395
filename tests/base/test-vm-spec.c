/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-spec.h"

static void
test_absent (void)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  gboolean set = TRUE;

  g_assert_null (vmd_vm_spec_get_name (spec));
  g_assert_null (vmd_vm_spec_get_image (spec));
  g_assert_null (vmd_vm_spec_get_kernel (spec));
  g_assert_null (vmd_vm_spec_get_network (spec));
  g_assert_cmpuint (vmd_vm_spec_get_vcpus (spec, &set), ==, 0);
  g_assert_false (set);
  set = TRUE;
  g_assert_cmpuint (vmd_vm_spec_get_memory (spec, &set), ==, 0);
  g_assert_false (set);
  set = TRUE;
  g_assert_cmpuint (vmd_vm_spec_get_disk_size (spec, &set), ==, 0);
  g_assert_false (set);
  g_assert_cmpuint (vmd_vm_spec_get_vcpus (spec, NULL), ==, 0);
}

/* LESSONS 41: absent is not zero. */
static void
test_lesson_41_zero_is_not_absent (void)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  gboolean set = FALSE;

  vmd_vm_spec_set_vcpus (spec, 0);
  vmd_vm_spec_set_memory (spec, 0);
  vmd_vm_spec_set_disk_size (spec, 0);
  g_assert_cmpuint (vmd_vm_spec_get_vcpus (spec, &set), ==, 0);
  g_assert_true (set);
  set = FALSE;
  g_assert_cmpuint (vmd_vm_spec_get_memory (spec, &set), ==, 0);
  g_assert_true (set);
  set = FALSE;
  g_assert_cmpuint (vmd_vm_spec_get_disk_size (spec, &set), ==, 0);
  g_assert_true (set);
}

static void
test_copy (void)
{
  VmdVmSpec *spec = vmd_vm_spec_new ();
  g_autoptr (VmdVmSpec) copy = NULL;
  gboolean set = FALSE;

  vmd_vm_spec_set_name (spec, "calm-otter-41");
  vmd_vm_spec_set_image (spec, "debian");
  vmd_vm_spec_set_kernel (spec, "6.1.0-56");
  vmd_vm_spec_set_network (spec, "none");
  vmd_vm_spec_set_vcpus (spec, 4);
  vmd_vm_spec_set_memory (spec, G_MAXUINT64);
  copy = vmd_vm_spec_copy (spec);
  vmd_vm_spec_set_name (spec, "another");
  vmd_vm_spec_free (spec);
  g_assert_cmpstr (vmd_vm_spec_get_name (copy), ==, "calm-otter-41");
  g_assert_cmpstr (vmd_vm_spec_get_image (copy), ==, "debian");
  g_assert_cmpstr (vmd_vm_spec_get_kernel (copy), ==, "6.1.0-56");
  g_assert_cmpstr (vmd_vm_spec_get_network (copy), ==, "none");
  g_assert_cmpuint (vmd_vm_spec_get_vcpus (copy, &set), ==, 4);
  g_assert_true (set);
  g_assert_cmpuint (vmd_vm_spec_get_memory (copy, NULL), ==, G_MAXUINT64);
  vmd_vm_spec_get_disk_size (copy, &set);
  g_assert_false (set);
  vmd_vm_spec_free (NULL);
}

static void
test_set_again (void)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();

  vmd_vm_spec_set_name (spec, "one");
  vmd_vm_spec_set_name (spec, vmd_vm_spec_get_name (spec));
  g_assert_cmpstr (vmd_vm_spec_get_name (spec), ==, "one");
  vmd_vm_spec_set_name (spec, NULL);
  g_assert_null (vmd_vm_spec_get_name (spec));
}

static void
test_boxed (void)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_auto (GValue) value = G_VALUE_INIT;

  vmd_vm_spec_set_name (spec, "one");
  g_value_init (&value, VMD_TYPE_VM_SPEC);
  g_value_set_boxed (&value, spec);
  g_assert_cmpstr (vmd_vm_spec_get_name (g_value_get_boxed (&value)), ==, "one");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vm-spec/absent", test_absent);
  g_test_add_func ("/vm-spec/lesson-41-zero-is-not-absent", test_lesson_41_zero_is_not_absent);
  g_test_add_func ("/vm-spec/copy", test_copy);
  g_test_add_func ("/vm-spec/set-again", test_set_again);
  g_test_add_func ("/vm-spec/boxed", test_boxed);
  return g_test_run ();
}
