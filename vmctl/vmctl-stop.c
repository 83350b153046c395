/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-await.h"
#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-text.h"

#include <stdio.h>
#include <string.h>

static const VmctlOption options[] = {
  { "grace", 0, VMCTL_OPTION_DURATION, "TIME",
    "How long the guest has to power off (default: 30s)" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static void
prepare (VmctlCall *call, const VmctlArguments *arguments)
{
  guint grace;

  if (vmctl_arguments_get_duration (arguments, "grace", &grace))
    vmctl_call_add_option (call, "grace", g_variant_new_uint32 (grace));
}

static char *
dup_reason (VmctlClient *client, const VmctlTarget *target)
{
  GDBusConnection *bus = vmctl_client_get_bus (client);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) value = NULL;

  g_dbus_connection_call (bus, vmctl_client_get_bus_name (client), target->path,
                          "org.freedesktop.DBus.Properties", "Get",
                          g_variant_new ("(ss)", vmd_dbus_vm_interface_info ()->name, "Reason"),
                          G_VARIANT_TYPE ("(v)"), G_DBUS_CALL_FLAGS_NONE, -1,
                          vmctl_client_get_cancellable (client), vmctl_await_cb, &result);
  vmctl_await (&result);
  reply = g_dbus_connection_call_finish (bus, result, NULL);
  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(v)", &value);
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL)
                                                             : NULL;
}

/* The VM is stopped either way, but what a guest did not write to its disk before it was killed is
 * lost. Who deleted or started it meanwhile has other things to hear. */
static void
report (VmctlClient *client, const VmctlTarget *target)
{
  g_autofree char *reason = dup_reason (client, target);
  g_autofree char *shown = NULL;

  if (reason == NULL || strstr (reason, "it was killed") == NULL)
    return;
  shown = vmctl_text_make_printable (reason, -1);
  vmctl_progress_clear (vmctl_client_get_progress (client));
  fprintf (stderr, "vmctl: stop %s: %s\nvmctl: “--grace” gives it more time.\n", target->given,
           shown);
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
    .report = report,
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
