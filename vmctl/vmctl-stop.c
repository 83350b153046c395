/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"

static const VmctlOption options[] = {
  { "grace", 0, VMCTL_OPTION_DURATION, "TIME",
    "How long the guest has to power off (default: 10s)" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
prepare (VmctlCall *call, const VmctlArguments *arguments)
{
  guint grace;

  if (vmctl_arguments_get_duration (arguments, "grace", &grace))
    vmctl_call_add_option (call, "grace", g_variant_new_uint32 (grace));
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "stop",
    .get_info = vmd_dbus_vm_interface_info,
    .method = "Stop",
    .has_job = TRUE,
    .takes_lock = TRUE,
    .prepare = prepare,
  };

  return vmctl_batch_run_on_vms (client, &batch, arguments);
}

const VmctlCommand vmctl_command_stop = {
  .name = "stop",
  .arguments = "VM…",
  .summary = "Let guests power off; kill those that do not",
  .options = options,
  .run = run,
};
