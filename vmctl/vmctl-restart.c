/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"

static const VmctlOption options[] = {
  { "grace", 0, VMCTL_OPTION_DURATION, "TIME",
    "How long the guest has to power off (default: 30s)" },
  { "wait-for", 0, VMCTL_OPTION_TEXT, "WHAT",
    "Return when it is launched, reachable or provisioned (default)" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
prepare (VmctlCall *call, const VmctlArguments *arguments)
{
  const char *wait_for = vmctl_arguments_get_text (arguments, "wait-for");
  guint grace;

  if (vmctl_arguments_get_duration (arguments, "grace", &grace))
    vmctl_call_add_option (call, "grace", g_variant_new_uint32 (grace));
  if (wait_for != NULL)
    vmctl_call_add_option (call, "wait-for", g_variant_new_string (wait_for));
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "restart",
    .get_info = vmd_dbus_vm_interface_info,
    .method = "Restart",
    .has_job = TRUE,
    .takes_lock = TRUE,
    .prepare = prepare,
  };

  return vmctl_batch_run_on_vms (client, &batch, arguments);
}

const VmctlCommand vmctl_command_restart = {
  .name = "restart",
  .arguments = "VM…",
  .summary = "Stop VMs and start them again",
  .options = options,
  .run = run,
};
