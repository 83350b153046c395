/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-dbus.h"
#include "vmd-object-kind.h"

VMD_DEFINE_STRING (name, vmd_image_get_name)
VMD_DEFINE_STRING (digest, vmd_image_get_digest)
VMD_DEFINE_VALUE (size, vmd_image_get_size, uint64)
VMD_DEFINE_VALUE (virtual_size, vmd_image_get_virtual_size, uint64)
VMD_DEFINE_STRING (source, vmd_image_get_source)
VMD_DEFINE_VALUE (created, vmd_image_get_created, int64)

/* A name that points at another image is another object of the library's: one is removed, the
 * other added. */
static const VmdProperty properties[] = {
  { "Name", get_name, VMD_PROPERTY_CONSTANT },
  { "Digest", get_digest, VMD_PROPERTY_CONSTANT },
  { "Size", get_size, VMD_PROPERTY_CONSTANT },
  { "VirtualSize", get_virtual_size, VMD_PROPERTY_CONSTANT },
  { "Source", get_source, VMD_PROPERTY_CONSTANT },
  { "Created", get_created, VMD_PROPERTY_CONSTANT },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

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

static GObject *
find (VmdManager *manager, const char *node)
{
  g_autofree char *name = vmd_object_kind_unescape (node);

  return name != NULL ? (GObject *) vmd_manager_find_image (manager, name, NULL) : NULL;
}

static char *
dup_node (gpointer image)
{
  return vmd_object_kind_escape (vmd_image_get_name (image));
}

const VmdObjectKind vmd_object_kind_image = {
  .path = "images",
  .get_info = vmd_dbus_image_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "image-added",
  .removed_signal = "image-removed",
  .list = vmd_manager_list_images,
  .find = find,
  .dup_node = dup_node,
  .is_managed = TRUE,
};
