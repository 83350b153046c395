/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Being init, where the image has none: a few services are kept running, orphans are reaped, and
 * signals end the system in the way that busybox's `poweroff`, `halt` and `reboot` ask for it.
 * One loop around sigtimedwait(): all signals of interest are blocked from the start, so none is
 * lost and no handler runs. */

#include "supervise.h"
#include "file.h"
#include "poweroff.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between a service's end and its next start: doubled each time, up to the longest; begun anew
 * after it has lived for that. */
#define SHORTEST_DELAY 100
#define LONGEST_DELAY 10000

struct service
{
  const char *name;
  const char *path;
  char *const *argv; /* NULL: there is none */
  pid_t pid; /* 0: not running */
  int64_t started; /* all times are monotonic milliseconds */
  int64_t due; /* when to start it */
  int64_t delay;
};

static struct service ssh = { .name = "SSH server" };
static struct service agent = { .name = "agent" };
static struct service config = { .name = "configuration client" };

static int64_t
now_milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Gives the child a session of its own and sends what it says to @log. */
static void
become_service (const char *log)
{
  sigset_t none;
  int fd = open (log, O_WRONLY | O_NOCTTY);
  int null_fd = open ("/dev/null", O_RDWR | O_NOCTTY);

  setsid ();
  dup2 (null_fd, 0);
  dup2 (null_fd, 1);
  dup2 (fd >= 0 ? fd : null_fd, 2);
  if (fd > 2)
    close (fd);
  if (null_fd > 2)
    close (null_fd);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static pid_t
spawn (char *const *argv, const char *path, const char *log)
{
  static char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
    "LANG=C.UTF-8", NULL
  };
  pid_t pid = fork ();

  if (pid != 0)
    return pid;

  become_service (log);
  execve (path, argv, environment);
  report_errno ("cannot run %s", path);
  _exit (127);
}

/* What a service says goes into the kernel's log: it is bounded, and not copied to a quiet
 * console. After a failure it goes to the console itself: whoever cannot log in has only that to
 * read. */
static void
start (struct service *service)
{
  bool failed_before = service->delay > SHORTEST_DELAY;

  service->started = now_milliseconds ();
  service->pid = spawn (service->argv, service->path, failed_before ? "/dev/console" : "/dev/kmsg");
  if (service->pid > 0)
    return;

  service->pid = 0;
  service->due = service->started + LONGEST_DELAY;
  report_errno ("cannot start the %s", service->name);
}

static void
note_end (struct service *service, int status)
{
  int64_t now = now_milliseconds ();

  service->pid = 0;
  if (now - service->started >= LONGEST_DELAY)
    service->delay = SHORTEST_DELAY;
  service->due = now + service->delay;
  report_problem ("the %s ended with %s %d; it is started again in %lld ms", service->name,
                  WIFSIGNALED (status) ? "signal" : "status",
                  WIFSIGNALED (status) ? WTERMSIG (status) : WEXITSTATUS (status),
                  (long long) service->delay);
  service->delay = service->delay * 2 < LONGEST_DELAY ? service->delay * 2 : LONGEST_DELAY;
}

static void
begin (struct service *service, char *const *argv, const char *path)
{
  service->argv = argv;
  service->path = path;
  service->delay = SHORTEST_DELAY;
  start (service);
}

/* @argv NULL: the image has no SSH server. */
void
supervise_start_ssh (char *const *argv)
{
  if (argv != NULL)
    begin (&ssh, argv, argv[0]);
}

/* Starts the agent out of the file @program. */
void
supervise_start_agent (const char *program)
{
  static char *const argv[] = { SUPERVISE_AGENT_NAME, "agent", NULL };

  begin (&agent, argv, program);
}

/* Starts the client of the configuration channel out of the file @program. Unlike the agent it is
 * to end when systemd ends: a hook of its might still write. */
void
supervise_start_config (const char *program)
{
  static char *const argv[] = { "vmd-guest", "config", NULL };

  begin (&config, argv, program);
}

static void
reap (void)
{
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    {
      if (pid == ssh.pid)
        note_end (&ssh, status);
      else if (pid == agent.pid)
        note_end (&agent, status);
      else if (pid == config.pid)
        note_end (&config, status);
    }
}

/* Starts @service if it is due; else brings @wake forward to when it is. */
static void
start_if_due (struct service *service, int64_t now, int64_t *wake)
{
  if (service->argv == NULL || service->pid != 0)
    return;
  if (service->due <= now)
    start (service);
  if (service->pid == 0 && service->due < *wake)
    *wake = service->due;
}

/* What @signal asks for: a command of reboot(2), or 0. */
static int
command_of (int signal)
{
  switch (signal)
    {
    case SIGUSR2: /* busybox poweroff, and our agent */
    case SIGPWR: /* a power failure is announced */
      return RB_POWER_OFF;
    case SIGUSR1: /* busybox halt; a VM that is halted but not off would be of no use to anyone */
      return RB_POWER_OFF;
    case SIGTERM: /* busybox reboot */
    case SIGINT: /* Ctrl-Alt-Del */
      return RB_AUTOBOOT;
    default:
      return 0;
    }
}

static void
fill_wanted (sigset_t *signals)
{
  static const int wanted[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGPWR };

  sigemptyset (signals);
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
    sigaddset (signals, wanted[i]);
}

/* To be called before anyone is started: the kernel throws away what PID 1 neither handles nor
 * blocks, and a power-off that is asked for in the middle of the boot must wait for its end, not
 * be lost. */
void
supervise_begin (void)
{
  sigset_t signals;

  fill_wanted (&signals);
  sigprocmask (SIG_BLOCK, &signals, NULL);
}

/* For when another becomes init: obeys what was asked for meanwhile, then gives signals free. */
void
supervise_end (void)
{
  sigset_t signals;
  const struct timespec at_once = { 0 };
  int signal;

  fill_wanted (&signals);
  while ((signal = sigtimedwait (&signals, NULL, &at_once)) > 0)
    if (command_of (signal) != 0)
      poweroff_now (command_of (signal));
  sigprocmask (SIG_UNBLOCK, &signals, NULL);
}

/* The rest of PID 1's life. */
void
supervise_run (void)
{
  sigset_t signals;

  fill_wanted (&signals);
  supervise_begin ();
  reboot (RB_DISABLE_CAD);

  for (;;)
    {
      int64_t now = now_milliseconds ();
      int64_t wake = now + 3600 * 1000;
      struct timespec timeout;
      int command;

      reap ();
      start_if_due (&ssh, now, &wake);
      start_if_due (&agent, now, &wake);
      start_if_due (&config, now, &wake);
      timeout.tv_sec = (time_t) ((wake - now) / 1000);
      timeout.tv_nsec = (long) ((wake - now) % 1000) * 1000000;
      command = command_of (sigtimedwait (&signals, NULL, &timeout));
      if (command != 0)
        poweroff_now (command);
    }
}
