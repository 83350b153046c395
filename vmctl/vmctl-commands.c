/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"

#include "vmctl-text.h"

#include <string.h>
#include <vmd-error.h>

const VmctlCommand *const vmctl_commands[] = {
  &vmctl_command_run,
  &vmctl_command_create,
  &vmctl_command_start,
  &vmctl_command_stop,
  &vmctl_command_restart,
  &vmctl_command_kill,
  &vmctl_command_delete,
  &vmctl_command_set,
  &vmctl_command_list,
  &vmctl_command_show,
  &vmctl_command_wait,
  &vmctl_command_logs,
  &vmctl_command_console,
  &vmctl_command_exec,
  &vmctl_command_image_build,
  &vmctl_command_image_import,
  &vmctl_command_image_list,
  &vmctl_command_image_show,
  &vmctl_command_image_delete,
  &vmctl_command_kernel_import,
  &vmctl_command_kernel_list,
  &vmctl_command_kernel_show,
  &vmctl_command_kernel_delete,
  &vmctl_command_workspace_prepare,
  &vmctl_command_workspace_list,
  &vmctl_command_job_list,
  &vmctl_command_job_watch,
  &vmctl_command_job_cancel,
  &vmctl_command_lock,
  &vmctl_command_lock_list,
  &vmctl_command_version,
  &vmctl_command_completion,
  &vmctl_command_help,
  NULL,
};

const VmctlOption vmctl_shared_options[] = {
  { "json", 0, VMCTL_OPTION_FLAG, NULL, "Print JSON" },
  { "help", 'h', VMCTL_OPTION_FLAG, NULL, "Show this help" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* By its whole name or its alias: "image list". (nullable) */
const VmctlCommand *
vmctl_command_lookup (const char *name)
{
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    if (g_str_equal ((*command)->name, name) || g_strcmp0 ((*command)->alias, name) == 0)
      return *command;
  return NULL;
}

/* Do commands of two words begin with it? */
gboolean
vmctl_command_is_group (const char *word)
{
  g_autofree char *prefix = g_strconcat (word, " ", NULL);

  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    if (g_str_has_prefix ((*command)->name, prefix))
      return TRUE;
  return FALSE;
}

static const VmctlCommand *
find_in_group (char **argv, GError **error)
{
  g_autofree char *name = argv[1] != NULL ? g_strconcat (argv[0], " ", argv[1], NULL) : NULL;
  const VmctlCommand *command = name != NULL ? vmctl_command_lookup (name) : NULL;
  g_autofree char *shown = NULL;

  if (command != NULL)
    return command;
  if (argv[1] == NULL || argv[1][0] == '-')
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "“vmctl %s” needs a word more: “vmctl help %s” shows which", argv[0], argv[0]);
      return NULL;
    }
  shown = vmctl_text_make_printable (name, -1);
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "There is no command “vmctl %s”: “vmctl help %s” shows those there are", shown,
               argv[0]);
  return NULL;
}

/* The command that @argv begins with. "lock" is both a command and the first word of others: with
 * "--" behind it, it is the command. @n_words: (out): how many words its name takes. */
const VmctlCommand *
vmctl_command_find (char **argv, int *n_words, GError **error)
{
  const VmctlCommand *command = vmctl_command_lookup (argv[0]);
  g_autofree char *shown = NULL;

  *n_words = strchr (argv[0], ' ') == NULL ? 1 : 0;
  if (*n_words == 1 && vmctl_command_is_group (argv[0]) &&
      (command == NULL || !g_strv_contains ((const char *const *) argv, "--")))
    {
      const VmctlCommand *member = find_in_group (argv, command == NULL ? error : NULL);

      if (member != NULL)
        *n_words = 2;
      if (member != NULL || command == NULL)
        return member;
    }
  if (*n_words == 1 && command != NULL)
    return command;
  shown = vmctl_text_make_printable (argv[0], -1);
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "There is no command “%s”: “vmctl help” shows those there are", shown);
  return NULL;
}
