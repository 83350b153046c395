/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chooses the applet. The program's own name decides when it is one ("/init", a link called
 * "poweroff"), else the first argument does: `vmd-guest agent`. A name may begin with '@': see
 * agent.c. */

#include "applets.h"

#include <stdio.h>
#include <string.h>

static const struct
{
  const char *name;
  int (*run) (int argc, char **argv);
} applets[] = {
  { "init", applet_init },       { "agent", applet_agent },     { "unpack", applet_unpack },
  { "config", applet_config },   { "hangup", applet_hangup },   { "poweroff", applet_poweroff },
  { "standby", applet_standby }, { "version", applet_version },
};

#define N_APPLETS (sizeof applets / sizeof applets[0])

static int
find_applet (const char *name)
{
  for (size_t i = 0; i < N_APPLETS; i++)
    if (strcmp (applets[i].name, name) == 0)
      return (int) i;

  return -1;
}

static const char *
base_name (const char *path)
{
  const char *slash = strrchr (path, '/');
  const char *name = slash != NULL ? slash + 1 : path;

  return name[0] == '@' ? name + 1 : name;
}

int
applet_version (int argc, char **argv)
{
  printf ("vmd-guest %s\n", VMD_GUEST_VERSION);
  return 0;
}

int
main (int argc, char **argv)
{
  int applet = argc > 0 ? find_applet (base_name (argv[0])) : -1;

  if (applet < 0 && argc > 1)
    {
      applet = find_applet (argv[1]);
      argc--;
      argv++;
    }
  if (applet < 0)
    {
      fprintf (stderr, "Usage: vmd-guest COMMAND [ARGUMENT…]\nCommands:");
      for (size_t i = 0; i < N_APPLETS; i++)
        fprintf (stderr, " %s", applets[i].name);
      fprintf (stderr, "\n");
      return 2;
    }

  return applets[applet].run (argc, argv);
}
