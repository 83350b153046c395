/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"

#include "vmctl-error.h"
#include "vmctl-json.h"

#include <string.h>

/* (nullable): there is nothing to call. */
static VmctlCall *
begin (VmctlClient *client, const VmctlBatch *batch, VmctlTarget *target,
       const VmctlArguments *arguments)
{
  g_autofree char *label = g_strdup_printf ("%s %s", batch->verb, target->given);
  VmctlCall *call;

  if (target->path == NULL)
    return NULL;
  call = vmctl_call_new (client, batch->path != NULL ? batch->path : target->path,
                         batch->get_info (), batch->method);
  if (batch->path != NULL)
    vmctl_call_add_argument (call, g_variant_new_string (target->given));
  if (batch->has_job)
    vmctl_call_show_progress (call, label);
  if (batch->takes_lock)
    vmctl_call_show_lock (call);
  if (batch->prepare != NULL)
    batch->prepare (call, arguments);
  vmctl_call_begin (call);
  return call;
}

static void
finish (VmctlCall *call, VmctlTarget *target)
{
  g_autoptr (GVariant) reply = NULL;

  while (!vmctl_call_is_done (call))
    g_main_context_iteration (NULL, TRUE);
  reply = vmctl_call_finish (call, &target->error);
}

static void
print_json (GPtrArray *targets, gboolean are_vms)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (guint i = 0; i < targets->len; i++)
    {
      VmctlTarget *target = targets->pdata[i];

      json_builder_begin_object (builder);
      vmctl_json_add_string (builder, "target", target->given);
      if (are_vms)
        vmctl_json_add_string (builder, "id",
                               target->path != NULL ? strrchr (target->path, '/') + 1 : NULL);
      vmctl_json_add_error (builder, target->error);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmctl_json_print (builder);
}

/* Calls them all at once and waits for all: the good ones are done even if one is bad. Prints what
 * failed. Returns the worst exit status. */
int
vmctl_batch_run (VmctlClient *client, const VmctlBatch *batch, GPtrArray *targets,
                 const VmctlArguments *arguments)
{
  g_autoptr (GPtrArray) calls = g_ptr_array_new ();
  int worst = 0;

  for (guint i = 0; i < targets->len; i++)
    g_ptr_array_add (calls, begin (client, batch, targets->pdata[i], arguments));
  for (guint i = 0; i < targets->len; i++)
    {
      VmctlTarget *target = targets->pdata[i];
      g_autoptr (VmctlCall) call = calls->pdata[i];
      g_autofree char *what = g_strdup_printf ("%s %s", batch->verb, target->given);

      if (call != NULL)
        finish (call, target);
      if (target->error == NULL)
        {
          if (batch->report != NULL)
            batch->report (client, target);
          continue;
        }
      vmctl_progress_clear (vmctl_client_get_progress (client));
      vmctl_error_print (what, target->error);
      worst = MAX (worst, vmctl_error_get_exit_status (target->error));
    }
  if (vmctl_client_is_json (client))
    print_json (targets, batch->get_info == vmd_dbus_vm_interface_info);
  return worst;
}

/* The same on the VMs that the positional arguments name. */
int
vmctl_batch_run_on_vms (VmctlClient *client, const VmctlBatch *batch,
                        const VmctlArguments *arguments)
{
  g_autoptr (GPtrArray) targets = vmctl_resolve_vms (client, vmctl_arguments_get_all (arguments));

  return vmctl_batch_run (client, batch, targets, arguments);
}

/* The same on other objects that they name. -1 with @error set: there is no telling which. */
int
vmctl_batch_run_on_objects (VmctlClient *client, const VmctlBatch *batch,
                            const VmctlObjectKind *kind, const VmctlArguments *arguments,
                            GError **error)
{
  g_autoptr (GPtrArray) proxies = NULL;
  g_autoptr (GPtrArray) targets =
      vmctl_resolve_objects (client, kind, vmctl_arguments_get_all (arguments), &proxies, error);

  return targets != NULL ? vmctl_batch_run (client, batch, targets, arguments) : -1;
}
