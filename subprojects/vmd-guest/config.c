/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest config
 *
 * Keeps /run/vmd/config.json and /run/vmd/config/ as vmd has this VM's values, over the
 * configuration channel; doc/config-channel.md says how, and vmd-device(1) what it and its hook
 * can be relied on for. A process of its own beside the agent, which must answer the host within a
 * moment whatever a hook, a full disk or a server does.
 *
 * For tests, on a host: --seed=FILE and --run=DIRECTORY instead of /run/vmd, --hook=PROGRAM,
 * --hook-deadline=SECONDS, and --second=N, how many milliseconds a second takes. */

#include "applets.h"
#include "config-client.h"
#include "report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOOK "/etc/vmd/hooks/config-changed"
#define HOOK_DEADLINE 60 /* seconds */

/* NULL: @argument is not @name=VALUE. */
static const char *
get_value (const char *argument, const char *name)
{
  size_t length = strlen (name);

  return strncmp (argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1
                                                                          : NULL;
}

static int
usage (void)
{
  fprintf (stderr, "Usage: vmd-guest config [--seed=FILE] [--run=DIRECTORY] [--hook=PROGRAM] "
                   "[--hook-deadline=SECONDS] [--second=MILLISECONDS]\n");
  return 2;
}

int
applet_config (int argc, char **argv)
{
  static struct config_settings settings = { .hook = HOOK, .second = 1000 };
  static char seed[512], output[512], directory[512];
  const char *run = SEED_RUN_DIRECTORY;
  int64_t hook_deadline = HOOK_DEADLINE;

  for (int i = 1; i < argc; i++)
    {
      const char *value;

      if ((value = get_value (argv[i], "--seed")) != NULL)
        settings.seed = value;
      else if ((value = get_value (argv[i], "--run")) != NULL)
        run = value;
      else if ((value = get_value (argv[i], "--hook")) != NULL)
        settings.hook = value;
      else if ((value = get_value (argv[i], "--hook-deadline")) != NULL)
        hook_deadline = atoi (value);
      else if ((value = get_value (argv[i], "--second")) != NULL)
        settings.second = atoi (value);
      else
        return usage ();
    }

  signal (SIGPIPE, SIG_IGN);
  if (argc == 1)
    report_open ("vmd-config");
  snprintf (seed, sizeof seed, "%s/seed", run);
  snprintf (output, sizeof output, "%s/config.json", run);
  snprintf (directory, sizeof directory, "%s/config", run);
  settings.seed = settings.seed != NULL ? settings.seed : seed;
  settings.output = output;
  settings.directory = directory;
  if (!config_settings_begin (&settings) ||
      !config_client_run (&settings, config_settings_scale (&settings, hook_deadline * 1000)))
    return 1;

  return 0;
}
