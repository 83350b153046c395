/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Moves bytes between the user's terminal, or pipes, and a socket, both ways. */
typedef enum
{
  VMCTL_PUMP_HUNG_UP, /* the other side closed the socket */
  VMCTL_PUMP_DETACHED, /* the user pressed Ctrl-] */
  VMCTL_PUMP_CANCELLED,
} VmctlPumpEnd;

VmctlPumpEnd vmctl_pump_run (int socket_fd, int input_fd, int output_fd, gboolean escape,
                             GCancellable *cancellable);

G_END_DECLS
