/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-launcher-private.h"

#include "vmd-launcher-child-private.h"
#include "vmd-left-child-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A launch in three steps, so that no process is ever unknown to the store.
 *
 *   hold      a child exists, has a pid, and waits at its gate: it ends by itself when we do
 *   release   its row is committed: the gate opens, and it becomes the program
 *   leave     it answers: from now on it lives without us
 *
 * Invariant: whatever happens before `leave`, also our own death, ends the child, or leaves it with
 * a committed row by which the next vmd finds it. Until then vmd_launcher_free() kills it and takes
 * its zombie away.
 *
 * Rejected: a double fork, since then the child's exit status would be init's; posix_spawn(3),
 * since the pid would be known only when the program runs; a helper program that waits, since that
 * would be one more exec for each launch. */

/* How much of the log's end goes into an error. */
#define LAST_WORDS_BYTES 2048
#define LAST_WORDS_LINES 8

/* How long one that was killed may take to be gone. */
#define KILL_MILLISECONDS 10000

struct _VmdLauncher
{
  char *name; /* of the program, without directories */
  char *log;
  VmdProcessId process;
  int pidfd;
  int gate_fd; /* -1 when it is open */
  int report_fd;
  gboolean is_left;
};

static int
open_log (const char *path, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    vmd_fail_errno (error, errno, "cannot open %s", path);

  return fd;
}

/* Forks with all signals blocked: a handler of this process must not run in the child. */
static pid_t
fork_child (const VmdLauncherChild *child)
{
  sigset_t all, before;
  int saved_errno;
  pid_t pid;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pid = fork ();
  if (pid == 0)
    vmd_launcher_child_run (child);
  saved_errno = errno;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = saved_errno;

  return pid;
}

static gboolean
begin (VmdLauncher *self, VmdLauncherChild *child, GError **error)
{
  vmd_autofd int null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  vmd_autofd int log_fd = open_log (self->log, error);
  vmd_autofd int parent_fd = pidfd_open (getpid (), 0);
  vmd_autofd int gate_fd = -1;
  vmd_autofd int report_fd = -1;
  int gate[2];
  int report[2];
  pid_t pid;

  if (log_fd < 0)
    return FALSE;
  if (null_fd < 0 || parent_fd < 0 || pipe2 (gate, O_CLOEXEC) < 0)
    return vmd_fail_errno (error, errno, "cannot prepare to run %s", self->name);
  gate_fd = gate[0];
  self->gate_fd = gate[1];
  if (pipe2 (report, O_CLOEXEC | O_NONBLOCK) < 0)
    return vmd_fail_errno (error, errno, "cannot prepare to run %s", self->name);
  self->report_fd = report[0];
  report_fd = report[1];

  child->null_fd = null_fd;
  child->log_fd = log_fd;
  child->gate_fd = gate_fd;
  child->report_fd = report_fd;
  child->parent_fd = parent_fd;
  pid = fork_child (child);
  if (pid < 0)
    return vmd_fail_errno (error, errno, "cannot fork to run %s", self->name);
  self->process.pid = pid;
  self->pidfd = pidfd_open (pid, 0);
  if (self->pidfd < 0)
    return vmd_fail_errno (error, errno, "cannot watch %s", self->name);

  return TRUE;
}

/* Makes the child that will be @spec's program. (transfer full): it waits until
 * vmd_launcher_release(); NULL on error. The calling process may have other threads. */
VmdLauncher *
vmd_launcher_hold (const VmdLauncherSpec *spec, GError **error)
{
  g_autoptr (VmdLauncher) self = g_new0 (VmdLauncher, 1);
  VmdLauncherChild child = { .argv = (char *const *) spec->argv,
                             .environment = spec->environment != NULL
                                                ? (char *const *) spec->environment
                                                : environ,
                             .fds = spec->fds,
                             .n_fds = spec->n_fds };

  self->pidfd = self->gate_fd = self->report_fd = -1;
  self->name = g_path_get_basename (spec->argv[0]);
  self->log = g_strdup (spec->log);
  g_return_val_if_fail (spec->n_fds <= VMD_LAUNCHER_MAX_FDS, NULL);
  if (!vmd_fault_point ("launch-fork", error) || !begin (self, &child, error) ||
      !vmd_fault_point ("launch-held", error))
    return NULL;
  if (!vmd_process_id_read (self->process.pid, &self->process))
    {
      vmd_fail (error, VMD_ERROR_FAILED, "%s was ended before it began", self->name);
      return NULL;
    }

  return g_steal_pointer (&self);
}

/* Which process it is, for the row: (transfer none). */
const VmdProcessId *
vmd_launcher_get_process (VmdLauncher *self)
{
  return &self->process;
}

/* Ready (POLLIN) when the process has ended. Remains the launcher's. */
int
vmd_launcher_get_pidfd (VmdLauncher *self)
{
  return self->pidfd;
}

/* Opens the gate, and returns when the program runs; an error when it cannot be run. Its row must
 * be committed. */
gboolean
vmd_launcher_release (VmdLauncher *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  int child_errno = 0;
  gssize n;

  g_return_val_if_fail (self->gate_fd >= 0, FALSE);

  if (!vmd_fault_point ("launch-release", error))
    return FALSE;
  /* One that was killed at its gate says more than a broken pipe. */
  if (!vmd_launcher_check (self, error) ||
      !vmd_write_all (self->gate_fd, "", 1, cancellable, deadline, error))
    return FALSE;
  vmd_clear_fd (&self->gate_fd);
  n = vmd_read_some (self->report_fd, &child_errno, sizeof child_errno, cancellable, deadline,
                     error);
  if (n < 0)
    return FALSE;
  vmd_clear_fd (&self->report_fd);
  if (n > 0)
    return vmd_fail_errno (error, child_errno, "cannot run %s", self->name);

  return vmd_fault_point ("launch-released", error);
}

/* The last lines that it wrote, as one; "" if there are none. */
static char *
dup_last_words (VmdLauncher *self)
{
  char buffer[LAST_WORDS_BYTES];
  vmd_autofd int fd = open (self->log, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  off_t size = fd >= 0 ? lseek (fd, 0, SEEK_END) : -1;
  gssize n =
      size > 0 ? pread (fd, buffer, sizeof buffer, MAX (size - (off_t) sizeof buffer, 0)) : 0;
  g_autofree char *text = g_utf8_make_valid (buffer, MAX (n, 0));
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  guint n_lines = g_strv_length (lines);

  return g_strjoinv ("; ", lines + (n_lines > LAST_WORDS_LINES ? n_lines - LAST_WORDS_LINES : 0));
}

/* Takes the zombie away, and says how it ended. (transfer full) */
static char *
reap (VmdLauncher *self)
{
  siginfo_t end = { 0 };

  if (waitid (P_PIDFD, (id_t) self->pidfd, &end, WEXITED | WNOHANG) < 0 || end.si_pid == 0)
    return g_strdup ("ended");
  if (end.si_code == CLD_EXITED)
    return g_strdup_printf ("ended with exit status %d", end.si_status);

  return g_strdup_printf ("was killed by signal %d", end.si_status);
}

/* TRUE while it runs; else BACKEND, with how it ended and its last words. Never waits. */
gboolean
vmd_launcher_check (VmdLauncher *self, GError **error)
{
  struct pollfd ended = { .fd = self->pidfd, .events = POLLIN };
  g_autofree char *how = NULL;
  g_autofree char *words = NULL;

  if (poll (&ended, 1, 0) == 0)
    return TRUE;
  how = reap (self);
  words = dup_last_words (self);

  return vmd_fail (error, VMD_ERROR_BACKEND, "%s %s%s%s", self->name, how,
                   words[0] != '\0' ? ": " : "", words);
}

/* It is recorded and answers: from now on freeing the launcher does nothing to it. */
void
vmd_launcher_leave (VmdLauncher *self)
{
  struct pollfd ended = { .fd = self->pidfd, .events = POLLIN };
  int wait_status;

  self->is_left = TRUE;
  vmd_left_child_add (&self->process);
  /* Who watches it may have seen it end before it could be reaped there. */
  if (poll (&ended, 1, 0) > 0)
    vmd_left_child_reap (&self->process, &wait_status);
}

/* Kills it and waits until it is gone. Not cancellable: what is killed goes at once. */
static void
end_child (VmdLauncher *self)
{
  struct pollfd ended = { .fd = self->pidfd, .events = POLLIN };

  if (self->pidfd < 0)
    {
      /* A child of ours that nobody else can know of, and hence reap. */
      kill (self->process.pid, SIGKILL);
      while (waitpid (self->process.pid, NULL, 0) < 0 && errno == EINTR)
        ;
      return;
    }
  pidfd_send_signal (self->pidfd, SIGKILL, NULL, 0);
  if (vmd_poll (&ended, 1, NULL, vmd_deadline_in (KILL_MILLISECONDS), "a killed process ends",
                NULL))
    g_free (reap (self));
}

/* Ends the process, unless it was left to itself. */
void
vmd_launcher_free (VmdLauncher *self)
{
  if (self->process.pid > 0 && !self->is_left)
    end_child (self);
  vmd_clear_fd (&self->gate_fd);
  vmd_clear_fd (&self->report_fd);
  vmd_clear_fd (&self->pidfd);
  g_free (self->name);
  g_free (self->log);
  g_free (self);
}
