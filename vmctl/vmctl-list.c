/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-objects.h"
#include "vmctl-table.h"
#include "vmctl-text.h"
#include "vmctl-vm.h"

#include <stdio.h>

static const VmctlOption options[] = {
  { "quiet", 'q', VMCTL_OPTION_FLAG, NULL, "Print names only" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
print_json (GPtrArray *vms)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (guint i = 0; i < vms->len; i++)
    {
      json_builder_begin_object (builder);
      vmctl_vm_add_json (builder, vms->pdata[i]);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmctl_json_print (builder);
}

static void
print_table (GPtrArray *vms)
{
  static const char *const titles[] = { "NAME",   "STATE", "READINESS", "IMAGE", "VCPUS",
                                        "MEMORY", "DISK",  "CREATED",   NULL };
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);

  for (guint i = 0; i < vms->len; i++)
    {
      VmdDbusVm *vm = vms->pdata[i];
      g_autofree char *state = vmctl_vm_dup_state (vm);
      g_autofree char *vcpus = g_strdup_printf ("%u", vmd_dbus_vm_get_vcpus (vm));
      g_autofree char *memory = vmctl_text_format_size (vmd_dbus_vm_get_memory (vm));
      g_autofree char *disk = vmctl_text_format_size (vmd_dbus_vm_get_disk_size (vm));
      g_autofree char *created = vmctl_text_format_time (vmd_dbus_vm_get_created (vm));

      vmctl_table_add (table, vmd_dbus_vm_get_name (vm), state, vmd_dbus_vm_get_readiness (vm),
                       vmd_dbus_vm_get_image (vm), vcpus, memory, disk, created, NULL);
    }
  vmctl_table_print (table);
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (GPtrArray) vms = vmctl_objects_list (client, &vmctl_object_kind_vm, error);

  if (vms == NULL)
    return -1;
  if (vmctl_client_is_json (client))
    print_json (vms);
  else if (!vmctl_arguments_has (arguments, "quiet"))
    print_table (vms);
  else
    for (guint i = 0; i < vms->len; i++)
      printf ("%s\n", vmd_dbus_vm_get_name (vms->pdata[i]));
  return 0;
}

const VmctlCommand vmctl_command_list = {
  .name = "list",
  .alias = "status",
  .arguments = "",
  .summary = "List the VMs",
  .options = options,
  .run = run,
};
