/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-dbus.h"
#include "vmd-object-kind.h"

VMD_DEFINE_STRING (version, vmd_kernel_get_version)
VMD_DEFINE_STRING (source, vmd_kernel_get_source)
VMD_DEFINE_VALUE (size, vmd_kernel_get_size, uint64)
VMD_DEFINE_VALUE (is_default, vmd_kernel_get_is_default, boolean)
VMD_DEFINE_VALUE (created, vmd_kernel_get_created, int64)

/* What changes is removed and added: see the image. */
static const VmdProperty properties[] = {
  { "Version", get_version, VMD_PROPERTY_CONSTANT },
  { "Source", get_source, VMD_PROPERTY_CONSTANT },
  { "Size", get_size, VMD_PROPERTY_CONSTANT },
  { "IsDefault", get_is_default, VMD_PROPERTY_CONSTANT },
  { "Created", get_created, VMD_PROPERTY_CONSTANT },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

static void
delete_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  vmd_kernel_delete_finish (VMD_KERNEL (source), result, &error);
  vmd_call_end (data, error);
}

static void
run_delete (VmdCall *call)
{
  vmd_kernel_delete_async (vmd_call_get_object (call), vmd_call_get_lock (call),
                           vmd_call_get_job (call), vmd_call_get_cancellable (call), delete_done_cb,
                           call);
}

static const VmdMethod methods[] = {
  { "handle-delete", "delete-kernel", run_delete, { { "lock", "s" }, { "job-token", "s" } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

static GObject *
find (VmdManager *manager, const char *node)
{
  g_autofree char *version = vmd_object_kind_unescape (node);

  return version != NULL ? (GObject *) vmd_manager_find_kernel (manager, version, NULL) : NULL;
}

static char *
dup_node (gpointer kernel)
{
  return vmd_object_kind_escape (vmd_kernel_get_version (kernel));
}

const VmdObjectKind vmd_object_kind_kernel = {
  .path = "kernels",
  .get_info = vmd_dbus_kernel_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "kernel-added",
  .removed_signal = "kernel-removed",
  .list = vmd_manager_list_kernels,
  .find = find,
  .dup_node = dup_node,
  .is_managed = TRUE,
};
