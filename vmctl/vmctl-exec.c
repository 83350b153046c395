/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-guest-command.h"
#include "vmctl-resolve.h"

#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

static const VmctlOption options[] = {
  { "directory", 'C', VMCTL_OPTION_TEXT, "DIRECTORY", "Where in the guest (default: the home)" },
  { "env", 'e', VMCTL_OPTION_LIST, "NAME=VALUE", "Set a variable; may be given several times" },
  { "timeout", 0, VMCTL_OPTION_DURATION, "TIME", "End it when it has run for so long" },
  { "no-stdin", 'n', VMCTL_OPTION_FLAG, NULL, "Give it an empty standard input" },
  { "terminal", 't', VMCTL_OPTION_FLAG, NULL,
    "Give it a terminal (default: when standard input and output are one)" },
  { "no-terminal", 'T', VMCTL_OPTION_FLAG, NULL, "Give it none" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  const char *const *environment = vmctl_arguments_get_list (arguments, "env");

  for (; environment != NULL && *environment != NULL; environment++)
    if (strchr (*environment, '=') == NULL || **environment == '=')
      {
        g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                     "--env: “%s” is not of the form NAME=VALUE", *environment);
        return FALSE;
      }
  if (vmctl_arguments_has (arguments, "terminal") &&
      (!isatty (STDIN_FILENO) || vmctl_arguments_has (arguments, "json")))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "--terminal: standard input must be a terminal, and there is no --json with it");
      return FALSE;
    }
  return vmctl_guest_command_check (vmctl_arguments_get_command (arguments), error);
}

static void
print_json (const char *given, const char *path, VmctlGuestResult *result)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", given);
  vmctl_json_add_string (builder, "id", strrchr (path, '/') + 1);
  vmctl_guest_result_add_json (builder, result);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *given = vmctl_arguments_get (arguments, 0);
  g_autofree char *path = vmctl_resolve_vm (client, given, error);
  g_autoptr (VmctlGuestResult) result = NULL;
  VmctlGuestCommand command = {
    .argv = vmctl_arguments_get_command (arguments),
    .environment = vmctl_arguments_get_list (arguments, "env"),
    .directory = vmctl_arguments_get_text (arguments, "directory"),
    .no_stdin = vmctl_arguments_has (arguments, "no-stdin"),
    .terminal = vmctl_arguments_has (arguments, "terminal") ||
                (!vmctl_arguments_has (arguments, "no-terminal") &&
                 !vmctl_arguments_has (arguments, "no-stdin") &&
                 vmctl_guest_command_wants_terminal (client)),
  };

  if (path == NULL)
    return -1;
  vmctl_arguments_get_duration (arguments, "timeout", &command.timeout);
  result = vmctl_guest_command_run (client, path, &command, error);
  if (result == NULL)
    return -1;
  if (vmctl_client_is_json (client))
    print_json (given, path, result);
  return vmctl_guest_result_get_exit_status (result);
}

const VmctlCommand vmctl_command_exec = {
  .name = "exec",
  .arguments = "VM [-- CMD…]",
  .summary = "Run a command in a guest, or the login shell",
  .details = "Its exit status is vmctl's; 128 and more says that a signal ended it.",
  .options = options,
  .check = check,
  .run = run,
};
