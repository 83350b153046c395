/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-config-target.h"
#include "vmctl-config-value.h"
#include "vmctl-json.h"
#include "vmctl-text.h"

#include <stdio.h>
#include <unistd.h>
#include <vmd-error.h>

static const VmctlOption options[] = {
  VMCTL_CONFIG_TARGET_OPTIONS,
  { "own", 0, VMCTL_OPTION_FLAG, NULL, "Only what is set on the device itself" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* A string may hold what steers a terminal; a script gets it as it is. */
static void
print_value (const char *value)
{
  g_autofree char *text = vmctl_config_value_format (value);
  g_autofree char *shown = vmctl_text_make_printable (text, -1);

  puts (isatty (STDOUT_FILENO) ? shown : text);
}

/* Each value on a line, or with --json an object of them. */
static gboolean
print_some (GHashTable *values, const char *const *keys, JsonBuilder *builder, const char *name,
            GError **error)
{
  for (const char *const *key = keys; *key != NULL; key++)
    if (!g_hash_table_contains (values, *key))
      {
        g_set_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND, "%s has no value “%s”", name, *key);
        return FALSE;
      }
  for (; *keys != NULL; keys++)
    if (builder != NULL)
      vmctl_json_add_raw (builder, *keys, g_hash_table_lookup (values, *keys));
    else
      print_value (g_hash_table_lookup (values, *keys));
  return TRUE;
}

/* (transfer full): key → JSON */
static GHashTable *
split_values (const char *json)
{
  GHashTable *values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  char *key, *value;

  while (vmctl_config_value_next (&json, &key, &value))
    g_hash_table_insert (values, key, value);
  return values;
}

static void
print_all (const char *json)
{
  char *key, *value;

  while (vmctl_config_value_next (&json, &key, &value))
    {
      printf ("%s=%s\n", key, value);
      g_free (key);
      g_free (value);
    }
}

static gboolean
print_json (VmctlConfigTarget *target, const char *values, const char *const *keys, GError **error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GHashTable) split = split_values (values);
  const char *name = vmctl_config_target_get_name (target);
  gboolean is_group = vmctl_config_target_is_group (target);

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, is_group ? "group" : "target", name);
  vmctl_json_add_int (builder, "version",
                      (gint64) vmctl_config_target_get_uint64 (target, "Version"));
  if (*keys == NULL)
    vmctl_json_add_raw (builder, "values", values);
  else
    {
      json_builder_set_member_name (builder, "values");
      json_builder_begin_object (builder);
      if (!print_some (split, keys, builder, name, error))
        return FALSE;
      json_builder_end_object (builder);
    }
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return TRUE;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *const *keys = vmctl_config_target_get_words (arguments);
  g_autoptr (VmctlConfigTarget) target = vmctl_config_target_find (client, arguments, error);
  g_autoptr (GHashTable) split = NULL;
  const char *values;

  if (target == NULL || !vmctl_config_target_load (target, error))
    return -1;
  values = vmctl_arguments_has (arguments, "own")
               ? vmctl_config_target_get_own_values (target)
               : vmctl_config_target_get_string (target, "Values");
  if (vmctl_client_is_json (client))
    return print_json (target, values, keys, error) ? 0 : -1;
  if (*keys == NULL)
    {
      print_all (values);
      return 0;
    }
  split = split_values (values);
  return print_some (split, keys, NULL, vmctl_config_target_get_name (target), error) ? 0 : -1;
}

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  return vmctl_config_target_check (arguments, "KEY", 0, G_MAXUINT, error);
}

const VmctlCommand vmctl_command_config_get = {
  .name = "config get",
  .arguments = "[DEVICE] [KEY…]",
  .summary = "Print what a device gets, or the values of KEYs alone",
  .details = "Without KEY, each value is a line KEY=JSON. The value of a KEY that is a string is "
             "printed as it is. What a device gets is the defaults of its schema, over them the "
             "values of its groups, and over those its own.",
  .options = options,
  .check = check,
  .run = run,
};
