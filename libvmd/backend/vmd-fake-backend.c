/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-backend-private.h"

#include "vmd-hypervisor-private.h"
#include "vmd-launch-resource-private.h"
#include "vmd-qmp-machine-private.h"

#include "../base/vmd-program-private.h"
#include "../base/vmd-state-dir-private.h"

/* A backend whose hypervisor is vmd-fake-vmm: a real process with real sockets, records and an end,
 * but without a machine in it. All that is said of processes (survival, adoption, exit, leaks) can
 * be tried with it in milliseconds and without QEMU. What it does is scripted, see
 * vmd-fake-script-private.h. Its guest's files are below <vm_dir>/guest, which is kept from launch
 * to launch as a disk is. */

#define GUEST_ROOT "guest"

#define VMD_TYPE_FAKE_BACKEND (vmd_fake_backend_get_type ())
G_DECLARE_FINAL_TYPE (VmdFakeBackend, vmd_fake_backend, VMD, FAKE_BACKEND, GObject)

/**
 * VmdFakeBackend:
 *
 * Without state: any thread may use it at any time.
 *
 * Since: 0.1
 */
struct _VmdFakeBackend
{
  GObject parent_instance;
};

static void vmd_fake_backend_backend_init (VmdBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdFakeBackend, vmd_fake_backend, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BACKEND,
                                                      vmd_fake_backend_backend_init))

static const char *
vmd_fake_backend_get_name (VmdBackend *backend)
{
  return "fake";
}

static gboolean
vmd_fake_backend_check (VmdBackend *backend, GError **error)
{
  g_autofree char *program = vmd_helper_find ("vmd-fake-vmm", error);

  return program != NULL;
}

static char *
vmd_fake_backend_dup_control_socket (VmdBackend *backend, const VmdLaunchPlan *plan)
{
  return vmd_hypervisor_dup_socket (plan, VMD_CONTROL_SOCKET);
}

static VmdMachine *
vmd_fake_backend_spawn (VmdBackend *backend, const VmdLaunchPlan *plan,
                        const VmdLaunchRecorder *recorder, GCancellable *cancellable,
                        gint64 deadline, GError **error)
{
  g_autofree char *program = vmd_helper_find ("vmd-fake-vmm", error);
  g_autofree char *guest = g_build_filename (plan->vm_dir, GUEST_ROOT, NULL);
  g_autofree char *launch = g_strdup_printf ("%" G_GUINT64_FORMAT, plan->launch);
  const char *const argv[] = {
    program,       "--name",     plan->vm_name,         "--launch",        launch,
    "--directory", plan->vm_dir, "--runtime-directory", plan->runtime_dir, NULL
  };

  if (program == NULL || !vmd_private_dir_ensure (guest, error))
    return NULL;

  return vmd_hypervisor_spawn (argv, NULL, 0, plan, recorder, cancellable, deadline, error);
}

static VmdMachine *
vmd_fake_backend_adopt (VmdBackend *backend, const char *vm_id, const VmdProcessId *process,
                        const char *control_socket, GCancellable *cancellable, gint64 deadline,
                        GError **error)
{
  return vmd_qmp_machine_new (process, control_socket, cancellable, deadline, error);
}

static char *
vmd_fake_backend_dup_channel_socket (VmdBackend *backend, const char *control_socket)
{
  return vmd_hypervisor_dup_channel_socket (control_socket);
}

static gboolean
vmd_fake_backend_remove_resource (VmdBackend *backend, const char *kind, const char *name,
                                  GError **error)
{
  return vmd_launch_resource_remove (kind, name, error);
}

static void
vmd_fake_backend_backend_init (VmdBackendInterface *iface)
{
  iface->get_name = vmd_fake_backend_get_name;
  iface->check = vmd_fake_backend_check;
  iface->dup_control_socket = vmd_fake_backend_dup_control_socket;
  iface->spawn = vmd_fake_backend_spawn;
  iface->adopt = vmd_fake_backend_adopt;
  iface->dup_channel_socket = vmd_fake_backend_dup_channel_socket;
  iface->remove_resource = vmd_fake_backend_remove_resource;
}

static void
vmd_fake_backend_class_init (VmdFakeBackendClass *klass)
{
}

static void
vmd_fake_backend_init (VmdFakeBackend *self)
{
}

/* (transfer full) */
VmdBackend *
vmd_fake_backend_new (void)
{
  return g_object_new (VMD_TYPE_FAKE_BACKEND, NULL);
}
