/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-image.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-host-file.h"
#include "vmctl-listing.h"
#include "vmctl-text.h"

#include <unistd.h>

static void
add_json (JsonBuilder *builder, gpointer proxy)
{
  VmdDbusImage *image = proxy;

  vmctl_json_add_string (builder, "name", vmd_dbus_image_get_name (image));
  vmctl_json_add_string (builder, "digest", vmd_dbus_image_get_digest (image));
  vmctl_json_add_int (builder, "size", (gint64) vmd_dbus_image_get_size (image));
  vmctl_json_add_int (builder, "virtual_size", (gint64) vmd_dbus_image_get_virtual_size (image));
  vmctl_json_add_string (builder, "source", vmd_dbus_image_get_source (image));
  vmctl_json_add_time (builder, "created", vmd_dbus_image_get_created (image));
}

static void
add_row (VmctlTable *table, gpointer proxy, gboolean full)
{
  VmdDbusImage *image = proxy;
  g_autofree char *digest = g_strndup (vmd_dbus_image_get_digest (image), full ? 64 : 12);
  g_autofree char *size = vmctl_text_format_size (vmd_dbus_image_get_size (image));
  g_autofree char *disk = vmctl_text_format_size (vmd_dbus_image_get_virtual_size (image));
  g_autofree char *created = vmctl_text_format_time (vmd_dbus_image_get_created (image));

  vmctl_table_add (table, vmd_dbus_image_get_name (image), digest, size, disk,
                   vmd_dbus_image_get_source (image), created, NULL);
}

static const char *const titles[] = { "NAME", "DIGEST", "SIZE", "DISK", "SOURCE", "CREATED", NULL };

static const VmctlListing listing = {
  .kind = &vmctl_object_kind_image,
  .titles = titles,
  .add_row = add_row,
  .add_json = add_json,
};

/* Runs a call that makes an image; its path. */
static char *
run_maker (VmctlCall *call, GError **error)
{
  g_autoptr (GVariant) reply = vmctl_call_run (call, error);
  char *path = NULL;

  if (reply != NULL)
    g_variant_get (reply, "(o)", &path);
  return path;
}

/* (transfer full): the image's path */
char *
vmctl_image_build_tiny (VmctlClient *client, const char *name, GError **error)
{
  g_autofree char *label = g_strconcat ("build image ", name, NULL);
  g_autoptr (VmctlCall) call = vmctl_call_new (
      client, VMCTL_OBJECT_PATH "/Manager", vmd_dbus_manager_interface_info (), "BuildTinyImage");

  vmctl_call_add_argument (call, g_variant_new_string (name));
  vmctl_call_show_progress (call, label);
  return run_maker (call, error);
}

static int
run_build (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autofree char *path =
      vmctl_image_build_tiny (client, vmctl_arguments_get (arguments, 0), error);

  return vmctl_listing_report (client, &listing, path, error);
}

static const VmctlOption build_options[] = {
  { "tiny", 0, VMCTL_OPTION_FLAG, NULL, "Of busybox and dropbear: a few megabytes" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

const VmctlCommand vmctl_command_image_build = {
  .name = "image build",
  .arguments = "--tiny NAME",
  .summary = "Build an image from the host's packages",
  .options = build_options,
  .run = run_build,
};

static int
run_import (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *name = vmctl_arguments_get (arguments, 0);
  const char *tar = vmctl_arguments_get (arguments, 1);
  g_autofree char *label = g_strconcat ("import image ", name, NULL);
  g_autofree char *source = vmctl_host_file_dup_description (tar);
  g_autofree char *path = NULL;
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "ImportImage");
  GVariant *handle = NULL;
  int fd = vmctl_host_file_open (tar, error);

  if (fd < 0)
    return -1;
  handle = vmctl_call_add_fd (call, fd, error);
  close (fd);
  if (handle == NULL)
    return -1;
  vmctl_call_add_argument (call, g_variant_new_string (name));
  vmctl_call_add_argument (call, handle);
  vmctl_call_add_option (call, "source", g_variant_new_string (source));
  vmctl_call_show_progress (call, label);
  path = run_maker (call, error);
  if (path == NULL)
    vmctl_host_file_name_in_error (tar, error);
  return vmctl_listing_report (client, &listing, path, error);
}

const VmctlCommand vmctl_command_image_import = {
  .name = "image import",
  .arguments = "NAME TAR",
  .summary = "Make an image of a root file system in a tar archive (-: standard input)",
  .run = run_import,
};

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return vmctl_listing_print_all (client, &listing, error);
}

const VmctlCommand vmctl_command_image_list = {
  .name = "image list",
  .arguments = "",
  .summary = "List the images",
  .run = run_list,
};

static int
run_show (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return vmctl_listing_print_one (client, &listing, vmctl_arguments_get (arguments, 0), error);
}

const VmctlCommand vmctl_command_image_show = {
  .name = "image show",
  .arguments = "IMAGE",
  .summary = "Show all that is known of an image",
  .run = run_show,
};

static int
run_delete (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "delete image",
    .get_info = vmd_dbus_image_interface_info,
    .method = "Delete",
    .has_job = TRUE,
  };

  return vmctl_batch_run_on_objects (client, &batch, &vmctl_object_kind_image, arguments, error);
}

const VmctlCommand vmctl_command_image_delete = {
  .name = "image delete",
  .arguments = "IMAGE…",
  .summary = "Delete images that no VM needs",
  .run = run_delete,
};
