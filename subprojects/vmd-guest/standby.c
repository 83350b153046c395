/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest standby
 *
 * A command that has begun before anybody knows which: a server's fork and its shell are most of
 * what a short command costs under emulation, and neither needs to know. So the host has this
 * started on a channel of its own when nobody is waiting, and the request, when there is one, comes
 * on the standard input. What it says, and what it is sent, is in standby-request.h.
 *
 * The command must find what it would have found with the shell alone: the same process, streams,
 * group and environment, with nothing of ours left in it. What only a shell can do, or can say
 * (that there is no such program, that a file without "#!" is a script), is left to the shell,
 * which gets the same command as a line and this process to run in. Until "begun" is said, nothing
 * has been done that the host could not have done again; the one read that waits ends with the
 * session. */

#include "applets.h"
#include "file.h"
#include "standby-environment.h"
#include "standby-request.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the host takes as "not here", before "begun". */
#define EXIT_DECLINED 125

extern char **environ;

/* As a server runs a command: by the user's shell, which goes by the last part of its name. */
static int
run_by_shell (const struct standby_request *request, const char *home)
{
  const char *shell = getenv ("SHELL");
  const char *slash;
  char *line = strdup (request->line);

  if (shell == NULL || shell[0] != '/')
    shell = "/bin/sh";
  slash = strrchr (shell, '/');
  if (line != NULL && (chdir (home) == 0 || chdir ("/") == 0))
    {
      char *arguments[] = { (char *) slash + 1, (char *) "-c", line, NULL };

      execve (shell, arguments, environ);
    }
  fprintf (stderr, "vmd-guest: cannot run %s: %s\n", shell, strerror (errno));
  free (line);
  return 126;
}

/* Returns only when it cannot be executed. */
static void
execute (char *path, char **arguments, struct standby_environment *environment)
{
  /* Still in the environment when the next path is tried. */
  static char variable[PATH_MAX + 2];

  /* Only some shells tell a program its path so; whether ours does can be seen. */
  if (standby_environment_get (environment, "_") != NULL)
    {
      snprintf (variable, sizeof variable, "_=%s", path);
      standby_environment_set (environment, variable);
    }
  execve (path, arguments, environment->entries);
}

/* The first program of that name in PATH that can be executed; what is in the way is passed by, as
 * shells do. */
static void
execute_in_path (char **arguments, struct standby_environment *environment)
{
  const char *next = standby_environment_get (environment, "PATH");
  char path[PATH_MAX];

  while (next != NULL)
    {
      size_t length = strcspn (next, ":");
      int n = snprintf (path, sizeof path, "%.*s%s%s", (int) length, next, length > 0 ? "/" : "",
                        arguments[0]);

      if (n > 0 && (size_t) n < sizeof path)
        {
          execute (path, arguments, environment);
          if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return;
        }
      next = next[length] == ':' ? next + length + 1 : NULL;
    }
}

/* A shell that changes its directory says so in two variables. */
static bool
change_directory (const struct standby_request *request, const char *home,
                  struct standby_environment *environment)
{
  const char *former = standby_environment_get (environment, "PWD");
  char *variable = NULL;

  if (request->directory == NULL)
    return chdir (home) == 0;
  if (chdir (request->directory) < 0 ||
      asprintf (&variable, "OLDPWD=%s", former != NULL ? former : home) < 0)
    return false;
  standby_environment_set (environment, variable);
  if (asprintf (&variable, "PWD=%s", request->directory) < 0)
    return false;
  standby_environment_set (environment, variable);
  return true;
}

static int
run (const struct standby_request *request, const char *home)
{
  struct standby_environment environment;

  /* OLDPWD, PWD and "_" come on top. */
  if (!standby_environment_copy (&environment, environ, request->n_environment + 3) ||
      !change_directory (request, home, &environment))
    return run_by_shell (request, home);
  for (size_t i = 0; i < request->n_environment; i++)
    standby_environment_set (&environment, request->environment[i]);
  if (strchr (request->arguments[0], '/') != NULL)
    execute (request->arguments[0], request->arguments, &environment);
  else
    execute_in_path (request->arguments, &environment);

  return run_by_shell (request, home);
}

int
applet_standby (int argc, char **argv)
{
  struct standby_request request;
  char home[PATH_MAX];

  if (argc != 1)
    {
      fprintf (stderr, "Usage: vmd-guest standby\n");
      return 2;
    }

  /* By its name: what was there when we came may be replaced when the command comes. */
  if (getcwd (home, sizeof home) == NULL ||
      !file_write_fd (STDOUT_FILENO, STANDBY_READY, sizeof STANDBY_READY - 1))
    return EXIT_DECLINED;
  switch (standby_request_read (&request, STDIN_FILENO))
    {
    case STANDBY_INPUT_ENDED:
      return 0;
    case STANDBY_INPUT_BAD:
      return EXIT_DECLINED;
    case STANDBY_INPUT_REQUEST:
      break;
    }
  if (!file_write_fd (STDOUT_FILENO, STANDBY_BEGUN, sizeof STANDBY_BEGUN - 1))
    return EXIT_DECLINED;

  return run (&request, home);
}
