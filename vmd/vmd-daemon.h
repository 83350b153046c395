/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-channel-settings.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the command line asked for. Strings are borrowed. */
typedef struct
{
  const char *state_dir; /* (nullable) */
  const char *backend; /* (nullable) */
  const char *address; /* (nullable) "unix:path=…": where to serve peers */
  VmdChannelSettings *channel;
  gboolean system_bus;
  gboolean no_bus;
  int idle_exit; /* seconds, 0: never */
  int ready_fd; /* -1, or where to write "ok\n" or the error, once */
} VmdDaemonOptions;

#define VMD_TYPE_DAEMON (vmd_daemon_get_type ())
G_DECLARE_FINAL_TYPE (VmdDaemon, vmd_daemon, VMD, DAEMON, GObject)

VmdDaemon *vmd_daemon_new (const VmdDaemonOptions *options, GError **error);
/* Serves until SIGTERM, SIGINT, SIGHUP or until it was idle for long enough. */
void vmd_daemon_run (VmdDaemon *self);

G_END_DECLS
