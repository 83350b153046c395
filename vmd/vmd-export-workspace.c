/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"
#include "vmd-dbus.h"

GDBusInterfaceSkeleton *
vmd_export_workspace_new (VmdExport *self, VmdWorkspace *workspace)
{
  VmdDbusWorkspace *skeleton = vmd_dbus_workspace_skeleton_new ();
  g_autofree char *vm =
      g_strconcat (VMD_OBJECT_PATH "/vms/", vmd_workspace_get_vm_id (workspace), NULL);
  g_autofree char *repository = vmd_workspace_dup_repository (workspace);
  g_autofree char *head = vmd_workspace_dup_head (workspace);
  g_autofree char *branch = vmd_workspace_dup_branch (workspace);
  g_autofree char *mode = vmd_workspace_dup_mode (workspace);

  vmd_dbus_workspace_set_vm (skeleton, vm);
  vmd_dbus_workspace_set_path (skeleton, vmd_workspace_get_path (workspace));
  vmd_dbus_workspace_set_repository (skeleton, repository ?: "");
  vmd_dbus_workspace_set_head (skeleton, head ?: "");
  vmd_dbus_workspace_set_branch (skeleton, branch ?: "");
  vmd_dbus_workspace_set_mode (skeleton, mode ?: "");
  vmd_dbus_workspace_set_launch (skeleton, vmd_workspace_get_launch (workspace));
  vmd_dbus_workspace_set_files (skeleton, vmd_workspace_get_n_files (workspace));
  vmd_dbus_workspace_set_bytes (skeleton, vmd_workspace_get_bytes (workspace));
  vmd_dbus_workspace_set_imported (skeleton, vmd_workspace_get_imported (workspace));
  return G_DBUS_INTERFACE_SKELETON (skeleton);
}
