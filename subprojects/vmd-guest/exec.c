/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest exec PROGRAM [ARGUMENT…]
 *
 * Runs a program, and ends it when whoever asked for it is gone. An SSH server that loses its
 * connection only takes its streams from a command that has no terminal: one that cares for none
 * of them would go on for ever. We are a child of the server's process for this connection, and
 * the kernel tells us when that ends. The program and what it starts are a process group, which is
 * then hung up on, as a terminal would do it; and killed, if the program does not end.
 *
 * Rejected: to set the parent-death signal and become the program, since what it starts would not
 * get it.
 *
 * Otherwise it is as if we were not there: the streams are the program's alone, signals are handed
 * on, and we end as it ended. */

#include "applets.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a shell exits with. */
#define NOT_EXECUTABLE 126
#define NOT_FOUND 127

/* How long a program that is hung up on has to clean up. */
#define GRACE_SECONDS 5

static void
run_program (char **argv, const sigset_t *mask)
{
  setpgid (0, 0);
  sigprocmask (SIG_SETMASK, mask, NULL);
  execvp (argv[0], argv);
  fprintf (stderr, "vmd-guest: exec: %s: %s\n", argv[0], strerror (errno));
  _exit (errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* Ends as the program did. */
static int
end_like (int status)
{
  static const struct rlimit no_core = { 0, 0 };
  sigset_t one;

  if (!WIFSIGNALED (status))
    return WEXITSTATUS (status);

  setrlimit (RLIMIT_CORE, &no_core);
  signal (WTERMSIG (status), SIG_DFL);
  sigemptyset (&one);
  sigaddset (&one, WTERMSIG (status));
  raise (WTERMSIG (status));
  sigprocmask (SIG_UNBLOCK, &one, NULL);
  return 128 + WTERMSIG (status);
}

/* Hands signals on to @group until its first process has ended. After a hang-up there is a limit. */
static int
watch (pid_t group, const sigset_t *signals)
{
  static const struct timespec grace = { .tv_sec = GRACE_SECONDS };
  int hung_up = 0;
  int status;

  for (;;)
    {
      int number = sigtimedwait (signals, NULL, hung_up ? &grace : NULL);

      if (waitpid (group, &status, WNOHANG) == group)
        return status;
      if (number < 0 && errno == EAGAIN)
        number = SIGKILL;
      if (number > 0 && number != SIGCHLD)
        kill (-group, number);
      if (number == SIGHUP)
        {
          kill (-group, SIGCONT);
          hung_up = 1;
        }
    }
}

int
applet_exec (int argc, char **argv)
{
  static const int numbers[] = { SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
  pid_t parent = getppid ();
  sigset_t signals, before;
  pid_t child;

  if (argc < 2)
    {
      fprintf (stderr, "Usage: vmd-guest exec PROGRAM [ARGUMENT…]\n");
      return 2;
    }

  sigemptyset (&signals);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    sigaddset (&signals, numbers[i]);
  sigprocmask (SIG_BLOCK, &signals, &before);
  /* Gone already? Then nobody tells us any more. */
  if (prctl (PR_SET_PDEATHSIG, SIGHUP) < 0 || getppid () != parent)
    return NOT_EXECUTABLE;
  child = fork ();
  if (child == 0)
    run_program (argv + 1, &before);
  if (child < 0)
    {
      fprintf (stderr, "vmd-guest: exec: cannot fork: %s\n", strerror (errno));
      return NOT_EXECUTABLE;
    }

  setpgid (child, child);
  /* Whoever reads or writes them is to see when the program lets go of them. */
  close (STDIN_FILENO);
  close (STDOUT_FILENO);
  close (STDERR_FILENO);
  return end_like (watch (child, &signals));
}
