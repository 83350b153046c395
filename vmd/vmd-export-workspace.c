/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-dbus.h"
#include "vmd-object-kind.h"

VMD_DEFINE_STRING (path, vmd_workspace_get_path)
VMD_DEFINE_OWNED_STRING (repository, vmd_workspace_dup_repository)
VMD_DEFINE_OWNED_STRING (head, vmd_workspace_dup_head)
VMD_DEFINE_OWNED_STRING (branch, vmd_workspace_dup_branch)
VMD_DEFINE_OWNED_STRING (mode, vmd_workspace_dup_mode)
VMD_DEFINE_VALUE (launch, vmd_workspace_get_launch, uint64)
VMD_DEFINE_VALUE (n_files, vmd_workspace_get_n_files, uint64)
VMD_DEFINE_VALUE (bytes, vmd_workspace_get_bytes, uint64)
VMD_DEFINE_VALUE (imported, vmd_workspace_get_imported, int64)

static GVariant *
get_vm (gpointer workspace)
{
  g_autofree char *path =
      g_strconcat (VMD_OBJECT_PATH "/vms/", vmd_workspace_get_vm_id (workspace), NULL);

  return g_variant_new_object_path (path);
}

/* What changes is removed and added: see the image. */
static const VmdProperty properties[] = {
  { "Vm", get_vm, VMD_PROPERTY_CONSTANT },
  { "Path", get_path, VMD_PROPERTY_CONSTANT },
  { "Repository", get_repository, VMD_PROPERTY_CONSTANT },
  { "Head", get_head, VMD_PROPERTY_CONSTANT },
  { "Branch", get_branch, VMD_PROPERTY_CONSTANT },
  { "Mode", get_mode, VMD_PROPERTY_CONSTANT },
  { "Launch", get_launch, VMD_PROPERTY_CONSTANT },
  { "Files", get_n_files, VMD_PROPERTY_CONSTANT },
  { "Bytes", get_bytes, VMD_PROPERTY_CONSTANT },
  { "Imported", get_imported, VMD_PROPERTY_CONSTANT },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

static const VmdMethod methods[] = {
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

/* A guest's path may be longer than an element may be, hence the digest. */
static char *
dup_node (gpointer workspace)
{
  g_autofree char *digest =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, vmd_workspace_get_path (workspace), -1);

  return g_strdup_printf ("%s_%.16s", vmd_workspace_get_vm_id (workspace), digest);
}

static GObject *
find (VmdManager *manager, const char *node)
{
  g_autoptr (GListModel) list = vmd_manager_list_workspaces (manager);

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmdWorkspace) workspace = g_list_model_get_item (list, i);
      g_autofree char *own = NULL;

      if (!g_str_has_prefix (node, vmd_workspace_get_vm_id (workspace)))
        continue;
      own = dup_node (workspace);
      if (g_str_equal (own, node))
        return G_OBJECT (g_steal_pointer (&workspace));
    }
  return NULL;
}

const VmdObjectKind vmd_object_kind_workspace = {
  .path = "workspaces",
  .get_info = vmd_dbus_workspace_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "workspace-added",
  .removed_signal = "workspace-removed",
  .list = vmd_manager_list_workspaces,
  .find = find,
  .dup_node = dup_node,
  .is_managed = TRUE,
};
