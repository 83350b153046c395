/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-json.h"
#include "vmctl-listing.h"
#include "vmctl-table.h"

static int
run_add (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *name = vmctl_arguments_get (arguments, 0);
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "AddGroup");
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariant) reply = NULL;

  vmctl_call_add_argument (call, g_variant_new_string (name));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  if (!vmctl_client_is_json (client))
    return 0;
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "name", name);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

const VmctlCommand vmctl_command_device_group_add = {
  .name = "device group add",
  .arguments = "GROUP",
  .summary = "Add a group, to set values on all its members at once",
  .run = run_add,
};

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const char *const titles[] = { "NAME", "MEMBERS", "VERSION", NULL };
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "ListGroups");
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariantIter) iterator = NULL;
  g_autoptr (GVariant) reply = vmctl_call_run (call, error);
  const char *name;
  guint64 version;
  guint members;

  if (reply == NULL)
    return -1;
  json_builder_begin_array (builder);
  g_variant_get (reply, "(a(ostu))", &iterator);
  while (g_variant_iter_next (iterator, "(&o&stu)", NULL, &name, &version, &members))
    {
      g_autofree char *count = g_strdup_printf ("%u", members);
      g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, version);

      vmctl_table_add (table, name, count, number, NULL);
      json_builder_begin_object (builder);
      vmctl_json_add_string (builder, "name", name);
      vmctl_json_add_int (builder, "members", members);
      vmctl_json_add_int (builder, "version", (gint64) version);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmctl_listing_print (client, table, builder);
  return 0;
}

const VmctlCommand vmctl_command_device_group_list = {
  .name = "device group list",
  .arguments = "",
  .summary = "List the groups; “vmctl device list --group GROUP” lists the members of one",
  .run = run_list,
};

static int
run_remove (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "remove group",
    .get_info = vmd_dbus_device_group_interface_info,
    .method = "Remove",
  };
  g_autoptr (GPtrArray) targets =
      vmctl_resolve_groups (client, vmctl_arguments_get_all (arguments));

  return vmctl_batch_run (client, &batch, targets, arguments);
}

const VmctlCommand vmctl_command_device_group_remove = {
  .name = "device group remove",
  .arguments = "GROUP…",
  .summary = "Remove groups with their values; their members stay",
  .run = run_remove,
};

static int
change_members (VmctlClient *client, const char *verb, const char *method,
                const VmctlArguments *arguments, GError **error)
{
  g_autofree char *group = vmctl_resolve_group (client, vmctl_arguments_get (arguments, 0), error);
  g_autoptr (GPtrArray) targets = NULL;
  const VmctlBatch batch = {
    .verb = verb,
    .get_info = vmd_dbus_device_group_interface_info,
    .method = method,
    .path = group,
  };

  if (group == NULL)
    return -1;
  targets = vmctl_resolve_devices (client, vmctl_arguments_get_all (arguments) + 1);
  return vmctl_batch_run (client, &batch, targets, arguments);
}

static int
run_join (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return change_members (client, "join group", "AddMember", arguments, error);
}

const VmctlCommand vmctl_command_device_group_join = {
  .name = "device group join",
  .arguments = "GROUP DEVICE…",
  .summary = "Make devices members of a group: each gets its values in a new version",
  .run = run_join,
};

static int
run_leave (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return change_members (client, "leave group", "RemoveMember", arguments, error);
}

const VmctlCommand vmctl_command_device_group_leave = {
  .name = "device group leave",
  .arguments = "GROUP DEVICE…",
  .summary = "Take devices out of a group, and its values from them",
  .run = run_leave,
};
