/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-config-target.h"
#include "vmctl-json.h"
#include "vmctl-size.h"
#include "vmctl-table.h"
#include "vmctl-text.h"

#include <vmd-error.h>

#define DEFAULT_LIMIT 20
#define MAX_LIMIT 1000

static const VmctlOption history_options[] = {
  VMCTL_CONFIG_TARGET_OPTIONS,
  { "limit", 'n', VMCTL_OPTION_COUNT, "N", "At most N changes, 1000 at the most (default: 20)" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
print_json (GVariant *history)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *author, *group, *note, *values;
  GVariantIter iterator;
  guint64 version;
  gint64 time;

  json_builder_begin_array (builder);
  g_variant_iter_init (&iterator, history);
  while (g_variant_iter_next (&iterator, "(tx&s&s&s&s)", &version, &time, &author, &group, &note,
                              &values))
    {
      json_builder_begin_object (builder);
      vmctl_json_add_int (builder, "version", (gint64) version);
      vmctl_json_add_time (builder, "time", time);
      vmctl_json_add_string (builder, "author", author);
      vmctl_json_add_string (builder, "group", group);
      vmctl_json_add_string (builder, "note", note);
      vmctl_json_add_raw (builder, "values", values);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmctl_json_print (builder);
}

static void
print_table (GVariant *history)
{
  static const char *const titles[] = {
    "VERSION", "TIME", "AUTHOR", "GROUP", "NOTE", "VALUES", NULL
  };
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  const char *author, *group, *note, *values;
  GVariantIter iterator;
  guint64 version;
  gint64 time;

  g_variant_iter_init (&iterator, history);
  while (g_variant_iter_next (&iterator, "(tx&s&s&s&s)", &version, &time, &author, &group, &note,
                              &values))
    {
      g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, version);
      g_autofree char *when = vmctl_text_format_time (time);

      vmctl_table_add (table, number, when, author, group, note, values, NULL);
    }
  vmctl_table_print (table);
}

static int
run_history (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (VmctlConfigTarget) target = vmctl_config_target_find (client, arguments, error);
  g_autoptr (GVariant) history = NULL;
  guint limit = DEFAULT_LIMIT;

  vmctl_arguments_get_count (arguments, "limit", &limit);
  if (target != NULL)
    history = vmctl_config_target_load_history (target, limit, error);
  if (history == NULL)
    return -1;
  if (vmctl_client_is_json (client))
    print_json (history);
  else
    print_table (history);
  return 0;
}

static gboolean
check_history (const VmctlArguments *arguments, GError **error)
{
  guint limit = DEFAULT_LIMIT;

  vmctl_arguments_get_count (arguments, "limit", &limit);
  if (limit > MAX_LIMIT)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "--limit is %d at most",
                   MAX_LIMIT);
      return FALSE;
    }
  return vmctl_config_target_check (arguments, "DEVICE", 0, 0, error);
}

const VmctlCommand vmctl_command_config_history = {
  .name = "config history",
  .arguments = "[DEVICE]",
  .summary = "List the changes, the newest first: when, who, and what was set afterwards",
  .details = "A device's history has its own changes and those of its groups. VALUES are those of "
             "what was changed: the device's own, or the group's.",
  .options = history_options,
  .check = check_history,
  .run = run_history,
};

static const VmctlOption rollback_options[] = {
  VMCTL_CONFIG_TARGET_OPTIONS,
  VMCTL_CONFIG_CHANGE_OPTIONS,
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static int
run_rollback (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *word = vmctl_config_target_get_words (arguments)[0];
  g_autoptr (VmctlConfigTarget) target = vmctl_config_target_find (client, arguments, error);
  guint64 to, version;

  if (target == NULL || !vmctl_version_parse (word, "VERSION", &to, error) ||
      !vmctl_config_target_roll_back (target, to, arguments, &version, error))
    return -1;
  return vmctl_config_target_report (target, version);
}

static gboolean
check_rollback (const VmctlArguments *arguments, GError **error)
{
  guint64 version;

  return vmctl_config_target_check (arguments, "VERSION", 1, 1, error) &&
         vmctl_version_parse (vmctl_config_target_get_words (arguments)[0], "VERSION", &version,
                              error);
}

const VmctlCommand vmctl_command_config_rollback = {
  .name = "config rollback",
  .arguments = "[DEVICE] [VERSION]",
  .summary = "Set again what was set as of VERSION, as a new version",
  .options = rollback_options,
  .check = check_rollback,
  .run = run_rollback,
};
