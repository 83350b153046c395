/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"
#include "vmd-dbus.h"

static void
delete_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  vmd_image_delete_finish (VMD_IMAGE (source), result, &error);
  vmd_call_end (data, error);
}

static void
run_delete (VmdCall *call)
{
  vmd_image_delete_async (vmd_call_get_object (call), vmd_call_get_lock (call),
                          vmd_call_get_job (call), vmd_call_get_cancellable (call), delete_done_cb,
                          call);
}

static const VmdMethod methods[] = {
  { "handle-delete", "delete-image", run_delete, { { "lock", "s" }, { "job-token", "s" } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

GDBusInterfaceSkeleton *
vmd_export_image_new (VmdExport *self, VmdImage *image)
{
  VmdDbusImage *skeleton = vmd_dbus_image_skeleton_new ();

  vmd_dbus_image_set_name (skeleton, vmd_image_get_name (image));
  vmd_dbus_image_set_digest (skeleton, vmd_image_get_digest (image));
  vmd_dbus_image_set_size (skeleton, vmd_image_get_size (image));
  vmd_dbus_image_set_virtual_size (skeleton, vmd_image_get_virtual_size (image));
  vmd_dbus_image_set_source (skeleton, vmd_image_get_source (image));
  vmd_dbus_image_set_created (skeleton, vmd_image_get_created (image));
  vmd_call_connect (self, G_DBUS_INTERFACE_SKELETON (skeleton), methods, G_OBJECT (image));
  return G_DBUS_INTERFACE_SKELETON (skeleton);
}
