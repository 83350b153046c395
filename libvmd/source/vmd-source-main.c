/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-error.h"
#include "vmd-source.h"

#include <stdio.h>
#include <stdlib.h>

/* vmd-source [--include-untracked] [--fd N] PATH
 *
 * For clients of the bus that do not link libvmd: they make a socket pair, give one end to
 * Vm.PrepareWorkspace and the other to this program. It exits as vmctl would, with 0 when the
 * other side had all that it asked for. */

static int
fail (const GError *error)
{
  int status = error->domain == VMD_ERROR ? vmd_error_get_exit_status (error->code) : EXIT_FAILURE;

  g_printerr ("vmd-source: %s\n", error->message);
  return status;
}

int
main (int argc, char **argv)
{
  gboolean include_untracked = FALSE;
  int fd = 0;
  const GOptionEntry entries[] = {
    { "include-untracked", 0, 0, G_OPTION_ARG_NONE, &include_untracked,
      "Files that git neither tracks nor ignores travel too", NULL },
    { "fd", 0, 0, G_OPTION_ARG_INT, &fd, "The socket to answer on (default: standard input)", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("PATH");
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context,
                                "Answers on a socket what vmd asks about a git work tree.");
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 2 || fd < 0)
    {
      g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);

      if (error != NULL)
        g_printerr ("vmd-source: %s\n", error->message);
      else
        g_printerr ("%s", help);
      return vmd_error_get_exit_status (VMD_ERROR_INVALID_ARGUMENT);
    }

  source = vmd_source_open (argv[1], include_untracked, NULL, &error);
  if (source == NULL || !vmd_source_serve (source, fd, NULL, &error))
    return fail (error);

  return EXIT_SUCCESS;
}
