/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-run-plan.h"

#include "vmctl-json.h"
#include "vmctl-text.h"

#include <stdio.h>

static char *
dup_file (GPtrArray *files, guint index)
{
  gsize length;
  const char *bytes = g_bytes_get_data (files->pdata[index], &length);

  return vmctl_text_make_printable (bytes, length);
}

static void
add_strv (JsonBuilder *builder, const char *name, const char *const *strv)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (; strv != NULL && *strv != NULL; strv++)
    json_builder_add_string_value (builder, *strv);
  json_builder_end_array (builder);
}

static void
add_source (JsonBuilder *builder, VmdSource *source)
{
  g_autofree char *top = g_filename_display_name (vmd_source_get_top (source));
  g_autoptr (GPtrArray) files = vmd_source_list_files (source);

  vmctl_json_add_string (builder, "repository", top);
  vmctl_json_add_string (builder, "head", vmd_source_get_head (source));
  vmctl_json_add_string (builder, "branch", vmd_source_get_branch (source));
  vmctl_json_add_int (builder, "bytes", (gint64) vmd_source_get_bytes (source));
  json_builder_set_member_name (builder, "files");
  json_builder_begin_array (builder);
  for (guint i = 0; i < files->len; i++)
    {
      g_autofree char *file = dup_file (files, i);

      json_builder_add_string_value (builder, file);
    }
  json_builder_end_array (builder);
}

static void
print_json (const VmctlArguments *arguments, VmdSource *source, const char *image,
            const char *guest_path)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_boolean (builder, "dry_run", TRUE);
  vmctl_json_add_string (builder, "image", image);
  vmctl_json_add_string (builder, "name", vmctl_arguments_get_text (arguments, "name"));
  vmctl_json_add_string (builder, "guest_path", guest_path);
  add_strv (builder, "command", vmctl_arguments_get_command (arguments));
  vmctl_json_add_boolean (builder, "rm", vmctl_arguments_has (arguments, "rm"));
  add_source (builder, source);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static void
print_files (VmdSource *source, const char *guest_path)
{
  g_autofree char *top = vmctl_text_make_printable (vmd_source_get_top (source), -1);
  g_autofree char *bytes = vmctl_text_format_size (vmd_source_get_bytes (source));
  g_autoptr (GPtrArray) files = vmd_source_list_files (source);
  const char *name = vmd_source_get_branch (source);
  const char *head = vmd_source_get_head (source);
  g_autofree char *branch = vmctl_text_make_printable (name != NULL ? name : "no branch", -1);

  printf ("Would copy %u files (%s) of %s", files->len, bytes, top);
  printf (" (%s %.*s) to %s:\n", branch, *head != '\0' ? 12 : -1,
          *head != '\0' ? head : "without a commit", guest_path);
  for (guint i = 0; i < files->len; i++)
    {
      g_autofree char *file = dup_file (files, i);

      printf ("  %s\n", file);
    }
}

static void
print_command (const VmctlArguments *arguments)
{
  const char *const *command = vmctl_arguments_get_command (arguments);

  if (vmctl_arguments_has (arguments, "detach"))
    return;
  printf ("Would run:");
  if (command == NULL)
    printf (" the login shell");
  for (; command != NULL && *command != NULL; command++)
    {
      g_autofree char *quoted = g_shell_quote (*command);
      g_autofree char *shown = vmctl_text_make_printable (quoted, -1);

      printf (" %s", shown);
    }
  printf ("\n");
}

void
vmctl_run_plan_print (VmctlClient *client, const VmctlArguments *arguments, VmdSource *source,
                      const char *default_image, const char *guest_path)
{
  const char *image = vmctl_arguments_get_text (arguments, "image");
  const char *name = vmctl_arguments_get_text (arguments, "name");

  if (vmctl_client_is_json (client))
    {
      print_json (arguments, source, image != NULL ? image : default_image, guest_path);
      return;
    }
  printf ("Would create a VM%s%s from image %s%s\n", name != NULL ? " " : "",
          name != NULL ? name : "", image != NULL ? image : default_image,
          image == NULL ? " (built first where it is missing)" : "");
  print_files (source, guest_path);
  print_command (arguments);
  printf ("Would %s\n",
          vmctl_arguments_has (arguments, "rm") ? "delete the VM" : "leave the VM running");
}
