/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-device.h"
#include "vmctl-host-file.h"

#define MAX_SCHEMA (1024 * 1024)

static const VmctlOption add_options[] = {
  { "schema", 0, VMCTL_OPTION_PATH, "FILE", "Which values it may have (-: standard input)" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static int
report (VmctlClient *client, const char *path, GError **error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmdDbusDevice) device = NULL;

  if (!vmctl_client_is_json (client))
    return 0;
  device = vmctl_device_load (client, path, error);
  if (device == NULL)
    return -1;
  json_builder_begin_object (builder);
  vmctl_device_add_json (builder, device);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

static int
run_add (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *file = vmctl_arguments_get_text (arguments, "schema");
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "AddDevice");
  g_autofree char *schema = NULL;
  g_autoptr (GVariant) reply = NULL;
  const char *path;

  if (file != NULL)
    {
      schema = vmctl_host_file_read_text (file, MAX_SCHEMA, error);
      if (schema == NULL)
        return -1;
      vmctl_call_add_option (call, "schema", g_variant_new_string (schema));
    }
  vmctl_call_add_argument (call, g_variant_new_string (vmctl_arguments_get (arguments, 0)));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  g_variant_get (reply, "(&o)", &path);
  return report (client, path, error);
}

const VmctlCommand vmctl_command_device_add = {
  .name = "device add",
  .arguments = "ID",
  .summary = "Add a device that is no VM",
  .details = "It connects with a token: “vmctl device token new ID” makes one. VMs are devices "
             "from birth.",
  .options = add_options,
  .run = run_add,
};

static int
run_remove (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "remove device",
    .get_info = vmd_dbus_device_interface_info,
    .method = "Remove",
  };
  g_autoptr (GPtrArray) targets =
      vmctl_resolve_devices (client, vmctl_arguments_get_all (arguments));

  return vmctl_batch_run (client, &batch, targets, arguments);
}

const VmctlCommand vmctl_command_device_remove = {
  .name = "device remove",
  .arguments = "DEVICE…",
  .summary = "Remove devices with their values, history and tokens",
  .details = "A VM's goes with the VM: “vmctl delete” does that.",
  .run = run_remove,
};
