/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"

static const VmctlOption options[] = {
  { "force", 'f', VMCTL_OPTION_FLAG, NULL, "Kill first those that run" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
prepare (VmctlCall *call, const VmctlArguments *arguments)
{
  if (vmctl_arguments_has (arguments, "force"))
    vmctl_call_add_option (call, "force", g_variant_new_boolean (TRUE));
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "delete",
    .get_info = vmd_dbus_vm_interface_info,
    .method = "Delete",
    .has_job = TRUE,
    .takes_lock = TRUE,
    .prepare = prepare,
  };

  return vmctl_batch_run_on_vms (client, &batch, arguments);
}

const VmctlCommand vmctl_command_delete = {
  .name = "delete",
  .arguments = "VM…",
  .summary = "Delete VMs and their disks",
  .options = options,
  .run = run,
};
