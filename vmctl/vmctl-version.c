/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-json.h"

#include <stdio.h>
#include <vmd-error.h>

static void
print_json (VmdDbusManager *manager)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "version", VMD_VERSION);
  json_builder_set_member_name (builder, "daemon");
  if (manager == NULL)
    json_builder_add_null_value (builder);
  else
    {
      json_builder_begin_object (builder);
      vmctl_json_add_string (builder, "version", vmd_dbus_manager_get_version (manager));
      vmctl_json_add_string (builder, "state_directory",
                             vmd_dbus_manager_get_state_directory (manager));
      vmctl_json_add_string (builder, "channel_address",
                             vmd_dbus_manager_get_channel_address (manager));
      vmctl_json_add_string (builder, "backend", vmd_dbus_manager_get_backend (manager));
      json_builder_end_object (builder);
    }
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static void
print_daemon (VmdDbusManager *manager)
{
  const char *address = vmd_dbus_manager_get_channel_address (manager);

  printf ("vmd %s, backend %s, on %s\n", vmd_dbus_manager_get_version (manager),
          vmd_dbus_manager_get_backend (manager), vmd_dbus_manager_get_state_directory (manager));
  if (address != NULL && *address != '\0')
    printf ("devices connect at %s\n", address);
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  VmdDbusManager *manager = NULL;
  g_autoptr (GError) local = NULL;

  if (vmctl_client_connect (client, VMCTL_CONNECTION_FIND, &local))
    manager = vmctl_connection_get_manager (vmctl_client_get_connection (client));
  if (vmctl_client_is_json (client))
    {
      print_json (manager);
      return 0;
    }
  printf ("vmctl %s\n", VMD_VERSION);
  if (manager != NULL)
    print_daemon (manager);
  return 0;
}

const VmctlCommand vmctl_command_version = {
  .name = "version",
  .arguments = "",
  .summary = "Print the version of vmctl, and of vmd where it runs",
  .offline = TRUE,
  .run = run,
};
