/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-name-private.h"

#define MIB (G_GUINT64_CONSTANT (1) << 20)
#define GIB (G_GUINT64_CONSTANT (1) << 30)
#define SIXTY_THREE "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

static guint
count_vms (VmdManager *manager)
{
  g_autoptr (GListModel) vms = vmd_manager_list_vms (manager);

  return g_list_model_get_n_items (vms);
}

static const struct
{
  const char *name;
  gboolean is_good;
} names[] = {
  { "a", TRUE },         { "0", TRUE },   { "a-b", TRUE },    { "a--b", TRUE },
  { SIXTY_THREE, TRUE }, { "", FALSE },   { "-a", FALSE },    { "a-", FALSE },
  { "-", FALSE },        { "A", FALSE },  { "a_b", FALSE },   { "a.b", FALSE },
  { "a b", FALSE },      { " a", FALSE }, { "a\n", FALSE },   { "a/b", FALSE },
  { "..", FALSE },       { "ä", FALSE },  { "a\xff", FALSE }, { SIXTY_THREE "4", FALSE },
};

static void
test_names (Fixture *fixture, gconstpointer data)
{
  guint n_good = 0;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
      g_autoptr (VmdVm) vm = NULL;
      g_autoptr (GError) error = NULL;

      vmd_vm_spec_set_name (spec, names[i].name);
      vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
      g_assert_cmpint (vm != NULL, ==, names[i].is_good);
      if (!names[i].is_good)
        assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
      n_good += names[i].is_good;
      g_assert_cmpuint (count_vms (fixture->manager), ==, n_good);
    }
}

static const struct
{
  const char *what;
  guint64 value;
  guint64 kept; /* 0: refused */
} sizes[] = {
  { "memory", 0, 0 },
  { "memory", 64 * MIB - 1, 0 },
  { "memory", 64 * MIB, 64 * MIB },
  { "memory", 64 * MIB + 1, 65 * MIB },
  { "memory", 1024 * GIB, 1024 * GIB },
  { "memory", 1024 * GIB + 1, 0 },
  { "memory", G_MAXUINT64, 0 },
  { "vcpus", 0, 0 },
  { "vcpus", 1, 1 },
  { "vcpus", 64, 64 },
  { "vcpus", 65, 0 },
  { "vcpus", G_MAXUINT, 0 },
  { "disk", 0, 0 },
  { "disk", 1, MIB },
  { "disk", 5 * GIB, 5 * GIB },
  { "disk", 16 * 1024 * GIB, 16 * 1024 * GIB },
  { "disk", 16 * 1024 * GIB + 1, 0 },
  { "disk", G_MAXUINT64, 0 },
};

static guint64
get_size (VmdVm *vm, const char *what)
{
  if (g_str_equal (what, "memory"))
    return vmd_vm_get_memory (vm);
  if (g_str_equal (what, "vcpus"))
    return vmd_vm_get_vcpus (vm);
  return vmd_vm_get_disk_size (vm);
}

static void
test_sizes (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
      g_autoptr (VmdVm) vm = NULL;
      g_autoptr (GError) error = NULL;

      if (g_str_equal (sizes[i].what, "memory"))
        vmd_vm_spec_set_memory (spec, sizes[i].value);
      else if (g_str_equal (sizes[i].what, "vcpus"))
        vmd_vm_spec_set_vcpus (spec, (guint) sizes[i].value);
      else
        vmd_vm_spec_set_disk_size (spec, sizes[i].value);
      vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
      g_assert_cmpint (vm != NULL, ==, sizes[i].kept != 0);
      if (vm != NULL)
        g_assert_cmpuint (get_size (vm, sizes[i].what), ==, sizes[i].kept);
      else
        assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
    }
}

/* Absent is not zero. */
static void
test_defaults (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  g_autofree char *network = NULL;

  vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vmd_id_is_valid (vmd_vm_get_id (vm)));
  name = vmd_vm_dup_name (vm);
  g_assert_true (vmd_name_validate (name, "VM", NULL));
  network = vmd_vm_dup_network (vm);
  g_assert_cmpstr (network, ==, "user");
  g_assert_cmpuint (vmd_vm_get_vcpus (vm), ==, 1);
  g_assert_cmpuint (vmd_vm_get_memory (vm), ==, 512 * MIB);
  g_assert_cmpuint (vmd_vm_get_disk_size (vm), ==, 4 * GIB);
}

static void
assert_refused (Fixture *fixture, VmdVmSpec *spec, VmdError code)
{
  guint before = count_vms (fixture->manager);
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (GError) error = NULL;

  vm = vmd_manager_create_vm (fixture->manager, spec, NULL, NULL, &error);
  g_assert_null (vm);
  assert_vmd_error (error, code);
  g_assert_cmpuint (count_vms (fixture->manager), ==, before);
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "taken");
  g_autoptr (VmdVmSpec) taken = vmd_vm_spec_new ();
  g_autoptr (VmdVmSpec) image = vmd_vm_spec_new ();
  g_autoptr (VmdVmSpec) kernel = vmd_vm_spec_new ();
  g_autoptr (VmdVmSpec) network = vmd_vm_spec_new ();

  assert_state (vm, VMD_VM_CREATED);
  vmd_vm_spec_set_name (taken, "taken");
  assert_refused (fixture, taken, VMD_ERROR_EXISTS);
  vmd_vm_spec_set_image (image, "no-such-image");
  assert_refused (fixture, image, VMD_ERROR_NOT_FOUND);
  vmd_vm_spec_set_image (image, "No Image");
  assert_refused (fixture, image, VMD_ERROR_INVALID_ARGUMENT);
  vmd_vm_spec_set_kernel (kernel, "0.0.0");
  assert_refused (fixture, kernel, VMD_ERROR_NOT_FOUND);
  vmd_vm_spec_set_network (network, "bridge");
  assert_refused (fixture, network, VMD_ERROR_INVALID_ARGUMENT);
}

typedef struct
{
  VmdManager *manager;
  gboolean created;
} Racer;

static gpointer
race (gpointer data)
{
  Racer *racer = data;
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (GError) error = NULL;

  vmd_vm_spec_set_name (spec, "wanted");
  vm = vmd_manager_create_vm (racer->manager, spec, NULL, NULL, &error);
  racer->created = vm != NULL;
  if (vm == NULL)
    assert_vmd_error (error, VMD_ERROR_EXISTS);
  return NULL;
}

/* Eight at once, in two managers, want one name: one gets it. */
static void
test_race (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) other = open_another (fixture);
  Racer racers[8];
  GThread *threads[8];
  guint n_created = 0;

  for (guint i = 0; i < G_N_ELEMENTS (racers); i++)
    {
      racers[i].manager = i % 2 == 0 ? fixture->manager : other;
      threads[i] = g_thread_new ("racer", race, &racers[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (racers); i++)
    {
      g_thread_join (threads[i]);
      n_created += racers[i].created;
    }
  g_assert_cmpuint (n_created, ==, 1);
  vmd_manager_close (other);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  vm = vmd_manager_create_vm (fixture->manager, spec, NULL, cancellable, &error);
  g_assert_null (vm);
  assert_vmd_error (error, VMD_ERROR_CANCELLED);
  g_assert_cmpuint (count_vms (fixture->manager), ==, 0);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/create/names", test_names);
  add_test ("/create/sizes", test_sizes);
  add_test ("/create/defaults", test_defaults);
  add_test ("/create/refused", test_refused);
  add_test ("/create/race", test_race);
  add_test ("/create/cancelled", test_cancelled);
  return handles_test_run ();
}
