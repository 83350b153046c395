/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "kill",
    .get_info = vmd_dbus_vm_interface_info,
    .method = "Kill",
    .has_job = TRUE,
  };

  return vmctl_batch_run_on_vms (client, &batch, arguments);
}

const VmctlCommand vmctl_command_kill = {
  .name = "kill",
  .arguments = "VM…",
  .summary = "End VMs at once, like pulling the plug",
  .run = run,
};
