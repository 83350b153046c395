/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmd.h>

/* A program that links libvmd and knows nothing else of vmd: program STATE-DIR. It takes a VM from
 * its beginning to its end and says so. */

static int
give_up (const char *doing, GError *error)
{
  g_printerr ("%s: %s\n", doing, error->message);
  g_error_free (error);
  return 1;
}

static int
use_vm (VmdManager *manager)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (VmdLock) lock = NULL;
  g_autofree char *name = NULL;
  GError *error = NULL;

  vmd_vm_spec_set_name (spec, "first");
  vm = vmd_manager_create_vm (manager, spec, NULL, NULL, &error);
  if (vm == NULL)
    return give_up ("create", error);
  if (!vmd_vm_start (vm, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error))
    return give_up ("start", error);
  name = vmd_vm_dup_name (vm);
  g_print ("%s: %s\n", name, vmd_vm_get_state (vm) == VMD_VM_RUNNING ? "running" : "not running");
  lock = vmd_vm_lock (vm, "program", "the end", NULL, &error);
  if (lock == NULL)
    return give_up ("lock", error);
  if (!vmd_vm_stop (vm, 1000, lock, NULL, NULL, &error))
    return give_up ("stop", error);
  if (!vmd_vm_delete (vm, FALSE, lock, NULL, NULL, &error))
    return give_up ("delete", error);
  return 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (VmdManager) manager = NULL;
  g_autoptr (GListModel) left = NULL;
  GError *error = NULL;
  int status;

  if (argc != 2)
    {
      g_printerr ("usage: program STATE-DIR\n");
      return 2;
    }
  manager = vmd_manager_open (argv[1], "fake", NULL, &error);
  if (manager == NULL)
    return give_up ("open", error);
  status = use_vm (manager);
  left = vmd_manager_list_vms (manager);
  g_print ("left: %u\n", g_list_model_get_n_items (left));
  vmd_manager_close (manager);
  return status;
}
