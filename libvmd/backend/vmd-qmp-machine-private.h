/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A running hypervisor that is controlled by QMP: QEMU, and the program that stands in for it. Its
 * sockets are beside each other in one directory. */

#include "vmd-backend-private.h"

G_BEGIN_DECLS

/* The names of those sockets. */
#define VMD_CONTROL_SOCKET "control"
#define VMD_AGENT_SOCKET "agent"
#define VMD_CONSOLE_SOCKET "console"
#define VMD_CHANNEL_SOCKET "channel"

#define VMD_TYPE_QMP_MACHINE (vmd_qmp_machine_get_type ())
G_DECLARE_FINAL_TYPE (VmdQmpMachine, vmd_qmp_machine, VMD, QMP_MACHINE, GObject)

VmdMachine *vmd_qmp_machine_new (const VmdProcessId *process, const char *control_socket,
                                 GCancellable *cancellable, gint64 deadline, GError **error);

G_END_DECLS
