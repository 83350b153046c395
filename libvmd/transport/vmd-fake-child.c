/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a command has to clean up behind itself when it is hung up on. */
#define HANG_UP_GRACE 2000 /* milliseconds */

typedef struct
{
  pid_t parent;
  gboolean has_terminal;
} Setup;

/* In the child: only what is safe after a fork. A session of its own, as sshd gives it; and hung up
 * on when we die, as when sshd's connection ends. */
static void
setup_cb (gpointer data)
{
  const Setup *setup = data;

  setsid ();
  if (setup->has_terminal)
    ioctl (STDIN_FILENO, TIOCSCTTY, 0);
  prctl (PR_SET_PDEATHSIG, SIGHUP);
  if (getppid () != setup->parent)
    _exit (127);
}

/* A login's, not ours. */
static GStrv
make_environment (const char *root, const char *term)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *path = g_getenv ("PATH");
  const char *pairs[][2] = {
    { "HOME", root }, { "LOGNAME", "root" }, { "PATH", path },          { "SHELL", "/bin/sh" },
    { "TERM", term }, { "USER", "root" },    { "VMD_FAKE_ROOT", root }, { "VMD_GUEST_ROOT", root },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (pairs[i][1] != NULL)
      {
        g_autofree char *entry = g_strconcat (pairs[i][0], "=", pairs[i][1], NULL);

        g_strv_builder_add (builder, entry);
      }
  return g_strv_builder_end (builder);
}

/* Starts /bin/sh with @command in @root. */
gboolean
vmd_fake_child_start (VmdFakeChild *self, const char *root, const char *command,
                      const VmdFakeStreams *streams, GError **error)
{
  const char *argv[] = { "/bin/sh", "-c", command, NULL };
  g_auto (GStrv) environment = make_environment (root, streams->term);
  Setup setup = { .parent = getpid (), .has_terminal = streams->term != NULL };
  GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD;
  g_autoptr (GError) local = NULL;

  if (streams->fds[1] < 0)
    flags |= G_SPAWN_STDOUT_TO_DEV_NULL;
  if (streams->fds[2] < 0)
    flags |= G_SPAWN_STDERR_TO_DEV_NULL;
  if (!g_spawn_async_with_pipes_and_fds (
          root, argv, (const char *const *) environment, flags, setup_cb, &setup, streams->fds[0],
          streams->fds[1], streams->fds[2], NULL, NULL, 0, &self->pid, NULL, NULL, NULL, &local))
    {
      vmd_propagate_foreign (error, g_steal_pointer (&local),
                             "Cannot run a command in the fake guest");
      return FALSE;
    }
  self->pidfd = pidfd_open (self->pid, 0);
  if (self->pidfd >= 0)
    return TRUE;
  vmd_fail_errno (error, errno, "Cannot watch a command in the fake guest");
  vmd_fake_child_end (self);
  return FALSE;
}

static int
reap (VmdFakeChild *self)
{
  int status = 0;

  while (waitpid (self->pid, &status, 0) < 0 && errno == EINTR)
    ;
  self->pid = 0;
  vmd_clear_fd (&self->pidfd);
  return status;
}

static gboolean
wait_for_exit (VmdFakeChild *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  struct pollfd exited = { .fd = self->pidfd, .events = POLLIN };

  return vmd_poll (&exited, 1, cancellable, deadline, "running a command in the guest", error);
}

/* Returns: (transfer full) (nullable) */
VmdExecResult *
vmd_fake_child_wait (VmdFakeChild *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  if (!wait_for_exit (self, cancellable, deadline, error))
    return NULL;
  return vmd_exec_result_new_from_wait (reap (self));
}

/* Hangs up on the command, and on all in its session's group. */
void
vmd_fake_child_end (VmdFakeChild *self)
{
  if (self->pid == 0)
    return;
  kill (-self->pid, SIGHUP);
  kill (-self->pid, SIGCONT);
  if (self->pidfd < 0 || !wait_for_exit (self, NULL, vmd_deadline_in (HANG_UP_GRACE), NULL))
    kill (-self->pid, SIGKILL);
  reap (self);
}
