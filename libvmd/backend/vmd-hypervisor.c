/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-hypervisor-private.h"

#include "vmd-launch-resource-private.h"
#include "vmd-launcher-private.h"
#include "vmd-local-socket-private.h"
#include "vmd-qmp-machine-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"

/* What the hypervisor writes about itself: a file, and not a pipe, since a pipe would break with
 * the vmd that reads it. */
#define LOG_NAME "hypervisor.log"

/* How long after its socket broke a hypervisor that dies may take to be dead. */
#define DEATH_MILLISECONDS 500

/* How soon the control socket is tried again. */
#define FIRST_MILLISECONDS 1
#define MOST_MILLISECONDS 20

/* The path of one of the hypervisor's sockets. (transfer full) */
char *
vmd_hypervisor_dup_socket (const VmdLaunchPlan *plan, const char *name)
{
  return g_build_filename (plan->runtime_dir, name, NULL);
}

/* The one of the channel, of a hypervisor whose control socket is known. (transfer full) */
char *
vmd_hypervisor_dup_channel_socket (const char *control_socket)
{
  g_autofree char *directory = g_path_get_dirname (control_socket);

  return g_build_filename (directory, VMD_CHANNEL_SOCKET, NULL);
}

/* Those that a launch before this one left behind go: an old socket would only be in the way. */
static gboolean
make_room (const VmdLaunchPlan *plan, GError **error)
{
  static const char *const sockets[] = { VMD_CONTROL_SOCKET, VMD_AGENT_SOCKET, VMD_CONSOLE_SOCKET,
                                         VMD_CHANNEL_SOCKET };

  for (gsize i = 0; i < G_N_ELEMENTS (sockets); i++)
    {
      g_autofree char *path = vmd_hypervisor_dup_socket (plan, sockets[i]);

      if (!vmd_local_socket_check_path (path, error) ||
          !vmd_launch_resource_remove (VMD_RESOURCE_SOCKET, path, error))
        return FALSE;
    }

  return TRUE;
}

/* The control socket broke, or another than the hypervisor is there. If that is since the
 * hypervisor is dying, its last words tell more. */
static void
explain_failure (VmdLauncher *launcher, GCancellable *cancellable, GError *failure, GError **error)
{
  struct pollfd ended = { .fd = vmd_launcher_get_pidfd (launcher), .events = POLLIN };

  if (g_error_matches (failure, VMD_ERROR, VMD_ERROR_BACKEND))
    vmd_poll (&ended, 1, cancellable, vmd_deadline_in (DEATH_MILLISECONDS), "it ends", NULL);
  if (vmd_launcher_check (launcher, error))
    g_propagate_error (error, failure);
  else
    g_error_free (failure);
}

/* Tries until the control socket answers. It is no more than a few tries: the socket is among the
 * first things that a hypervisor makes. */
static VmdMachine *
wait_for_answer (VmdLauncher *launcher, const char *socket, GCancellable *cancellable,
                 gint64 deadline, GError **error)
{
  guint interval = FIRST_MILLISECONDS;

  for (;;)
    {
      struct pollfd ended = { .fd = vmd_launcher_get_pidfd (launcher), .events = POLLIN };
      gint64 next = MIN (deadline, vmd_deadline_in (interval));
      g_autoptr (GError) failure = NULL;
      VmdMachine *machine = vmd_qmp_machine_new (vmd_launcher_get_process (launcher), socket,
                                                 cancellable, deadline, &failure);

      if (machine != NULL)
        return machine;
      if (!vmd_launcher_check (launcher, error) || vmd_is_cancelled (cancellable, error))
        return NULL;
      /* Not there yet, or there and not listening yet; all else is final. */
      if (!g_error_matches (failure, VMD_ERROR, VMD_ERROR_NOT_FOUND) &&
          !g_error_matches (failure, VMD_ERROR, VMD_ERROR_FAILED))
        {
          explain_failure (launcher, cancellable, g_steal_pointer (&failure), error);
          return NULL;
        }
      if (deadline <= g_get_monotonic_time ())
        {
          vmd_fail (error, VMD_ERROR_TIMED_OUT, "the hypervisor makes no control socket");
          return NULL;
        }
      vmd_poll (&ended, 1, cancellable, next, "the hypervisor starts", NULL);
      interval = MIN (interval * 2, MOST_MILLISECONDS);
    }
}

static VmdMachine *
start (VmdLauncher *launcher, const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
       GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *socket = vmd_hypervisor_dup_socket (plan, VMD_CONTROL_SOCKET);
  g_autoptr (VmdMachine) machine = NULL;

  if (vmd_is_cancelled (cancellable, error) ||
      !recorder->process (recorder->data, vmd_launcher_get_process (launcher), error) ||
      !vmd_launcher_release (launcher, cancellable, deadline, error))
    return NULL;
  machine = wait_for_answer (launcher, socket, cancellable, deadline, error);
  if (machine == NULL || !vmd_fault_point ("launch-answered", error))
    return NULL;

  return g_steal_pointer (&machine);
}

/* Runs @argv with @fds as its descriptors from 3 on, and returns when its control socket answers.
 * On failure it does not run any more; what was recorded is for the caller to remove. */
VmdMachine *
vmd_hypervisor_spawn (const char *const *argv, const int *fds, guint n_fds,
                      const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
                      GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *log = g_build_filename (plan->vm_dir, LOG_NAME, NULL);
  const VmdLauncherSpec spec = { .argv = argv, .log = log, .fds = fds, .n_fds = n_fds };
  g_autoptr (VmdLauncher) launcher = NULL;
  VmdMachine *machine;

  if (vmd_is_cancelled (cancellable, error) || !make_room (plan, error))
    return NULL;
  launcher = vmd_launcher_hold (&spec, error);
  if (launcher == NULL)
    return NULL;
  machine = start (launcher, plan, recorder, cancellable, deadline, error);
  if (machine != NULL)
    vmd_launcher_leave (launcher);

  return machine;
}
