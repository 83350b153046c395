/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-host-file.h"
#include "vmctl-listing.h"
#include "vmctl-text.h"

#include <unistd.h>

static void
add_json (JsonBuilder *builder, gpointer proxy)
{
  VmdDbusKernel *kernel = proxy;

  vmctl_json_add_string (builder, "version", vmd_dbus_kernel_get_version (kernel));
  vmctl_json_add_boolean (builder, "is_default", vmd_dbus_kernel_get_is_default (kernel));
  vmctl_json_add_int (builder, "size", (gint64) vmd_dbus_kernel_get_size (kernel));
  vmctl_json_add_string (builder, "source", vmd_dbus_kernel_get_source (kernel));
  vmctl_json_add_time (builder, "created", vmd_dbus_kernel_get_created (kernel));
}

static void
add_row (VmctlTable *table, gpointer proxy, gboolean full)
{
  VmdDbusKernel *kernel = proxy;
  g_autofree char *size = vmctl_text_format_size (vmd_dbus_kernel_get_size (kernel));
  g_autofree char *created = vmctl_text_format_time (vmd_dbus_kernel_get_created (kernel));

  vmctl_table_add (table, vmd_dbus_kernel_get_version (kernel),
                   vmd_dbus_kernel_get_is_default (kernel) ? "yes" : "no", size,
                   vmd_dbus_kernel_get_source (kernel), created, NULL);
}

static const char *const titles[] = { "VERSION", "DEFAULT", "SIZE", "SOURCE", "CREATED", NULL };

static const VmctlListing listing = {
  .kind = &vmctl_object_kind_kernel,
  .titles = titles,
  .add_row = add_row,
  .add_json = add_json,
};

static const VmctlOption import_options[] = {
  { "modules", 0, VMCTL_OPTION_PATH, "DIR", "Its modules, where FILE is a bare kernel" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* Adds the descriptor of a file, as an argument or as option @option; takes @fd. */
static gboolean
add_file (VmctlCall *call, const char *option, int fd, GError **error)
{
  GVariant *handle = fd >= 0 ? vmctl_call_add_fd (call, fd, error) : NULL;

  if (fd >= 0)
    close (fd);
  if (handle == NULL)
    return FALSE;
  if (option != NULL)
    vmctl_call_add_option (call, option, handle);
  else
    vmctl_call_add_argument (call, handle);
  return TRUE;
}

static int
run_import (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *file = vmctl_arguments_get (arguments, 0);
  const char *modules = vmctl_arguments_get_text (arguments, "modules");
  g_autofree char *source = vmctl_host_file_dup_description (file);
  g_autofree char *path = NULL;
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "ImportKernel");
  g_autoptr (GVariant) reply = NULL;

  if (!add_file (call, NULL, vmctl_host_file_open (file, error), error))
    return -1;
  if (modules != NULL &&
      !add_file (call, "modules", vmctl_host_file_archive_directory (client, modules, error),
                 error))
    return -1;
  vmctl_call_add_option (call, "source", g_variant_new_string (source));
  vmctl_call_show_progress (call, "import kernel");
  reply = vmctl_call_run (call, error);
  if (reply != NULL)
    g_variant_get (reply, "(o)", &path);
  else
    vmctl_host_file_name_in_error (file, error);
  return vmctl_listing_report (client, &listing, path, error);
}

const VmctlCommand vmctl_command_kernel_import = {
  .name = "kernel import",
  .arguments = "FILE",
  .summary = "Take a kernel out of a Debian package, or a bare vmlinuz",
  .options = import_options,
  .run = run_import,
};

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return vmctl_listing_print_all (client, &listing, error);
}

const VmctlCommand vmctl_command_kernel_list = {
  .name = "kernel list",
  .arguments = "",
  .summary = "List the kernels",
  .run = run_list,
};

static int
run_show (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return vmctl_listing_print_one (client, &listing, vmctl_arguments_get (arguments, 0), error);
}

const VmctlCommand vmctl_command_kernel_show = {
  .name = "kernel show",
  .arguments = "VERSION",
  .summary = "Show all that is known of a kernel",
  .run = run_show,
};

static int
run_delete (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "delete kernel",
    .get_info = vmd_dbus_kernel_interface_info,
    .method = "Delete",
    .has_job = TRUE,
  };

  return vmctl_batch_run_on_objects (client, &batch, &vmctl_object_kind_kernel, arguments, error);
}

const VmctlCommand vmctl_command_kernel_delete = {
  .name = "kernel delete",
  .arguments = "VERSION…",
  .summary = "Delete kernels that no VM needs",
  .run = run_delete,
};
