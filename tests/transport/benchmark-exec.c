/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a command costs on a connection that is there: the library's call, and the OpenSSH client
 * over a shared connection, taken in turn. The server and the command are the same. */

#include "ssh-client.h"

#include "libvmd/base/vmd-poll-private.h"

#include <stdlib.h>

#define ROUNDS 200

static double
time_library (VmdConnectionPool *pool, const VmdGuestAddress *address)
{
  const char *const argv[] = { "true", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) error = NULL;
  VmdGuestConnection *connection;
  gint64 begin = g_get_monotonic_time ();

  connection = vmd_connection_pool_take (pool, address, NULL, vmd_deadline_in (60000), &error);
  g_assert_no_error (error);
  result = vmd_guest_connection_exec (connection, spec, NULL, &error);
  g_assert_no_error (error);
  vmd_connection_pool_give (pool, address, connection);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 0);
  return (double) (g_get_monotonic_time () - begin) / 1000;
}

static double
time_client (char **argv)
{
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();
  int status;

  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, NULL));
  return (double) (g_get_monotonic_time () - begin) / 1000;
}

static int
compare_doubles (const void *a, const void *b)
{
  const double *one = a, *two = b;

  return (*one > *two) - (*one < *two);
}

static double
median (double *values)
{
  qsort (values, ROUNDS, sizeof *values, compare_doubles);
  return values[ROUNDS / 2];
}

static void
test_exec (gconstpointer data)
{
  g_autoptr (Server) server = server_new (GPOINTER_TO_UINT (data));
  const char *name = GPOINTER_TO_UINT (data) == SERVER_DROPBEAR ? "dropbear" : "sshd";
  g_autoptr (VmdTransport) transport = vmd_ssh_transport_new (VMD_GUEST_PROGRAM);
  g_autoptr (VmdConnectionPool) pool = vmd_connection_pool_new (transport, 1);
  g_autofree char *prefix = NULL;
  g_autofree char *line = NULL;
  g_auto (GStrv) argv = NULL;
  double library[ROUNDS], client[ROUNDS], ours, theirs;

  if (server == NULL)
    return;
  ssh_client_open_master (server);
  prefix = ssh_client_dup_prefix (server, TRUE);
  line = g_strconcat (prefix, " true", NULL);
  g_assert_true (g_shell_parse_argv (line, NULL, &argv, NULL));
  time_library (pool, server->address);
  for (guint i = 0; i < ROUNDS; i++)
    {
      library[i] = time_library (pool, server->address);
      client[i] = time_client (argv);
    }
  ssh_client_close_master (server);
  ours = median (library);
  theirs = median (client);
  g_test_minimized_result (ours, "exec of true on %s: %.2f of ssh's time", name, ours / theirs);
  g_print ("# exec of true on %s, median of %d: library %.2f ms, ssh over a shared connection "
           "%.2f ms: %.2f of its time\n",
           name, ROUNDS, ours, theirs, ours / theirs);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/benchmark/exec/openssh", GUINT_TO_POINTER (SERVER_OPENSSH), test_exec);
  g_test_add_data_func ("/benchmark/exec/dropbear", GUINT_TO_POINTER (SERVER_DROPBEAR), test_exec);
  return g_test_run ();
}
