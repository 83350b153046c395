/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"
#include "vmd-dbus.h"

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

GDBusInterfaceSkeleton *
vmd_export_kernel_new (VmdExport *self, VmdKernel *kernel)
{
  VmdDbusKernel *skeleton = vmd_dbus_kernel_skeleton_new ();

  vmd_dbus_kernel_set_version (skeleton, vmd_kernel_get_version (kernel));
  vmd_dbus_kernel_set_source (skeleton, vmd_kernel_get_source (kernel));
  vmd_dbus_kernel_set_size (skeleton, vmd_kernel_get_size (kernel));
  vmd_dbus_kernel_set_is_default (skeleton, vmd_kernel_get_is_default (kernel));
  vmd_dbus_kernel_set_created (skeleton, vmd_kernel_get_created (kernel));
  vmd_call_connect (self, G_DBUS_INTERFACE_SKELETON (skeleton), methods, G_OBJECT (kernel));
  return G_DBUS_INTERFACE_SKELETON (skeleton);
}
