/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-backend-private.h"

#include "vmd-hypervisor-private.h"
#include "vmd-launch-resource-private.h"
#include "vmd-passt-private.h"
#include "vmd-qemu-arguments-private.h"
#include "vmd-qmp-machine-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-program-private.h"

#define PROGRAM "qemu-system-x86_64"

#define VMD_TYPE_QEMU_BACKEND (vmd_qemu_backend_get_type ())
G_DECLARE_FINAL_TYPE (VmdQemuBackend, vmd_qemu_backend, VMD, QEMU_BACKEND, GObject)

/**
 * VmdQemuBackend:
 *
 * Without state: any thread may use it at any time.
 *
 * Since: 0.1
 */
struct _VmdQemuBackend
{
  GObject parent_instance;
};

static void vmd_qemu_backend_backend_init (VmdBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdQemuBackend, vmd_qemu_backend, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BACKEND,
                                                      vmd_qemu_backend_backend_init))

static const char *
vmd_qemu_backend_get_name (VmdBackend *backend)
{
  return "qemu";
}

static gboolean
vmd_qemu_backend_check (VmdBackend *backend, GError **error)
{
  g_autofree char *program = vmd_program_find (PROGRAM, error);
  VmdAccelerator accelerator;
  const char *reason;

  return program != NULL && vmd_accelerator_choose (&accelerator, &reason, error);
}

static char *
vmd_qemu_backend_dup_control_socket (VmdBackend *backend, const VmdLaunchPlan *plan)
{
  return vmd_hypervisor_dup_socket (plan, VMD_CONTROL_SOCKET);
}

/* The way out, if the plan wants one and there can be one; *@passt stays NULL otherwise. */
static gboolean
start_passt (const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder, VmdPasst **passt,
             GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (!g_str_equal (plan->network, "user"))
    return TRUE;
  *passt = vmd_passt_start (plan, recorder, cancellable, deadline, &failure);
  if (*passt != NULL)
    return TRUE;
  if (!g_error_matches (failure, VMD_ERROR, VMD_ERROR_MISSING_PROGRAM))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  g_debug ("VM %s: the guest has no way out: %s", plan->vm_name, failure->message);

  return TRUE;
}

static VmdMachine *
vmd_qemu_backend_spawn (VmdBackend *backend, const VmdLaunchPlan *plan,
                        const VmdLaunchRecorder *recorder, GCancellable *cancellable,
                        gint64 deadline, GError **error)
{
  g_autofree char *program = vmd_program_find (PROGRAM, error);
  VmdQemuArguments arguments = { .program = program, .plan = plan, .network_fd = -1 };
  g_autoptr (VmdPasst) passt = NULL;
  g_auto (GStrv) argv = NULL;
  VmdMachine *machine;
  const char *reason;
  int network_fd = -1;

  if (program == NULL || !vmd_accelerator_choose (&arguments.accelerator, &reason, error) ||
      !start_passt (plan, recorder, &passt, cancellable, deadline, error))
    return NULL;
  g_debug ("VM %s: accelerator: %s", plan->vm_name, reason);
  if (passt != NULL)
    {
      network_fd = vmd_passt_get_fd (passt);
      /* The first one that it is given. */
      arguments.network_fd = 3;
    }
  argv = vmd_qemu_arguments_build (&arguments);
  machine = vmd_hypervisor_spawn ((const char *const *) argv, &network_fd, passt != NULL, plan,
                                  recorder, cancellable, deadline, error);
  if (machine != NULL && passt != NULL)
    vmd_passt_leave (passt);

  return machine;
}

static VmdMachine *
vmd_qemu_backend_adopt (VmdBackend *backend, const char *vm_id, const VmdProcessId *process,
                        const char *control_socket, GCancellable *cancellable, gint64 deadline,
                        GError **error)
{
  return vmd_qmp_machine_new (process, control_socket, cancellable, deadline, error);
}

static char *
vmd_qemu_backend_dup_channel_socket (VmdBackend *backend, const char *control_socket)
{
  return vmd_hypervisor_dup_channel_socket (control_socket);
}

static gboolean
vmd_qemu_backend_remove_resource (VmdBackend *backend, const char *kind, const char *name,
                                  GError **error)
{
  return vmd_launch_resource_remove (kind, name, error);
}

static void
vmd_qemu_backend_backend_init (VmdBackendInterface *iface)
{
  iface->get_name = vmd_qemu_backend_get_name;
  iface->check = vmd_qemu_backend_check;
  iface->dup_control_socket = vmd_qemu_backend_dup_control_socket;
  iface->spawn = vmd_qemu_backend_spawn;
  iface->adopt = vmd_qemu_backend_adopt;
  iface->dup_channel_socket = vmd_qemu_backend_dup_channel_socket;
  iface->remove_resource = vmd_qemu_backend_remove_resource;
}

static void
vmd_qemu_backend_class_init (VmdQemuBackendClass *klass)
{
}

static void
vmd_qemu_backend_init (VmdQemuBackend *self)
{
}

/* (transfer full) */
VmdBackend *
vmd_qemu_backend_new (void)
{
  return g_object_new (VMD_TYPE_QEMU_BACKEND, NULL);
}
