/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-program-private.h"

#include "vmd-failure-private.h"
#include "vmd-poll-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* One program, run to its end by the thread that asks for it. Its end is what its pidfd says, not
 * the end of its output: a daemon that it left behind may keep the pipes open for ever. It leads a
 * session, so that a cancel ends its children with it, and no terminal is asked for a password; and
 * it dies with the thread that started it. */

/* What is kept of stdout, and of the end of stderr. */
#define OUTPUT_MAX (16 * 1024 * 1024)
#define STDERR_KEPT 4096
#define STDERR_LINES 8

/* A program that never pauses must not keep us from looking at the clock: so many reads at a time,
 * and more than a pipe can hold. */
#define READS_AT_ONCE 128

typedef struct
{
  const char *name; /* argv[0] without directories */
  GPid pid; /* 0: never started, or reaped */
  int pidfd;
  int stdout_fd; /* -1: not asked for, or at its end */
  int stderr_fd;
  GString *output;
  GString *complaints;
} Run;

static void
run_clear (Run *run)
{
  if (run->pid > 0)
    {
      kill (-run->pid, SIGKILL);
      while (waitpid (run->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    }
  vmd_clear_fd (&run->pidfd);
  vmd_clear_fd (&run->stdout_fd);
  vmd_clear_fd (&run->stderr_fd);
  g_string_free (run->output, TRUE);
  g_string_free (run->complaints, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* In the child, after the fork: only what is safe there. */
static void
child_setup_cb (gpointer data)
{
  pid_t parent = GPOINTER_TO_INT (data);

  setsid ();
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != parent)
    _exit (127);
}

static gboolean
spawn (Run *run, const char *const *argv, const char *directory, gboolean wants_output,
       GError **error)
{
  g_autoptr (GError) local = NULL;
  GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD;

  if (!wants_output)
    flags |= G_SPAWN_STDOUT_TO_DEV_NULL;
  if (!g_spawn_async_with_pipes (directory, (char **) argv, NULL, flags, child_setup_cb,
                                 GINT_TO_POINTER (getpid ()), &run->pid, NULL,
                                 wants_output ? &run->stdout_fd : NULL, &run->stderr_fd, &local))
    {
      vmd_propagate_foreign (error, g_steal_pointer (&local), "cannot run %s", run->name);
      return FALSE;
    }
  run->pidfd = pidfd_open (run->pid, 0);
  if (run->pidfd < 0)
    return vmd_fail_errno (error, errno, "cannot watch %s", run->name);
  g_unix_set_fd_nonblocking (run->stderr_fd, TRUE, NULL);
  if (wants_output)
    g_unix_set_fd_nonblocking (run->stdout_fd, TRUE, NULL);

  return TRUE;
}

/* Appends what can be read now without waiting; closes *@fd at its end. */
static void
drain (int *fd, GString *into, gsize keep_last)
{
  char buffer[16384];
  gssize n;

  for (guint i = 0; *fd >= 0 && into->len <= OUTPUT_MAX && i < READS_AT_ONCE; i++)
    {
      n = read (*fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        return;
      if (n <= 0)
        vmd_clear_fd (fd);
      else
        g_string_append_len (into, buffer, n);
      if (into->len > keep_last)
        g_string_erase (into, 0, (gssize) (into->len - keep_last));
    }
}

/* Until the program itself has ended. */
static gboolean
watch (Run *run, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *what = g_strdup_printf ("%s runs", run->name);
  gboolean ended = FALSE;

  while (!ended)
    {
      struct pollfd fds[] = { { .fd = run->pidfd, .events = POLLIN },
                              { .fd = run->stdout_fd, .events = POLLIN },
                              { .fd = run->stderr_fd, .events = POLLIN } };

      if (!vmd_poll (fds, G_N_ELEMENTS (fds), cancellable, deadline, what, error))
        return FALSE;
      ended = fds[0].revents != 0;
      drain (&run->stdout_fd, run->output, G_MAXSIZE);
      drain (&run->stderr_fd, run->complaints, STDERR_KEPT);
      if (run->output->len > OUTPUT_MAX)
        return vmd_fail (error, VMD_ERROR_FAILED, "%s writes more than %d MiB", run->name,
                         OUTPUT_MAX / (1024 * 1024));
    }

  return TRUE;
}

/* The last lines of stderr, as one line. */
static char *
dup_last_words (Run *run)
{
  g_autofree char *text = g_utf8_make_valid (run->complaints->str, -1);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  guint n = g_strv_length (lines);

  return g_strjoinv ("; ", lines + (n > STDERR_LINES ? n - STDERR_LINES : 0));
}

static gboolean
check_end (Run *run, GError **error)
{
  g_autofree char *words = dup_last_words (run);
  const char *colon = words[0] != '\0' ? ": " : "";
  int status = 0;
  pid_t reaped;

  do
    reaped = waitpid (run->pid, &status, 0);
  while (reaped < 0 && errno == EINTR);
  run->pid = 0;
  if (reaped < 0)
    return vmd_fail_errno (error, errno, "cannot learn how %s ended", run->name);
  if (WIFSIGNALED (status))
    return vmd_fail (error, VMD_ERROR_FAILED, "%s was killed by signal %d%s%s", run->name,
                     WTERMSIG (status), colon, words);
  if (WEXITSTATUS (status) != 0)
    return vmd_fail (error, VMD_ERROR_FAILED, "%s failed with exit status %d%s%s", run->name,
                     WEXITSTATUS (status), colon, words);

  return TRUE;
}

/* Runs @argv (argv[0] a path) to its end in @directory (nullable: this process's), with stdin from
 * /dev/null and without a terminal. @output (nullable, transfer full) is its stdout, at most 16
 * MiB. When cancelled or late, it and its children are killed: CANCELLED, TIMED_OUT. An exit status
 * other than 0 is FAILED, with the last lines of its stderr. */
gboolean
vmd_program_run (const char *const *argv, const char *directory, char **output,
                 GCancellable *cancellable, gint64 deadline, GError **error)
{
  const char *slash = strrchr (argv[0], '/');
  g_auto (Run) run = { .name = slash != NULL ? slash + 1 : argv[0],
                       .pidfd = -1,
                       .stdout_fd = -1,
                       .stderr_fd = -1,
                       .output = g_string_new (NULL),
                       .complaints = g_string_new (NULL) };

  if (vmd_is_cancelled (cancellable, error) ||
      !spawn (&run, argv, directory, output != NULL, error) ||
      !watch (&run, cancellable, deadline, error) || !check_end (&run, error))
    return FALSE;
  if (output != NULL)
    {
      *output = g_string_free (run.output, FALSE);
      run.output = g_string_new (NULL);
    }

  return TRUE;
}
