/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of a guest: asking whoever is init for it, and doing it where we are init.
 *
 * There is no one way to ask. systemd takes SIGRTMIN+4 for its poweroff target. Our own init and
 * busybox's take SIGUSR2. sysvinit takes none of these (SIGUSR2 closes its pipe), and OpenRC,
 * runit and others have ways of their own, but all of them bring a `poweroff` that knows its
 * init: so an image's program is asked before a signal is guessed. What is left is an init that
 * has neither the program nor a handler for the signal, a shell script say; the kernel tells in
 * /proc/1/status that it would not even notice, and then we end the system ourselves, since
 * nobody else can. */

#include "poweroff.h"
#include "applets.h"
#include "file.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long processes have between SIGTERM and SIGKILL. */
#define GRACE_MILLISECONDS 5000
#define KILLED_MILLISECONDS 1000

/* PID 1 is this program, under the name that the kernel gave it at boot. */
static bool
is_init_ours (void)
{
  char name[32];

  return file_read_line ("/proc/1/comm", name, sizeof name) && strcmp (name, "vmd-init") == 0;
}

/* Has PID 1 a handler for @signal, or does it take it from a queue? */
static bool
does_init_notice (int signal)
{
  static const char *const fields[] = { "SigCgt:", "SigBlk:" };
  char status[4096];

  if (file_read ("/proc/1/status", status, sizeof status) < 0)
    return true;
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    {
      const char *field = strstr (status, fields[i]);

      if (field != NULL &&
          (strtoull (field + strlen (fields[i]), NULL, 16) >> (signal - 1) & 1) != 0)
        return true;
    }

  return false;
}

static const char *
find_program (void)
{
  static const char *const paths[] = { "/sbin/poweroff", "/usr/sbin/poweroff", "/bin/poweroff",
                                       "/usr/bin/poweroff" };

  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    if (access (paths[i], X_OK) == 0)
      return paths[i];

  return NULL;
}

/* Runs the image's poweroff; true if it ended well. */
static bool
run_program (const char *path)
{
  char *const argv[] = { "poweroff", NULL };
  char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
  int status;
  pid_t pid = fork ();

  if (pid == 0)
    {
      execve (path, argv, environment);
      _exit (127);
    }
  while (pid > 0 && waitpid (pid, &status, 0) < 0 && errno == EINTR)
    continue;

  return pid > 0 && WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

/* Asks for power-off in the way that this system has; @rehearse only says which. Returns when it
 * has been asked. */
bool
poweroff_request (bool rehearse)
{
  const char *program = find_program ();

  if (rehearse)
    {
      fprintf (stderr, "vmd-guest: poweroff is rehearsed\n");
      return true;
    }
  if (file_exists ("/run/systemd/system"))
    return kill (1, SIGRTMIN + 4) == 0 || report_errno ("cannot ask systemd for power-off");
  if (is_init_ours ())
    return kill (1, SIGUSR2) == 0 || report_errno ("cannot ask init for power-off");
  if (program != NULL && run_program (program))
    return true;
  if (does_init_notice (SIGUSR2))
    return kill (1, SIGUSR2) == 0 || report_errno ("cannot ask init for power-off");

  report_note ("this init cannot be asked for power-off: doing it");
  poweroff_now (RB_POWER_OFF);
  return false;
}

static long
milliseconds_since (const struct timespec *begin)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000;
}

/* Does a process other than init and us live? One without a program is a thread of the kernel's,
 * or a zombie. kill (-1, 0) would not tell: it finds the kernel's threads, always. */
static bool
is_anyone_left (void)
{
  char path[300];
  char program[8];
  struct dirent *entry;
  bool found = false;
  DIR *processes = opendir ("/proc");

  while (waitpid (-1, NULL, WNOHANG) > 0)
    continue;
  if (processes == NULL)
    return false;
  while (!found && (entry = readdir (processes)) != NULL)
    {
      long pid = strtol (entry->d_name, NULL, 10);

      snprintf (path, sizeof path, "/proc/%s/exe", entry->d_name);
      found = pid > 1 && pid != getpid () && readlink (path, program, sizeof program) > 0;
    }
  closedir (processes);

  return found;
}

/* Waits until all processes are gone. SIGCHLD, which must be blocked, wakes us for children;
 * others are looked for anew each 20 ms. */
static void
wait_for_all (long milliseconds)
{
  const struct timespec interval = { .tv_nsec = 20 * 1000000 };
  struct timespec begin;
  sigset_t child;

  sigemptyset (&child);
  sigaddset (&child, SIGCHLD);
  clock_gettime (CLOCK_MONOTONIC, &begin);
  while (is_anyone_left () && milliseconds_since (&begin) < milliseconds)
    sigtimedwait (&child, NULL, &interval);
}

/* Unmounts what is mounted in the root, the latest first: other disks, that is. The kernel's own
 * file systems may stay. */
static void
unmount_all (void)
{
  static char mounts[64 * 1024];
  char *line;

  if (file_read ("/proc/mounts", mounts, sizeof mounts) < 0)
    return;
  while ((line = strrchr (mounts, '\n')) != NULL)
    {
      char *path = strchr (line + 1, ' ');
      char *end = path != NULL ? strchr (path + 1, ' ') : NULL;

      *line = '\0';
      if (end == NULL)
        continue;
      *end = '\0';
      if (strcmp (path + 1, "/proc") != 0 && strcmp (path + 1, "/dev") != 0)
        umount2 (path + 1, UMOUNT_NOFOLLOW);
    }
}

/* Makes the root read-only, by force if somebody still writes: then what is on the disk is whole.
 */
static void
seal_root (void)
{
  sync ();
  if (mount (NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0)
    return;

  report_errno ("cannot make the root read-only in order");
  if (!file_write ("/proc/sysrq-trigger", 0200, "u", 1))
    report_errno ("nor by force");
  sync ();
}

/* Ends all processes but this one, seals the disk and carries out @reboot_command. SIGCHLD is
 * blocked from here on. Does not return where the kernel obeys. */
void
poweroff_now (int reboot_command)
{
  sigset_t child;

  sigemptyset (&child);
  sigaddset (&child, SIGCHLD);
  sigprocmask (SIG_BLOCK, &child, NULL);

  /* An interactive shell ignores SIGTERM, but not that its terminal went; a stopped process
   * notices nothing until it goes on. */
  kill (-1, SIGTERM);
  kill (-1, SIGHUP);
  kill (-1, SIGCONT);
  wait_for_all (GRACE_MILLISECONDS);
  kill (-1, SIGKILL);
  wait_for_all (KILLED_MILLISECONDS);

  unmount_all ();
  seal_root ();
  reboot (reboot_command);
  report_errno ("the kernel does not power off");
}

/* `vmd-guest poweroff`: for whoever is in the guest. */
int
applet_poweroff (int argc, char **argv)
{
  report_open ("vmd-poweroff");
  return poweroff_request (false) ? 0 : 1;
}
