/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hook is over when the program has ended, not when its output has: a service that it started
 * may keep the pipe for ever. It has a process group of its own, so that whatever it waits for
 * ends with it. The group is signalled while the program has not been reaped, and not later, for
 * its number could then be somebody else's. */

#include "config-hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a pipe holds, once more: of one that is written to for ever no more is read at the end. */
#define MAX_LEFT (128 * 1024)

/* Returns how many bytes there were; 0: nothing more is there, or will be. */
static size_t
read_output (struct config_hook *hook)
{
  char bytes[4096];
  ssize_t n = read (hook->output.fd, bytes, sizeof bytes);
  size_t length = n > 0 ? (size_t) n : 0;
  size_t taken = length < sizeof hook->tail ? length : sizeof hook->tail;
  size_t kept = hook->n_tail < sizeof hook->tail - taken ? hook->n_tail : sizeof hook->tail - taken;

  memmove (hook->tail, hook->tail + hook->n_tail - kept, kept);
  memcpy (hook->tail + kept, bytes + length - taken, taken);
  hook->n_tail = kept + taken;
  return length;
}

static void
close_output (struct config_hook *hook)
{
  if (hook->output.fd < 0)
    return;

  loop_remove (&hook->output);
  close (hook->output.fd);
  hook->output.fd = -1;
}

static void
output_ready (void *data, uint32_t events)
{
  struct config_hook *hook = data;

  if (read_output (hook) == 0)
    close_output (hook);
}

static void
signal_group (void *data)
{
  struct config_hook *hook = data;

  if (hook->why == NULL)
    hook->why = "did not end in time";
  kill (-hook->pid, hook->next_signal);
  if (hook->next_signal == SIGTERM)
    loop_set_timer (&hook->timer, hook->grace);
  hook->next_signal = SIGKILL;
}

static void
become_hook (const char *program, char *const *environment, int output)
{
  char *const argv[] = { (char *) program, NULL };
  sigset_t none;
  int input = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  setpgid (0, 0);
  dup2 (input, 0);
  dup2 (output, 1);
  dup2 (output, 2);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  signal (SIGPIPE, SIG_DFL);
  execve (program, argv, environment);
  dprintf (2, "cannot run it: %s\n", strerror (errno));
  _exit (127);
}

static void
fail (struct config_hook *hook)
{
  char failure[128];

  snprintf (failure, sizeof failure, "The hook could not be run: %s", strerror (errno));
  hook->ended (hook->user, failure);
}

/* Its end is told; that may be before this returns. */
void
config_hook_run (struct config_hook *hook, const char *program, char *const *environment)
{
  int ends[2];

  hook->n_tail = 0;
  hook->why = NULL;
  hook->next_signal = SIGTERM;
  hook->timer.expired = signal_group;
  hook->timer.data = hook;
  hook->output.ready = output_ready;
  hook->output.data = hook;
  if (pipe2 (ends, O_CLOEXEC) < 0)
    {
      fail (hook);
      return;
    }
  hook->pid = fork ();
  if (hook->pid == 0)
    become_hook (program, environment, ends[1]);
  close (ends[1]);
  hook->output.fd = ends[0];
  if (hook->pid < 0)
    {
      hook->pid = 0;
      close (ends[0]);
      fail (hook);
      return;
    }

  /* The child does so too; whoever is first, the group is there when it is signalled. */
  setpgid (hook->pid, hook->pid);
  fcntl (ends[0], F_SETFL, O_NONBLOCK);
  loop_add (&hook->output, EPOLLIN);
  loop_set_timer (&hook->timer, hook->deadline);
}

/* What it complained of: the last line that has something in it. */
static const char *
find_last_line (struct config_hook *hook)
{
  char *line;

  for (size_t i = 0; i < hook->n_tail; i++)
    if (hook->tail[i] == '\0')
      hook->tail[i] = ' ';
  while (hook->n_tail > 0 && strchr (" \t\r\n", hook->tail[hook->n_tail - 1]) != NULL)
    hook->n_tail--;
  if (hook->n_tail == sizeof hook->tail)
    {
      hook->n_tail--;
      memmove (hook->tail, hook->tail + 1, hook->n_tail);
    }
  hook->tail[hook->n_tail] = '\0';
  line = strrchr (hook->tail, '\n');

  return line != NULL ? line + 1 : hook->tail;
}

static void
tell_failure (struct config_hook *hook, int status)
{
  char failure[CONFIG_HOOK_MAX_FAILURE];
  char how[64];
  const char *line = find_last_line (hook);

  if (WIFSIGNALED (status))
    snprintf (how, sizeof how, "was ended by signal %d", WTERMSIG (status));
  else
    snprintf (how, sizeof how, "exited with status %d", WEXITSTATUS (status));
  snprintf (failure, sizeof failure, "The hook %s%s%s", hook->why != NULL ? hook->why : how,
            *line != '\0' ? ": " : "", line);
  hook->ended (hook->user, failure);
}

/* A child has ended: is it this one? */
void
config_hook_reap (struct config_hook *hook)
{
  size_t length = 0;
  size_t n;
  int status;

  if (hook->pid == 0 || waitpid (hook->pid, &status, WNOHANG) != hook->pid)
    return;

  hook->pid = 0;
  loop_clear_timer (&hook->timer);
  while (hook->output.fd >= 0 && length < MAX_LEFT && (n = read_output (hook)) > 0)
    length += n;
  close_output (hook);
  if (hook->why == NULL && WIFEXITED (status) && WEXITSTATUS (status) == 0)
    hook->ended (hook->user, NULL);
  else
    tell_failure (hook, status);
}

/* Ends it as its deadline does; it is over when it has ended. */
void
config_hook_stop (struct config_hook *hook)
{
  if (hook->pid == 0 || hook->why != NULL)
    return;

  hook->why = "was ended";
  signal_group (hook);
}
