/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-import.h"
#include "vmctl-json.h"
#include "vmctl-listing.h"
#include "vmctl-resolve.h"
#include "vmctl-table.h"
#include "vmctl-text.h"

#include <string.h>

#define DEFAULT_GUEST_PATH "/workspace"

static const VmctlOption prepare_options[] = {
  { "path", 0, VMCTL_OPTION_TEXT, "DIRECTORY",
    "Where in the guest (default: " DEFAULT_GUEST_PATH ")" },
  { "replace", 0, VMCTL_OPTION_FLAG, NULL, "Put it in the place of the workspace that is there" },
  { "include-untracked", 0, VMCTL_OPTION_FLAG, NULL,
    "Take files along that git does not track; ignored ones stay" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static int
run_prepare (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *given = vmctl_arguments_get (arguments, 0);
  const char *path = vmctl_arguments_get (arguments, 1);
  const char *guest_path = vmctl_arguments_get_text (arguments, "path");
  g_autofree char *label = g_strconcat ("import into ", given, NULL);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmdSource) source = NULL;
  g_autofree char *vm = NULL;
  g_autofree char *workspace = NULL;

  source = vmctl_import_open_source (client, path != NULL ? path : ".",
                                     vmctl_arguments_has (arguments, "include-untracked"), error);
  if (source == NULL || !vmctl_client_connect (client, VMCTL_CONNECTION_START, error))
    return -1;
  guest_path = guest_path != NULL ? guest_path : DEFAULT_GUEST_PATH;
  vm = vmctl_resolve_vm (client, given, error);
  if (vm != NULL)
    workspace = vmctl_import_run (client, vm, label, source, guest_path,
                                  vmctl_arguments_has (arguments, "replace"), error);
  if (workspace == NULL)
    return -1;
  if (!vmctl_client_is_json (client))
    return 0;
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", given);
  vmctl_json_add_string (builder, "id", strrchr (vm, '/') + 1);
  vmctl_json_add_string (builder, "path", guest_path);
  vmctl_json_add_string (builder, "head", vmd_source_get_head (source));
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

const VmctlCommand vmctl_command_workspace_prepare = {
  .name = "workspace prepare",
  .arguments = "VM [PATH]",
  .summary = "Copy a git repository into a guest",
  .options = prepare_options,
  .offline = TRUE,
  .run = run_prepare,
};

static const char *
get_vm_id (VmdDbusWorkspace *workspace)
{
  const char *slash = strrchr (vmd_dbus_workspace_get_vm (workspace), '/');

  return slash != NULL ? slash + 1 : "";
}

/* What the VM with this id is called, or its id. */
static const char *
find_name (GPtrArray *vms, const char *id)
{
  for (guint i = 0; i < vms->len; i++)
    if (g_str_equal (vmd_dbus_vm_get_id (vms->pdata[i]), id))
      return vmd_dbus_vm_get_name (vms->pdata[i]);
  return id;
}

static void
add_json (JsonBuilder *builder, VmdDbusWorkspace *workspace, GPtrArray *vms)
{
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "vm", find_name (vms, get_vm_id (workspace)));
  vmctl_json_add_string (builder, "vm_id", get_vm_id (workspace));
  vmctl_json_add_string (builder, "path", vmd_dbus_workspace_get_path (workspace));
  vmctl_json_add_string (builder, "repository", vmd_dbus_workspace_get_repository (workspace));
  vmctl_json_add_string (builder, "head", vmd_dbus_workspace_get_head (workspace));
  vmctl_json_add_string (builder, "branch", vmd_dbus_workspace_get_branch (workspace));
  vmctl_json_add_string (builder, "mode", vmd_dbus_workspace_get_mode (workspace));
  vmctl_json_add_int (builder, "launch", (gint64) vmd_dbus_workspace_get_launch (workspace));
  vmctl_json_add_int (builder, "files", (gint64) vmd_dbus_workspace_get_files (workspace));
  vmctl_json_add_int (builder, "bytes", (gint64) vmd_dbus_workspace_get_bytes (workspace));
  vmctl_json_add_time (builder, "imported", vmd_dbus_workspace_get_imported (workspace));
  json_builder_end_object (builder);
}

static void
add_row (VmctlTable *table, VmdDbusWorkspace *workspace, GPtrArray *vms)
{
  g_autofree char *files =
      g_strdup_printf ("%" G_GUINT64_FORMAT, vmd_dbus_workspace_get_files (workspace));
  g_autofree char *size = vmctl_text_format_size (vmd_dbus_workspace_get_bytes (workspace));
  g_autofree char *head = g_strndup (vmd_dbus_workspace_get_head (workspace), 12);
  g_autofree char *imported = vmctl_text_format_time (vmd_dbus_workspace_get_imported (workspace));

  vmctl_table_add (table, find_name (vms, get_vm_id (workspace)),
                   vmd_dbus_workspace_get_path (workspace),
                   vmd_dbus_workspace_get_repository (workspace),
                   vmd_dbus_workspace_get_branch (workspace), head, files, size, imported, NULL);
}

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const char *const titles[] = { "VM",    "PATH", "REPOSITORY", "BRANCH", "HEAD",
                                        "FILES", "SIZE", "IMPORTED",   NULL };
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GPtrArray) workspaces = NULL;
  g_autoptr (GPtrArray) vms = vmctl_objects_list (client, &vmctl_object_kind_vm, error);

  if (vms != NULL)
    workspaces = vmctl_objects_list (client, &vmctl_object_kind_workspace, error);
  if (workspaces == NULL)
    return -1;
  json_builder_begin_array (builder);
  for (guint i = 0; i < workspaces->len; i++)
    {
      add_json (builder, workspaces->pdata[i], vms);
      add_row (table, workspaces->pdata[i], vms);
    }
  json_builder_end_array (builder);
  vmctl_listing_print (client, table, builder);
  return 0;
}

const VmctlCommand vmctl_command_workspace_list = {
  .name = "workspace list",
  .arguments = "",
  .summary = "List the repositories that are in guests",
  .run = run_list,
};
