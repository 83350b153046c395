/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-passt-private.h"

#include "vmd-launch-resource-private.h"
#include "vmd-launcher-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-program-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <sys/socket.h>

/* QEMU ── socket pair ── vmd-network-guard ── socket pair ── passt ── the host's network
 *
 * passt makes the guest's connections its own, without root and without a device on the host; the
 * guard keeps from it what a guest shall not reach (see vmd-frame-filter.c). No socket has a name
 * that another process could connect to, and all are tied together: when QEMU ends, or any of the
 * three, the others find their socket closed and end. They are recorded all the same, before they
 * run.
 *
 * passt forwards no port of the host: a port must be chosen by the one that binds it, and passt's
 * cannot be asked. SSH comes through the other card. Where passt cannot work, on a host without a
 * route or without user namespaces, it ends at once, and the guest has a card whose link is down:
 * it runs, and is worked in, as with "none". */

struct _VmdPasst
{
  VmdLauncher *passt;
  VmdLauncher *guard;
  int fd; /* for QEMU */
};

/* Makes and records one of the processes, with @fds as its descriptors from 3 on, and lets it
 * run. */
static VmdLauncher *
start_process (const char *const *argv, const char *log_name, const int *fds, guint n_fds,
               const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
               GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *log = g_build_filename (plan->vm_dir, log_name, NULL);
  g_autofree char *process = NULL;
  const VmdLauncherSpec spec = { .argv = argv, .log = log, .fds = fds, .n_fds = n_fds };
  g_autoptr (VmdLauncher) launcher = NULL;

  launcher = vmd_launcher_hold (&spec, error);
  if (launcher == NULL)
    return NULL;
  process = vmd_launch_resource_dup_process_name (vmd_launcher_get_process (launcher));
  if (!vmd_launch_resource_record (recorder, VMD_RESOURCE_PROCESS, process, error) ||
      !vmd_launcher_release (launcher, cancellable, deadline, error))
    return NULL;

  return g_steal_pointer (&launcher);
}

/* Addresses as in guest/vmd-seed.c. */
static VmdLauncher *
start_passt (int fd, const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
             GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *program = vmd_program_find ("passt", error);
  const char *const argv[] = {
    program,       "--foreground", "--quiet",       "--fd",      "3",
    "--ipv4-only", "--address",    "10.0.3.15",     "--netmask", "24",
    "--gateway",   "10.0.3.2",     "--dns-forward", "10.0.3.3",  "--no-map-gw",
    "--tcp-ports", "none",         "--udp-ports",   "none",      NULL
  };

  if (program == NULL)
    return NULL;

  return start_process (argv, "passt.log", &fd, 1, plan, recorder, cancellable, deadline, error);
}

static VmdLauncher *
start_guard (int guest_fd, int outside_fd, const VmdLaunchPlan *plan,
             const VmdLaunchRecorder *recorder, GCancellable *cancellable, gint64 deadline,
             GError **error)
{
  g_autofree char *program = vmd_helper_find ("vmd-network-guard", error);
  const char *const argv[] = { program, NULL };
  const int fds[] = { guest_fd, outside_fd };

  if (program == NULL)
    return NULL;

  return start_process (argv, "network-guard.log", fds, 2, plan, recorder, cancellable, deadline,
                        error);
}

/* Starts passt and the guard. (transfer full): until vmd_passt_leave() they end with it. NULL on
 * error: MISSING_PROGRAM when passt is not installed. */
VmdPasst *
vmd_passt_start (const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
                 GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autoptr (VmdPasst) self = g_new0 (VmdPasst, 1);
  vmd_autofd int guest_fd = -1;
  vmd_autofd int outside_fd = -1;
  vmd_autofd int passt_fd = -1;
  int pair[2];

  self->fd = -1;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    {
      vmd_fail_errno (error, errno, "cannot make a socket");
      return NULL;
    }
  self->fd = pair[0];
  guest_fd = pair[1];
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    {
      vmd_fail_errno (error, errno, "cannot make a socket");
      return NULL;
    }
  outside_fd = pair[0];
  passt_fd = pair[1];

  self->passt = start_passt (passt_fd, plan, recorder, cancellable, deadline, error);
  if (self->passt == NULL || !vmd_fault_point ("launch-passt", error))
    return NULL;
  self->guard = start_guard (guest_fd, outside_fd, plan, recorder, cancellable, deadline, error);
  if (self->guard == NULL || !vmd_fault_point ("launch-guard", error))
    return NULL;

  return g_steal_pointer (&self);
}

/* The socket that leads out, for QEMU. Remains this object's. */
int
vmd_passt_get_fd (VmdPasst *self)
{
  return self->fd;
}

/* QEMU has the socket: from now on the processes end with it. */
void
vmd_passt_leave (VmdPasst *self)
{
  vmd_launcher_leave (self->passt);
  vmd_launcher_leave (self->guard);
}

void
vmd_passt_free (VmdPasst *self)
{
  g_clear_pointer (&self->passt, vmd_launcher_free);
  g_clear_pointer (&self->guard, vmd_launcher_free);
  vmd_clear_fd (&self->fd);
  g_free (self);
}
