/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* channel-load sse|mqtt|bus|comment PORT|PATH ADMINISTRATOR'S-TOKEN: a fleet of devices and whoever
 * configures them, in one thread. It reads commands, one on a line, and answers each with one line
 * of JSON:
 *
 *   provide N SIZE           makes N devices with SIZE bytes of values each, all in one group
 *   known N                  there are N devices already
 *   connect N IN-FLIGHT      connects the first N devices
 *   drop                     closes their connections
 *   storm IN-FLIGHT          closes them, and connects them again
 *   takeover COUNT IN-FLIGHT IDS
 *   blocked COUNT            takeovers while the server is in the middle of a write
 *   latency COUNT            from a set to its arrival
 *   sets COUNT IN-FLIGHT     sets as fast as they are acknowledged
 *   group                    one value for the whole fleet
 *   keep_alive SECONDS       from the next connection on, so often does each device show itself
 *   idle SECONDS             nothing but that
 *   port PORT                the server is another one now, with the same devices
 *
 * Between two commands the fleet is read on. */

#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static void
idle_ended_cb (Load *load, Link *link)
{
  g_printerr ("device %u was cut off\n", link->device);
}

static gboolean
run_command (Load *load, const char *line)
{
  guint a = 0, b = 0, c = 0;
  char verb[16] = "";
  int n = sscanf (line, "%15s %u %u %u", verb, &a, &b, &c);

  if (n == 3 && strcmp (verb, "provide") == 0)
    load_provide (load, a, b);
  else if (n == 2 && strcmp (verb, "known") == 0)
    load_know (load, a);
  else if (n == 3 && strcmp (verb, "connect") == 0)
    load_connect (load, a, b);
  else if (n == 1 && strcmp (verb, "drop") == 0)
    load_drop (load);
  else if (n == 2 && strcmp (verb, "storm") == 0)
    load_storm (load, a);
  else if (n == 4 && strcmp (verb, "takeover") == 0)
    load_take_over (load, a, b, c);
  else if (n == 2 && strcmp (verb, "blocked") == 0)
    load_take_over_blocked (load, a);
  else if (n == 2 && strcmp (verb, "latency") == 0)
    load_latency (load, a);
  else if (n == 3 && strcmp (verb, "sets") == 0)
    load_sets (load, a, b);
  else if (n == 1 && strcmp (verb, "group") == 0)
    load_group (load);
  else if (n == 2 && strcmp (verb, "keep_alive") == 0)
    load_keep_alive (load, a);
  else if (n == 2 && strcmp (verb, "idle") == 0)
    load_idle (load, a);
  else if (n == 2 && strcmp (verb, "port") == 0)
    load_move (load, a);
  else
    return FALSE;
  return TRUE;
}

static void
raise_limit (void)
{
  struct rlimit limit;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

/* FALSE: there are no more. */
static gboolean
read_command (Load *load, char *line, int size)
{
  static const Listener idle = { .ended = idle_ended_cb };

  load->listener = &idle;
  load_watch_input (load, STDIN_FILENO);
  while (!load->has_input)
    load_turn (load, -1);
  return fgets (line, size, stdin) != NULL;
}

int
main (int argc, char **argv)
{
  static const Protocol *const protocols[] = { &protocol_sse, &protocol_mqtt, &protocol_bus,
                                               &protocol_comment };
  Load load = { 0 };
  char line[128];

  if (argc != 4)
    return 2;
  raise_limit ();
  setvbuf (stdin, NULL, _IONBF, 0);
  for (guint i = 0; i < G_N_ELEMENTS (protocols); i++)
    if (strcmp (argv[1], protocols[i]->name) == 0)
      load.protocol = protocols[i];
  if (load.protocol == NULL)
    return 2;
  load.n_errands = load.protocol->n_errands;
  load.port = atoi (argv[2]);
  load.path = argv[2][0] == '/' ? argv[2] : NULL;
  load.administrator = argv[3];
  load.epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  load.errands = g_new0 (Link, load.n_errands);
  for (guint i = 0; i < load.n_errands; i++)
    load.errands[i] = (Link){ .load = &load, .fd = -1, .is_errand = TRUE };
  while (read_command (&load, line, sizeof line))
    if (!run_command (&load, line))
      {
        g_printerr ("unknown command: %s", line);
        return 2;
      }
  return 0;
}
