/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-daemon.h"

#include <glib/gprintf.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vmd.h>

/* Tells whoever started us that we serve, or why not. */
static void
report (int fd, const char *text)
{
  if (fd >= 0 && write (fd, text, strlen (text)) < 0)
    g_debug ("nobody waits for us any more");
  if (fd >= 0)
    close (fd);
}

/* A device that is connected is a descriptor, and the limit that a shell or a bus gives is for
 * programs that have a few. Whoever started us allows the higher one. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) < 0)
    g_debug ("the limit on descriptors stays as it is");
}

static int
fail_usage (const char *message)
{
  g_fprintf (stderr, "vmd: %s\n", message);
  return 2;
}

int
main (int argc, char **argv)
{
  VmdDaemonOptions options = { .ready_fd = -1 };
  g_autofree char *state_dir = NULL;
  g_autofree char *backend = NULL;
  g_autofree char *address = NULL;
  g_auto (VmdChannelSettings) channel = { 0 };
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_dir, "State directory", "DIR" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &backend,
      "Hypervisor: qemu or fake (default: $VMD_BACKEND, else qemu)", "NAME" },
    { "address", 0, 0, G_OPTION_ARG_STRING, &address, "Socket to serve on", "unix:path=PATH" },
    { "system", 0, 0, G_OPTION_ARG_NONE, &options.system_bus, "Serve on the system bus", NULL },
    { "no-bus", 0, 0, G_OPTION_ARG_NONE, &options.no_bus, "Serve on no bus", NULL },
    { "idle-exit", 0, 0, G_OPTION_ARG_INT, &options.idle_exit, "Exit when unused for so long",
      "SECONDS" },
    { "channel-listen", 0, 0, G_OPTION_ARG_STRING, &channel.listen,
      "Where devices connect (default: guests only)", "ADDRESS:PORT" },
    { "channel-certificate", 0, 0, G_OPTION_ARG_FILENAME, &channel.certificate,
      "Certificate for devices, in PEM; read again on SIGHUP", "FILE" },
    { "channel-key", 0, 0, G_OPTION_ARG_FILENAME, &channel.key, "Its key", "FILE" },
    { "channel-limit", 0, 0, G_OPTION_ARG_STRING_ARRAY, &channel.limits,
      "A limit of the channel; see vmd.conf in the state directory", "NAME=VALUE" },
    { "ready-fd", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options.ready_fd, NULL, NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- serve virtual machines");
  g_autoptr (VmdDaemon) self = NULL;
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  /* Whoever started us may have gone by the time that we have something to report. */
  signal (SIGPIPE, SIG_IGN);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1)
    return fail_usage (error != NULL ? error->message : "Unexpected argument");
  if (options.idle_exit < 0)
    return fail_usage ("--idle-exit takes seconds, or 0 for never");
  if (version)
    {
      g_printf ("vmd %s\n", VMD_VERSION);
      return 0;
    }
  raise_descriptor_limit ();
  options.state_dir = state_dir;
  options.backend = backend != NULL ? backend : g_getenv ("VMD_BACKEND");
  options.address = address;
  options.channel = &channel;
  self = vmd_daemon_new (&options, &error);
  if (self == NULL)
    {
      report (options.ready_fd, error->message);
      g_fprintf (stderr, "vmd: %s\n", error->message);
      return vmd_error_get_exit_status (error->code);
    }
  report (options.ready_fd, "ok\n");
  vmd_daemon_run (self);
  return 0;
}
