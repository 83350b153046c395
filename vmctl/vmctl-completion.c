/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-json.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

/* The completion of a shell, made of the table of commands. It asks no daemon: pressing Tab must
 * not start one. */

static void
append_options (GString *script, const VmctlCommand *command)
{
  const VmctlOption *option = command->options;

  g_string_append_printf (script, "    \"%s \"*) words+=\"", command->name);
  for (; option != NULL && option->name != NULL; option++)
    g_string_append_printf (script, " --%s", option->name);
  g_string_append (script, " --json --help\" ;;\n");
}

/* What may follow each beginning of @name, each told once: @seen has those that were. */
static void
append_followers (GString *script, const char *name, GHashTable *seen)
{
  for (const char *space = strchr (name, ' '); space != NULL; space = strchr (space + 1, ' '))
    {
      g_autofree char *beginning = g_strndup (name, space - name);
      g_autofree char *follower = g_strndup (space + 1, strcspn (space + 1, " "));

      if (g_hash_table_add (seen, g_strconcat (beginning, " ", follower, NULL)))
        g_string_append_printf (script, "    \"%s \") words+=\" %s\" ;;&\n", beginning, follower);
    }
}

/* The cases are tried from the top: whole commands of several words, then what may follow a
 * beginning of those, then commands of one word. */
static char *
make_bash (void)
{
  GString *script = g_string_new ("# bash completion for vmctl; made by “vmctl completion bash”\n"
                                  "_vmctl ()\n{\n"
                                  "  local current=${COMP_WORDS[COMP_CWORD]} words=\n"
                                  "  case \"${COMP_WORDS[*]:1:COMP_CWORD-1} \" in\n");
  g_autoptr (GString) group_words = g_string_new (NULL);
  g_autoptr (GString) first_words = g_string_new (" ");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    {
      gsize length = strcspn ((*command)->name, " ");
      g_autofree char *first = g_strndup ((*command)->name, length);
      g_autofree char *spaced = g_strdup_printf (" %s ", first);

      if (strstr (first_words->str, spaced) == NULL)
        g_string_append_printf (first_words, "%s ", first);
      if ((*command)->name[length] == '\0')
        continue;
      append_options (script, *command);
      append_followers (group_words, (*command)->name, seen);
    }
  g_string_append (script, group_words->str);
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    if (strchr ((*command)->name, ' ') == NULL)
      append_options (script, *command);
  g_string_append_printf (script,
                          "    \" \") words=\"%s\" ;;\n  esac\n"
                          "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                          "  [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default\n}\n"
                          "complete -F _vmctl vmctl\n",
                          first_words->str);
  return g_string_free (script, FALSE);
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *shell = vmctl_arguments_get (arguments, 0);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *script = NULL;

  if (!g_str_equal (shell, "bash"))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "There is no completion for “%s”, only for bash", shell);
      return -1;
    }
  script = make_bash ();
  if (!vmctl_client_is_json (client))
    {
      fputs (script, stdout);
      return 0;
    }
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "shell", shell);
  vmctl_json_add_string (builder, "script", script);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

const VmctlCommand vmctl_command_completion = {
  .name = "completion",
  .arguments = "SHELL",
  .summary = "Print a completion script; the only SHELL is bash",
  .offline = TRUE,
  .run = run,
};
