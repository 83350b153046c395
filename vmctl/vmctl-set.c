/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-spec.h"

#include <vmd-error.h>

static const VmctlOption options[] = {
  VMCTL_SPEC_OPTIONS,
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
prepare (VmctlCall *call, const VmctlArguments *arguments)
{
  vmctl_call_add_argument (call, vmctl_spec_from_arguments (arguments, NULL));
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "set",
    .get_info = vmd_dbus_vm_interface_info,
    .method = "Set",
    .takes_lock = TRUE,
    .prepare = prepare,
  };

  return vmctl_batch_run_on_vms (client, &batch, arguments);
}

/* That there is something to set can be seen before vmd is asked. */
static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  for (const VmctlOption *option = options; option->name != NULL; option++)
    if (vmctl_arguments_has (arguments, option->name))
      return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "There is nothing to set: give at least one of --vcpus, --memory, --disk and "
               "--network");
  return FALSE;
}

const VmctlCommand vmctl_command_set = {
  .name = "set",
  .arguments = "VM…",
  .summary = "Change what VMs have; they must not run",
  .options = options,
  .check = check,
  .run = run,
};
