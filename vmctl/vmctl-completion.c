/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-json.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

/* The completion of a shell, made of the table of commands. It asks no daemon: pressing Tab must not
 * start one. */

/* The second words of a group, or the options of a command, for each first word. */
static char *
make_bash (void)
{
  GString *script = g_string_new ("# bash completion for vmctl; made by “vmctl completion bash”\n"
                                  "_vmctl ()\n{\n"
                                  "  local current=${COMP_WORDS[COMP_CWORD]} words=\n"
                                  "  case \"${COMP_WORDS[*]:1:COMP_CWORD-1} \" in\n");
  g_autoptr (GString) first = g_string_new (NULL);

  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    {
      const VmctlOption *option = (*command)->options;
      g_autofree char *word = g_strndup ((*command)->name, strcspn ((*command)->name, " "));

      if (g_str_equal (word, (*command)->name) || strstr (first->str, word) == NULL)
        g_string_append_printf (first, "%s ", word);
      g_string_append_printf (script, "    \"%s \"*) words=\"", (*command)->name);
      for (; option != NULL && option->name != NULL; option++)
        g_string_append_printf (script, "--%s ", option->name);
      g_string_append (script, "--json --help\" ;;\n");
    }
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    {
      const char *space = strchr ((*command)->name, ' ');
      g_autofree char *word =
          space != NULL ? g_strndup ((*command)->name, space - (*command)->name) : NULL;

      if (space != NULL)
        g_string_append_printf (script, "    \"%s \") words+=\" %s\" ;;&\n", word, space + 1);
    }
  g_string_append_printf (script,
                          "    \" \") words=\"%s\" ;;\n  esac\n"
                          "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                          "  [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default\n}\n"
                          "complete -F _vmctl vmctl\n",
                          first->str);
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
