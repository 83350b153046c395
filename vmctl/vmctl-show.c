/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-listing.h"
#include "vmctl-text.h"
#include "vmctl-vm.h"

#include <stdio.h>

/* A reason may have several lines, the last of a console among them: they stay lines. */
static void
print_line (const char *title, const char *value)
{
  g_auto (GStrv) lines = g_strsplit (value != NULL ? value : "", "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      g_autofree char *shown = vmctl_text_make_printable (g_strchomp (*line), -1);

      if (*shown != '\0')
        printf ("%-12s %s\n", line == lines ? title : "", shown);
    }
}

static void
print_process (VmdDbusVm *vm)
{
  g_autofree char *started = vmctl_text_format_time (vmd_dbus_vm_get_started (vm));

  if (vmd_dbus_vm_get_pid (vm) == 0)
    return;
  print_line ("Started:", started);
  printf ("%-12s %" G_GINT64_FORMAT "\n", "Process:", vmd_dbus_vm_get_pid (vm));
  if (vmd_dbus_vm_get_ssh_port (vm) != 0)
    printf ("%-12s 127.0.0.1:%u\n", "SSH:", vmd_dbus_vm_get_ssh_port (vm));
  print_line ("Boot id:", vmd_dbus_vm_get_guest_boot_id (vm));
}

static void
print_vm (gpointer proxy)
{
  VmdDbusVm *vm = proxy;
  g_autofree char *state = vmctl_vm_dup_state (vm);
  g_autofree char *memory = vmctl_text_format_size (vmd_dbus_vm_get_memory (vm));
  g_autofree char *disk = vmctl_text_format_size (vmd_dbus_vm_get_disk_size (vm));
  g_autofree char *created = vmctl_text_format_time (vmd_dbus_vm_get_created (vm));

  print_line ("Name:", vmd_dbus_vm_get_name (vm));
  print_line ("Id:", vmd_dbus_vm_get_id (vm));
  print_line ("State:", state);
  print_line ("Reason:", vmd_dbus_vm_get_reason (vm));
  print_line ("Readiness:", vmd_dbus_vm_get_readiness (vm));
  print_line ("Image:", vmd_dbus_vm_get_image (vm));
  print_line ("Kernel:", vmd_dbus_vm_get_kernel (vm));
  printf ("%-12s %u\n", "Vcpus:", vmd_dbus_vm_get_vcpus (vm));
  print_line ("Memory:", memory);
  print_line ("Disk:", disk);
  print_line ("Network:", vmd_dbus_vm_get_network (vm));
  print_line ("Backend:", vmd_dbus_vm_get_backend (vm));
  print_line ("Created:", created);
  print_process (vm);
}

static gpointer
load (VmctlClient *client, const char *path, GError **error)
{
  return vmctl_vm_load (client, path, error);
}

static void
add_json (JsonBuilder *builder, gpointer proxy)
{
  vmctl_vm_add_json (builder, proxy);
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlRecord record = { load, print_vm, add_json };
  g_autoptr (GPtrArray) targets = vmctl_resolve_vms (client, vmctl_arguments_get_all (arguments));

  return vmctl_listing_show (client, &record, targets);
}

const VmctlCommand vmctl_command_show = {
  .name = "show",
  .arguments = "VM…",
  .summary = "Show all that is known of VMs",
  .run = run,
};
