/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-call.h"
#include "vmctl-command.h"
#include "vmctl-device.h"
#include "vmctl-host-file.h"
#include "vmctl-resolve.h"

#include <stdio.h>
#include <vmd-error.h>

#define MAX_SCHEMA (1024 * 1024)

/* @schema: "": none. */
static int
set (VmctlClient *client, const char *name, const char *schema, GError **error)
{
  g_autofree char *path = vmctl_resolve_device (client, name, error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmctlCall) call = NULL;
  g_autoptr (GVariant) reply = NULL;

  if (path == NULL)
    return -1;
  call = vmctl_call_new (client, path, vmd_dbus_device_interface_info (), "SetSchema");
  vmctl_call_add_argument (call, g_variant_new_string (schema));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  if (!vmctl_client_is_json (client))
    return 0;
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", name);
  vmctl_json_add_raw (builder, "schema", schema);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

static int
run_set (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autofree char *schema =
      vmctl_host_file_read_text (vmctl_arguments_get (arguments, 1), MAX_SCHEMA, error);

  if (schema == NULL)
    return -1;
  if (*schema != '\0')
    return set (client, vmctl_arguments_get (arguments, 0), schema, error);
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "The schema is empty: “vmctl device schema unset” takes one away");
  return -1;
}

const VmctlCommand vmctl_command_device_schema_set = {
  .name = "device schema set",
  .arguments = "DEVICE FILE",
  .summary = "Say which values a device may have, in JSON (-: standard input)",
  .details = "{\"fields\": {\"port\": {\"type\": \"integer\", \"minimum\": 1, \"default\": 80}, "
             "…}}; types are string, integer, number, boolean, enum and list. What is set already "
             "must fit.",
  .run = run_set,
};

static int
run_unset (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return set (client, vmctl_arguments_get (arguments, 0), "", error);
}

const VmctlCommand vmctl_command_device_schema_unset = {
  .name = "device schema unset",
  .arguments = "DEVICE",
  .summary = "Let a device have any values",
  .run = run_unset,
};

static int
run_show (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autofree char *path = vmctl_resolve_device (client, vmctl_arguments_get (arguments, 0), error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmdDbusDevice) device = NULL;
  const char *schema;

  if (path != NULL)
    device = vmctl_device_load (client, path, error);
  if (device == NULL)
    return -1;
  schema = vmd_dbus_device_get_schema (device);
  if (vmctl_client_is_json (client))
    {
      json_builder_begin_object (builder);
      vmctl_json_add_string (builder, "target", vmctl_arguments_get (arguments, 0));
      vmctl_json_add_raw (builder, "schema", schema);
      json_builder_end_object (builder);
      vmctl_json_print (builder);
    }
  else if (*schema != '\0')
    puts (schema);
  return 0;
}

const VmctlCommand vmctl_command_device_schema_show = {
  .name = "device schema show",
  .arguments = "DEVICE",
  .summary = "Print a device's schema, or nothing if it has none",
  .run = run_show,
};
