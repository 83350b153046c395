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
  &vmctl_command_device_add,
  &vmctl_command_device_list,
  &vmctl_command_device_show,
  &vmctl_command_device_remove,
  &vmctl_command_device_token_new,
  &vmctl_command_device_token_list,
  &vmctl_command_device_token_revoke,
  &vmctl_command_device_schema_set,
  &vmctl_command_device_schema_show,
  &vmctl_command_device_schema_unset,
  &vmctl_command_device_group_add,
  &vmctl_command_device_group_list,
  &vmctl_command_device_group_remove,
  &vmctl_command_device_group_join,
  &vmctl_command_device_group_leave,
  &vmctl_command_config_get,
  &vmctl_command_config_set,
  &vmctl_command_config_unset,
  &vmctl_command_config_edit,
  &vmctl_command_config_history,
  &vmctl_command_config_rollback,
  &vmctl_command_config_watch,
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

/* Do longer commands begin with it? */
gboolean
vmctl_command_is_group (const char *words)
{
  g_autofree char *prefix = g_strconcat (words, " ", NULL);

  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    if (g_str_has_prefix ((*command)->name, prefix))
      return TRUE;
  return FALSE;
}

/* Why @argv, of which the first @n_words are those of a group, names no command. */
static void
set_unknown (char **argv, guint n_words, const char *group, GError **error)
{
  g_autofree char *shown = NULL;
  g_autofree char *name = NULL;

  if (n_words > 0 && (argv[n_words] == NULL || argv[n_words][0] == '-'))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "“vmctl %s” needs a word more: “vmctl help %s” shows which", group, group);
      return;
    }
  name = n_words > 0 ? g_strconcat (group, " ", argv[n_words], NULL) : g_strdup (argv[0]);
  shown = vmctl_text_make_printable (name, -1);
  if (n_words > 0)
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                 "There is no command “vmctl %s”: “vmctl help %s” shows those there are", shown,
                 group);
  else
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                 "There is no command “%s”: “vmctl help” shows those there are", shown);
}

/* The command that @argv begins with: the longest name that there is. "lock" is both a command and
 * the first word of others: with "--" behind it, it is the command. @n_words: (out): how many words
 * its name takes. */
const VmctlCommand *
vmctl_command_find (char **argv, int *n_words, GError **error)
{
  gboolean has_separator = g_strv_contains ((const char *const *) argv, "--");
  g_autofree char *group = g_strdup ("");
  const VmctlCommand *found = NULL;
  guint n_group = 0;

  for (guint i = 0; argv[i] != NULL && strchr (argv[i], ' ') == NULL; i++)
    {
      g_autofree char *name = i > 0 ? g_strconcat (group, " ", argv[i], NULL) : g_strdup (argv[i]);
      const VmctlCommand *command = vmctl_command_lookup (name);

      if (command != NULL)
        {
          found = command;
          *n_words = (int) i + 1;
        }
      if (!vmctl_command_is_group (name) || (command != NULL && has_separator))
        break;
      g_free (group);
      group = g_steal_pointer (&name);
      n_group = i + 1;
    }
  if (found == NULL)
    set_unknown (argv, n_group, group, error);
  return found;
}
