/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-vm.h"

#include "vmctl-await.h"
#include "vmctl-error.h"

/* The VM at @path with its properties. (transfer full) */
VmdDbusVm *
vmctl_vm_load (VmctlClient *client, const char *path, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *local = NULL;
  VmdDbusVm *vm;

  vmd_dbus_vm_proxy_new (vmctl_client_get_bus (client), G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS,
                         vmctl_client_get_bus_name (client), path, NULL, vmctl_await_cb, &result);
  vmctl_await (&result);
  vm = vmd_dbus_vm_proxy_new_finish (result, &local);
  if (vm == NULL)
    {
      vmctl_error_convert (&local);
      g_propagate_error (error, local);
    }
  return vm;
}

/* The members of an object that is open. */
void
vmctl_vm_add_json (JsonBuilder *builder, VmdDbusVm *vm)
{
  vmctl_json_add_string (builder, "id", vmd_dbus_vm_get_id (vm));
  vmctl_json_add_string (builder, "name", vmd_dbus_vm_get_name (vm));
  vmctl_json_add_string (builder, "state", vmd_dbus_vm_get_state (vm));
  vmctl_json_add_string (builder, "reason", vmd_dbus_vm_get_reason (vm));
  vmctl_json_add_string (builder, "transition", vmd_dbus_vm_get_transition (vm));
  vmctl_json_add_string (builder, "readiness", vmd_dbus_vm_get_readiness (vm));
  vmctl_json_add_string (builder, "image", vmd_dbus_vm_get_image (vm));
  vmctl_json_add_string (builder, "kernel", vmd_dbus_vm_get_kernel (vm));
  vmctl_json_add_int (builder, "vcpus", vmd_dbus_vm_get_vcpus (vm));
  vmctl_json_add_int (builder, "memory", (gint64) vmd_dbus_vm_get_memory (vm));
  vmctl_json_add_int (builder, "disk_size", (gint64) vmd_dbus_vm_get_disk_size (vm));
  vmctl_json_add_string (builder, "network", vmd_dbus_vm_get_network (vm));
  vmctl_json_add_string (builder, "backend", vmd_dbus_vm_get_backend (vm));
  vmctl_json_add_time (builder, "created", vmd_dbus_vm_get_created (vm));
  vmctl_json_add_int (builder, "launch", (gint64) vmd_dbus_vm_get_launch (vm));
  vmctl_json_add_time (builder, "started", vmd_dbus_vm_get_started (vm));
  vmctl_json_add_int (builder, "pid", vmd_dbus_vm_get_pid (vm));
  vmctl_json_add_int (builder, "ssh_port", vmd_dbus_vm_get_ssh_port (vm));
  vmctl_json_add_string (builder, "guest_boot_id", vmd_dbus_vm_get_guest_boot_id (vm));
}

/* "running", or "created (start)" while a verb is at work. (transfer full) */
char *
vmctl_vm_dup_state (VmdDbusVm *vm)
{
  const char *transition = vmd_dbus_vm_get_transition (vm);

  if (transition == NULL || *transition == '\0')
    return g_strdup (vmd_dbus_vm_get_state (vm));
  return g_strdup_printf ("%s (%s)", vmd_dbus_vm_get_state (vm), transition);
}
