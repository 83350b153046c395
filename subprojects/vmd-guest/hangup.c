/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest hangup TOKEN
 *
 * Ends a command that the host gave up, and all that it has started: every process with
 * VMD_EXEC=TOKEN in its environment. An SSH server that loses its connection, or closes a command's
 * channel, only takes the streams from a command without a terminal; one that cares for none of
 * them would go on for ever. The environment is what children get from their parents whatever they
 * do with groups and sessions, and costs nothing while nobody gives up.
 *
 * Rejected: a parent that watches the connection. Under emulation each program that is started
 * costs as much as all the rest of a short command. */

#include "applets.h"
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VARIABLE "VMD_EXEC="
#define TOKEN_MAX 64

/* How long what is hung up on has to clean up, and between two looks. */
#define GRACE_MILLISECONDS 5000
#define LOOK_MILLISECONDS 50

/* Whether the environment that the process was started with has @entry. */
static bool
has_entry (const char *pid, const char *entry)
{
  static char bytes[64 * 1024];
  size_t length = strlen (entry);
  size_t kept = 0;
  char path[64];
  autofd int fd = -1;
  ssize_t n;

  snprintf (path, sizeof path, "/proc/%.16s/environ", pid);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && (n = read (fd, bytes + kept, sizeof bytes - kept)) > 0)
    {
      kept += (size_t) n;
      if (memmem (bytes, kept, entry, length) != NULL)
        return true;
      /* It may lie across two reads. */
      if (kept > length)
        {
          memmove (bytes, bytes + kept - length, length);
          kept = length;
        }
    }

  return false;
}

/* Sends @number, if it is not 0, to all of them; returns how many there are. */
static unsigned
signal_all (const char *entry, int number)
{
  DIR *proc = opendir ("/proc");
  const struct dirent *process;
  unsigned found = 0;

  while (proc != NULL && (process = readdir (proc)) != NULL)
    {
      pid_t pid = (pid_t) atoi (process->d_name);

      if (pid <= 1 || pid == getpid () || !has_entry (process->d_name, entry))
        continue;
      found++;
      if (number != 0)
        kill (pid, number);
      if (number == SIGHUP)
        kill (pid, SIGCONT);
    }
  if (proc != NULL)
    closedir (proc);

  return found;
}

int
applet_hangup (int argc, char **argv)
{
  static const struct timespec pause = { .tv_nsec = LOOK_MILLISECONDS * 1000000 };
  char entry[sizeof VARIABLE + TOKEN_MAX];
  size_t length = argc == 2 ? strlen (argv[1]) : 0;

  if (length == 0 || length > TOKEN_MAX || strspn (argv[1], "0123456789abcdef") != length)
    {
      fprintf (stderr, "Usage: vmd-guest hangup TOKEN\n");
      return 2;
    }

  /* Whoever asked does not wait for us, and takes our streams away as well. */
  signal (SIGHUP, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  snprintf (entry, sizeof entry, VARIABLE "%s", argv[1]);
  signal_all (entry, SIGHUP);
  for (int waited = 0; waited < GRACE_MILLISECONDS; waited += LOOK_MILLISECONDS)
    {
      if (signal_all (entry, 0) == 0)
        return 0;
      nanosleep (&pause, NULL);
    }

  signal_all (entry, SIGKILL);
  return 0;
}
