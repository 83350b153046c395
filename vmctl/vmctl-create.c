/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-call.h"
#include "vmctl-command.h"
#include "vmctl-create.h"
#include "vmctl-spec.h"
#include "vmctl-vm.h"

#include <stdio.h>

static const VmctlOption options[] = {
  { "image", 0, VMCTL_OPTION_TEXT, "IMAGE", "The image its disk begins as (default: tiny)" },
  { "kernel", 0, VMCTL_OPTION_TEXT, "VERSION", "The kernel it boots (default: the default one)" },
  VMCTL_SPEC_OPTIONS,
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* Creates a VM; its path. @name: (nullable) (transfer full) */
char *
vmctl_create_vm (VmctlClient *client, const VmctlArguments *arguments, const char *name,
                 GError **error)
{
  g_autofree char *label = g_strdup_printf ("create %s", name != NULL ? name : "VM");
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "CreateVm");
  g_autoptr (GVariant) reply = NULL;
  char *path = NULL;

  vmctl_call_add_argument (call, vmctl_spec_from_arguments (arguments, name));
  vmctl_call_show_progress (call, label);
  reply = vmctl_call_run (call, error);
  if (reply != NULL)
    g_variant_get (reply, "(o)", &path);
  return path;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autofree char *path =
      vmctl_create_vm (client, arguments, vmctl_arguments_get (arguments, 0), error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmdDbusVm) vm = NULL;

  if (path != NULL)
    vm = vmctl_vm_load (client, path, error);
  if (vm == NULL)
    return -1;
  if (!vmctl_client_is_json (client))
    {
      printf ("%s\n", vmd_dbus_vm_get_name (vm));
      return 0;
    }
  json_builder_begin_object (builder);
  vmctl_vm_add_json (builder, vm);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

const VmctlCommand vmctl_command_create = {
  .name = "create",
  .arguments = "[NAME]",
  .summary = "Create a VM without starting it, and print its name",
  .options = options,
  .run = run,
};
