/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-dbus.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMCTL_BUS_NAME "org.vmd.Vmd1"
#define VMCTL_OBJECT_PATH "/org/vmd/Vmd1"

typedef enum
{
  VMCTL_CONNECTION_FIND, /* a daemon that runs, or that the bus starts */
  VMCTL_CONNECTION_START, /* started where there is none */
} VmctlConnectionMode;

/* A connection to the daemon of one state directory, on a bus or peer to peer. */
typedef struct _VmctlConnection VmctlConnection;

VmctlConnection *
vmctl_connection_open (VmctlConnectionMode mode, GCancellable *cancellable, GError **error);
void vmctl_connection_free (VmctlConnection *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlConnection, vmctl_connection_free)

GDBusConnection *vmctl_connection_get_bus (VmctlConnection *self);
const char *vmctl_connection_get_bus_name (VmctlConnection *self);
VmdDbusManager *vmctl_connection_get_manager (VmctlConnection *self);

G_END_DECLS
