/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-client.h"
#include "vmd-device-files.h"
#include "vmd-device-message.h"
#include "vmd-device-once.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <vmd-error.h>

/* vmd-device: the client of the configuration channel for devices that are no guests. */

static gboolean
run (const VmdDeviceOptions *options, GError **error)
{
  vmd_device_message_set_verbose (options->verbose);
  if (options->directory != NULL && !vmd_device_files_check_directory (options->directory, error))
    return FALSE;
  if (options->once)
    return vmd_device_once_run (options, error);
  return vmd_device_client_run (options, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (VmdDeviceOptions) options = NULL;
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  /* A server or a hook that goes away is an error where it is written to. */
  signal (SIGPIPE, SIG_IGN);
  options = vmd_device_options_parse (argv, &error);
  if (options != NULL && options->version)
    {
      printf ("vmd-device %s\n", VMD_VERSION);
      return 0;
    }
  if (options != NULL && run (options, &error))
    return 0;
  vmd_device_say ("%s", error->message);
  return error->domain == VMD_ERROR ? vmd_error_get_exit_status ((VmdError) error->code)
                                    : vmd_error_get_exit_status (VMD_ERROR_FAILED);
}
