/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-bus-lock.h"
#include "vmd-dbus.h"
#include "vmd-export-manager-devices.h"
#include "vmd-object-kind.h"
#include "vmd-spec.h"

#include <fcntl.h>
#include <glib/gstdio.h>

static void
create_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdVm) vm = vmd_manager_create_vm_finish (VMD_MANAGER (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_vm, vm, data, error);
}

static void
run_create_vm (VmdCall *call)
{
  g_autoptr (GVariant) dictionary = g_variant_get_child_value (vmd_call_get_parameters (call), 0);
  g_autoptr (VmdVmSpec) spec = NULL;
  GError *error = NULL;

  spec = vmd_spec_from_variant (dictionary, TRUE, &error);
  if (spec == NULL)
    {
      vmd_call_fail (call, error);
      return;
    }
  vmd_manager_create_vm_async (vmd_export_get_manager (vmd_call_get_export (call)), spec,
                               vmd_call_get_job (call), vmd_call_get_cancellable (call),
                               create_done_cb, call);
}

static void
run_find_vm (VmdCall *call)
{
  g_autoptr (VmdVm) vm = NULL;
  GError *error = NULL;
  const char *name;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &name);
  vm = vmd_manager_find_vm (vmd_export_get_manager (vmd_call_get_export (call)), name, &error);
  vmd_object_kind_return_path (&vmd_object_kind_vm, vm, call, error);
}

static void
build_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdImage) image =
      vmd_manager_build_tiny_image_finish (VMD_MANAGER (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_image, image, data, error);
}

static void
run_build_tiny_image (VmdCall *call)
{
  const char *name;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &name);
  vmd_manager_build_tiny_image_async (vmd_export_get_manager (vmd_call_get_export (call)), name,
                                      vmd_call_get_job (call), vmd_call_get_cancellable (call),
                                      build_done_cb, call);
}

static void
import_image_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdImage) image =
      vmd_manager_import_image_finish (VMD_MANAGER (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_image, image, data, error);
}

/* Of one that is not open for reading we would wait for bytes for ever. */
static int
take_readable_fd (VmdCall *call, int index, GError **error)
{
  int fd = vmd_call_take_fd (call, index, error);
  int flags = fd >= 0 ? fcntl (fd, F_GETFL) : 0;

  if (fd < 0 || (flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && (flags & O_PATH) == 0))
    return fd;
  g_close (fd, NULL);
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "Descriptor number %d is not open for reading", index);
  return -1;
}

static void
run_import_image (VmdCall *call)
{
  const char *name, *source = "tar";
  GError *error = NULL;
  gint32 index;
  int fd;

  g_variant_get (vmd_call_get_parameters (call), "(&sh@a{sv})", &name, &index, NULL);
  fd = take_readable_fd (call, index, &error);
  if (fd < 0)
    {
      vmd_call_fail (call, error);
      return;
    }
  g_variant_dict_lookup (vmd_call_get_options (call), "source", "&s", &source);
  vmd_manager_import_image_async (vmd_export_get_manager (vmd_call_get_export (call)), name, fd,
                                  source, vmd_call_get_job (call), vmd_call_get_cancellable (call),
                                  import_image_done_cb, call);
}

static void
import_kernel_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdKernel) kernel =
      vmd_manager_import_kernel_finish (VMD_MANAGER (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_kernel, kernel, data, error);
}

static void
run_import_kernel (VmdCall *call)
{
  const char *source = "file";
  GError *error = NULL;
  int fd, modules_fd = -1;
  gint32 index;

  if (g_variant_dict_lookup (vmd_call_get_options (call), "modules", "h", &index) &&
      (modules_fd = take_readable_fd (call, index, &error)) < 0)
    {
      vmd_call_fail (call, error);
      return;
    }
  g_variant_get (vmd_call_get_parameters (call), "(h@a{sv})", &index, NULL);
  fd = take_readable_fd (call, index, &error);
  if (fd < 0)
    {
      if (modules_fd >= 0)
        g_close (modules_fd, NULL);
      vmd_call_fail (call, error);
      return;
    }
  g_variant_dict_lookup (vmd_call_get_options (call), "source", "&s", &source);
  vmd_manager_import_kernel_async (vmd_export_get_manager (vmd_call_get_export (call)), fd,
                                   modules_fd, source, vmd_call_get_job (call),
                                   vmd_call_get_cancellable (call), import_kernel_done_cb, call);
}

static void
run_list_locks (VmdCall *call)
{
  g_autoptr (GListModel) list =
      vmd_manager_list_locks (vmd_export_get_manager (vmd_call_get_export (call)));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmdLockInfo) info = g_list_model_get_item (list, i);
      const struct
      {
        const char *key;
        GVariant *value;
      } fields[] = {
        { "resources", g_variant_new_string (vmd_lock_info_get_resources (info) ?: "") },
        { "held", g_variant_new_boolean (vmd_lock_info_get_held (info)) },
        { "owner", g_variant_new_string (vmd_lock_info_get_owner (info) ?: "") },
        { "reason", g_variant_new_string (vmd_lock_info_get_reason (info) ?: "") },
        { "job", g_variant_new_string (vmd_lock_info_get_job (info) ?: "") },
        { "sender", g_variant_new_string (vmd_lock_info_get_sender (info) ?: "") },
        { "pid", g_variant_new_int64 (vmd_lock_info_get_pid (info)) },
        { "since", g_variant_new_int64 (vmd_lock_info_get_since (info)) },
      };

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      for (guint j = 0; j < G_N_ELEMENTS (fields); j++)
        g_variant_builder_add (&builder, "{sv}", fields[j].key, fields[j].value);
      g_variant_builder_close (&builder);
    }
  vmd_call_return (call, g_variant_new ("(aa{sv})", &builder), NULL);
}

static const VmdMethod methods[] = {
  { "handle-create-vm", "create", run_create_vm, { { "job-token", "s" }, { "detach", "b" } } },
  { "handle-find-vm", NULL, run_find_vm, { { NULL, NULL } } },
  { "handle-build-tiny-image",
    "build-image",
    run_build_tiny_image,
    { { "job-token", "s" }, { "detach", "b" } } },
  { "handle-import-image",
    "import-image",
    run_import_image,
    { { "source", "s" }, { "job-token", "s" }, { "detach", "b" } } },
  { "handle-import-kernel",
    "import-kernel",
    run_import_kernel,
    { { "modules", "h" }, { "source", "s" }, { "job-token", "s" }, { "detach", "b" } } },
  { "handle-lock", NULL, vmd_bus_lock_run, { { "timeout", "x" } } },
  { "handle-list-locks", NULL, run_list_locks, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

GDBusInterfaceSkeleton *
vmd_export_manager_new (VmdExport *self)
{
  VmdDbusManager *skeleton = vmd_dbus_manager_skeleton_new ();
  VmdManager *manager = vmd_export_get_manager (self);

  vmd_dbus_manager_set_version (skeleton, VMD_VERSION);
  vmd_dbus_manager_set_state_directory (skeleton, vmd_manager_get_state_dir (manager));
  vmd_dbus_manager_set_backend (skeleton, vmd_manager_get_backend_name (manager));
  vmd_dbus_manager_set_peer (skeleton, vmd_export_get_peer (self) ?: "");
  vmd_call_connect (self, G_DBUS_INTERFACE_SKELETON (skeleton), methods, NULL);
  vmd_export_manager_add_devices (self, skeleton);
  return G_DBUS_INTERFACE_SKELETON (skeleton);
}
