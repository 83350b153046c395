/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"

static const VmctlOption options[] = {
  { "for", 0, VMCTL_OPTION_TEXT, "WHAT",
    "Wait until it is stopped (default), launched, reachable or provisioned" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
prepare (VmctlCall *call, const VmctlArguments *arguments)
{
  const char *what = vmctl_arguments_get_text (arguments, "for");

  vmctl_call_add_argument (call, g_variant_new_string (what != NULL ? what : "stopped"));
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "wait",
    .get_info = vmd_dbus_vm_interface_info,
    .method = "Wait",
    .prepare = prepare,
  };

  return vmctl_batch_run_on_vms (client, &batch, arguments);
}

const VmctlCommand vmctl_command_wait = {
  .name = "wait",
  .arguments = "VM…",
  .summary = "Wait until VMs stop, or until they are ready",
  .options = options,
  .run = run,
};
