/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-help.h"

#include "vmctl-json.h"
#include "vmctl-text.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

#define COLUMNS 80
#define COMMAND_WIDTH 24
#define OPTION_WIDTH 26

/* Appends @text, wrapped; lines after the first are indented by @indent. */
static void
append_wrapped (GString *help, const char *text, guint indent)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gsize column = indent;

  for (char **word = words; *word != NULL; word++)
    {
      gsize width = vmctl_text_get_width (*word);

      if (column > indent && column + 1 + width > COLUMNS)
        {
          g_string_append_printf (help, "\n%*s", (int) indent, "");
          column = indent;
        }
      else if (column > indent)
        {
          g_string_append_c (help, ' ');
          column++;
        }
      g_string_append (help, *word);
      column += width;
    }
  g_string_append_c (help, '\n');
}

/* "  NAME      text". */
static void
append_entry (GString *help, const char *name, guint width, const char *text)
{
  gsize used = vmctl_text_get_width (name) + 2;

  g_string_append_printf (help, "  %s", name);
  if (used + 2 > width)
    g_string_append_printf (help, "\n%*s", (int) width, "");
  else
    g_string_append_printf (help, "%*s", (int) (width - used), "");
  append_wrapped (help, text, width);
}

static void
append_commands (GString *help, const char *group)
{
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    {
      gsize length = group != NULL ? strlen (group) : 0;
      const char *rest = (*command)->name + length;

      if (group == NULL ||
          (strncmp ((*command)->name, group, length) == 0 && (*rest == ' ' || *rest == '\0')))
        append_entry (help, (*command)->name, COMMAND_WIDTH, (*command)->summary);
    }
}

/* (transfer full) */
char *
vmctl_help_format_overview (void)
{
  GString *help = g_string_new ("Usage: vmctl COMMAND [ARGUMENT…]\n\n"
                                "A disposable virtual machine per task.\n\nCommands:\n");

  append_commands (help, NULL);
  append_wrapped (help,
                  "\nA VM is named by its name, its id, or a beginning of either that fits "
                  "only one. “vmctl help COMMAND” says more of one command.",
                  0);
  append_wrapped (help,
                  "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 busy, 5 "
                  "cancelled; of “run” and “exec”, that of the command.",
                  0);
  return g_string_free (help, FALSE);
}

/* (transfer full) */
char *
vmctl_help_format_group (const char *group)
{
  GString *help = g_string_new (NULL);

  g_string_append_printf (help, "Usage: vmctl %s COMMAND [ARGUMENT…]\n\nCommands:\n", group);
  append_commands (help, group);
  return g_string_free (help, FALSE);
}

/* "Usage: vmctl start VM…". (transfer full) */
char *
vmctl_help_format_usage (const VmctlCommand *command)
{
  GString *usage = g_string_new ("Usage: vmctl ");

  g_string_append (usage, command->name);
  g_string_append (usage, " [OPTION…]");
  if (*command->arguments != '\0')
    g_string_append_printf (usage, " %s", command->arguments);
  g_string_append_c (usage, '\n');
  return g_string_free (usage, FALSE);
}

static void
append_options (GString *help, const VmctlOption *option)
{
  for (; option != NULL && option->name != NULL; option++)
    {
      g_autofree char *letter =
          option->letter != 0 ? g_strdup_printf ("-%c, ", option->letter) : g_strdup ("");
      g_autofree char *name =
          g_strdup_printf ("%s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
                           option->value != NULL ? option->value : "");

      append_entry (help, name, OPTION_WIDTH, option->help);
    }
}

/* (transfer full) */
char *
vmctl_help_format_command (const VmctlCommand *command)
{
  g_autofree char *usage = vmctl_help_format_usage (command);
  GString *help = g_string_new (usage);

  g_string_append_c (help, '\n');
  append_wrapped (help, command->summary, 0);
  if (command->details != NULL)
    {
      g_string_append_c (help, '\n');
      append_wrapped (help, command->details, 0);
    }
  if (command->alias != NULL)
    g_string_append_printf (help, "\n“vmctl %s” is the same.\n", command->alias);
  g_string_append (help, "\nOptions:\n");
  append_options (help, command->options);
  append_options (help, vmctl_shared_options);
  return g_string_free (help, FALSE);
}

static void
add_option_json (JsonBuilder *builder, const VmctlOption *option)
{
  char letter[] = { option->letter, '\0' };

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "name", option->name);
  vmctl_json_add_string (builder, "letter", letter);
  vmctl_json_add_string (builder, "value", option->value);
  vmctl_json_add_string (builder, "help", option->help);
  json_builder_end_object (builder);
}

static void
print_json (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    {
      const VmctlOption *option = (*command)->options;

      json_builder_begin_object (builder);
      vmctl_json_add_string (builder, "name", (*command)->name);
      vmctl_json_add_string (builder, "alias", (*command)->alias);
      vmctl_json_add_string (builder, "arguments", (*command)->arguments);
      vmctl_json_add_string (builder, "summary", (*command)->summary);
      json_builder_set_member_name (builder, "options");
      json_builder_begin_array (builder);
      for (; option != NULL && option->name != NULL; option++)
        add_option_json (builder, option);
      json_builder_end_array (builder);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmctl_json_print (builder);
}

static char *
format (const char *topic)
{
  const VmctlCommand *command = vmctl_command_lookup (topic);

  /* "lock" is both. */
  if (vmctl_command_is_group (topic))
    {
      g_autofree char *group = vmctl_help_format_group (topic);
      g_autofree char *more = command != NULL ? vmctl_help_format_command (command) : NULL;

      return g_strconcat (group, more != NULL ? "\n" : NULL, more, NULL);
    }
  return command != NULL ? vmctl_help_format_command (command) : NULL;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autofree char *topic = g_strjoinv (" ", (char **) vmctl_arguments_get_all (arguments));
  g_autofree char *help = NULL;

  if (vmctl_client_is_json (client))
    {
      print_json ();
      return 0;
    }
  help = *topic == '\0' ? vmctl_help_format_overview () : format (topic);
  if (help == NULL)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "There is no command “%s”: “vmctl help” shows those there are", topic);
      return -1;
    }
  fputs (help, stdout);
  return 0;
}

const VmctlCommand vmctl_command_help = {
  .name = "help",
  .arguments = "[COMMAND…]",
  .summary = "Show what there is, or more of one command",
  .offline = TRUE,
  .run = run,
};
