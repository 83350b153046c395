/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-backend-private.h"

/* A running hypervisor. What each method means is said at struct _VmdMachineInterface. */

G_DEFINE_INTERFACE (VmdMachine, vmd_machine, G_TYPE_OBJECT)

static G_DEFINE_QUARK (vmd - machine - process, vmd_machine_process)

static void
vmd_machine_default_init (VmdMachineInterface *iface)
{
}

/* The process of this hypervisor: (transfer none), never NULL, and the same for the machine's
 * life. */
const VmdProcessId *
vmd_machine_get_process (VmdMachine *self)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), NULL);

  return g_object_get_qdata (G_OBJECT (self), vmd_machine_process_quark ());
}

/* Says which process this is; @process is copied. */
void
vmd_machine_set_process (VmdMachine *self, const VmdProcessId *process)
{
  g_return_if_fail (VMD_IS_MACHINE (self));
  g_return_if_fail (vmd_machine_get_process (self) == NULL);

  g_object_set_qdata_full (G_OBJECT (self), vmd_machine_process_quark (),
                           g_memdup2 (process, sizeof *process), g_free);
}

gboolean
vmd_machine_power_button (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                          GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), FALSE);

  return VMD_MACHINE_GET_IFACE (self)->power_button (self, cancellable, deadline, error);
}

gboolean
vmd_machine_pause (VmdMachine *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), FALSE);

  return VMD_MACHINE_GET_IFACE (self)->pause (self, cancellable, deadline, error);
}

gboolean
vmd_machine_resume (VmdMachine *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), FALSE);

  return VMD_MACHINE_GET_IFACE (self)->resume (self, cancellable, deadline, error);
}

gboolean
vmd_machine_query_paused (VmdMachine *self, gboolean *paused, GCancellable *cancellable,
                          gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), FALSE);

  return VMD_MACHINE_GET_IFACE (self)->query_paused (self, paused, cancellable, deadline, error);
}

gboolean
vmd_machine_query_ssh_port (VmdMachine *self, guint *port, GCancellable *cancellable,
                            gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), FALSE);

  return VMD_MACHINE_GET_IFACE (self)->query_ssh_port (self, port, cancellable, deadline, error);
}

int
vmd_machine_connect_agent (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                           GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), -1);

  return VMD_MACHINE_GET_IFACE (self)->connect_agent (self, cancellable, deadline, error);
}

int
vmd_machine_connect_console (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                             GError **error)
{
  g_return_val_if_fail (VMD_IS_MACHINE (self), -1);

  return VMD_MACHINE_GET_IFACE (self)->connect_console (self, cancellable, deadline, error);
}
