/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* One version at a time: the files do not change under a hook that reads them. What comes
 * meanwhile waits, and only the newest does, so a hook that takes long costs versions in between
 * and never the last one. */

#include "config-apply.h"
#include "config-files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOOK_GRACE (5 * 1000) /* milliseconds */

static void start (struct config_apply *apply);

static void
finish (struct config_apply *apply, const char *failure)
{
  apply->is_busy = false;
  apply->applied (apply->user, apply->current->version, failure);
  if (apply->waiting != NULL && !apply->is_stopping)
    start (apply);
}

static void
hook_ended (void *user, const char *failure)
{
  finish (user, failure);
}

void
config_apply_begin (struct config_apply *apply)
{
  apply->hook.ended = hook_ended;
  apply->hook.user = apply;
  apply->hook.output.fd = -1;
  apply->hook.grace = config_settings_scale (apply->settings, HOOK_GRACE);
}

static void
run_hook (struct config_apply *apply)
{
  const struct config_settings *settings = apply->settings;
  char version[64], file[512], directory[512], device[128];
  char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    version,
    file,
    directory,
    device,
    NULL,
  };

  snprintf (version, sizeof version, "VMD_CONFIG_VERSION=%" PRIu64, apply->current->version);
  snprintf (file, sizeof file, "VMD_CONFIG_FILE=%s", settings->output);
  snprintf (directory, sizeof directory, "VMD_CONFIG_DIRECTORY=%s", settings->directory);
  snprintf (device, sizeof device, "VMD_DEVICE_ID=%s", settings->device);
  config_hook_run (&apply->hook, settings->hook, environment);
}

/* NULL, or why not. */
static const char *
write_files (struct config_apply *apply)
{
  static char failure[640];
  const struct config_settings *settings = apply->settings;
  const char *path = settings->directory;

  if (config_files_write_directory (path, apply->current))
    {
      path = settings->output;
      if (config_files_write_output (path, apply->current))
        return NULL;
    }
  snprintf (failure, sizeof failure, "Cannot write %s: %s", path, strerror (errno));
  return failure;
}

static void
start (struct config_apply *apply)
{
  const char *failure;

  apply->is_busy = true;
  if (apply->waiting != NULL)
    {
      config_snapshot_free (apply->current);
      apply->current = apply->waiting;
      apply->waiting = NULL;
    }
  failure = write_files (apply);
  if (failure == NULL && access (apply->settings->hook, X_OK) == 0)
    run_hook (apply);
  else
    finish (apply, failure);
}

/* Takes @snapshot. */
void
config_apply_take (struct config_apply *apply, struct config_snapshot *snapshot)
{
  config_snapshot_free (apply->waiting);
  apply->waiting = snapshot;
  if (!apply->is_busy && !apply->is_stopping)
    start (apply);
}

/* The version that was applied last, once more, if there is one. */
void
config_apply_again (struct config_apply *apply)
{
  if (!apply->is_busy && apply->current != NULL && !apply->is_stopping)
    start (apply);
}

/* Nothing new is begun, and a hook is told to end; its end is told of as ever. */
void
config_apply_stop (struct config_apply *apply)
{
  apply->is_stopping = true;
  config_hook_stop (&apply->hook);
}
