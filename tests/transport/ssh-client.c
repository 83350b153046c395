/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-client.h"

static void
run_line (const char *line)
{
  const char *const argv[] = { "/bin/sh", "-c", line, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, NULL));
}

static void
write_known_hosts (Server *server, const char *path)
{
  g_autofree char *line =
      g_strdup_printf ("[127.0.0.1]:%u %s\n", server->address->port, server->address->host_key);

  g_assert_true (g_file_set_contents (path, line, -1, NULL));
}

char *
ssh_client_dup_prefix (Server *server, gboolean control)
{
  g_autofree char *known = g_build_filename (server->directory, "known_hosts", NULL);
  g_autofree char *shared = g_strdup_printf ("-S '%s/master'", server->directory);

  write_known_hosts (server, known);
  return g_strdup_printf (
      "ssh -F none %s -o BatchMode=yes -o UserKnownHostsFile='%s' -i '%s' -p %u "
      "%s@127.0.0.1",
      control ? shared : "-S none", known, server->address->client_key, server->address->port,
      server->address->user);
}

void
ssh_client_open_master (Server *server)
{
  g_autofree char *prefix = ssh_client_dup_prefix (server, TRUE);
  g_autofree char *line = g_strconcat (prefix, " -M -N -f", NULL);

  run_line (line);
}

void
ssh_client_close_master (Server *server)
{
  g_autofree char *prefix = ssh_client_dup_prefix (server, TRUE);
  g_autofree char *line = g_strconcat (prefix, " -O exit", NULL);

  run_line (line);
}
