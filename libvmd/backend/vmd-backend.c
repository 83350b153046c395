/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-backend-private.h"

/* A kind of hypervisor. What each method means is said at struct _VmdBackendInterface. */

G_DEFINE_INTERFACE (VmdBackend, vmd_backend, G_TYPE_OBJECT)

static void
vmd_backend_default_init (VmdBackendInterface *iface)
{
}

const char *
vmd_backend_get_name (VmdBackend *self)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), NULL);

  return VMD_BACKEND_GET_IFACE (self)->get_name (self);
}

gboolean
vmd_backend_check (VmdBackend *self, GError **error)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), FALSE);

  return VMD_BACKEND_GET_IFACE (self)->check (self, error);
}

char *
vmd_backend_dup_control_socket (VmdBackend *self, const VmdLaunchPlan *plan)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), NULL);

  return VMD_BACKEND_GET_IFACE (self)->dup_control_socket (self, plan);
}

VmdMachine *
vmd_backend_spawn (VmdBackend *self, const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
                   GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), NULL);

  return VMD_BACKEND_GET_IFACE (self)->spawn (self, plan, recorder, cancellable, deadline, error);
}

VmdMachine *
vmd_backend_adopt (VmdBackend *self, const char *vm_id, const VmdProcessId *process,
                   const char *control_socket, GCancellable *cancellable, gint64 deadline,
                   GError **error)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), NULL);

  return VMD_BACKEND_GET_IFACE (self)->adopt (self, vm_id, process, control_socket, cancellable,
                                              deadline, error);
}

char *
vmd_backend_dup_channel_socket (VmdBackend *self, const char *control_socket)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), NULL);

  return VMD_BACKEND_GET_IFACE (self)->dup_channel_socket (self, control_socket);
}

gboolean
vmd_backend_remove_resource (VmdBackend *self, const char *kind, const char *name, GError **error)
{
  g_return_val_if_fail (VMD_IS_BACKEND (self), FALSE);

  return VMD_BACKEND_GET_IFACE (self)->remove_resource (self, kind, name, error);
}
