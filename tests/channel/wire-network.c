/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "wire-network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Both ends are network namespaces, and the cable is a veth pair. The test's process is in the near
 * one; a socket belongs to the one in which it was made, so of the far one nothing is needed but a
 * moment's visit. The addresses are loopback's, which the kernel routes over a cable only when it
 * is told to. */

static int near_network = -1;
static int far_network = -1;

static void
write_text (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, text, strlen (text)) != (gssize) strlen (text))
    g_error ("cannot write “%s” to %s: %s", text, path, g_strerror (errno));
  close (fd);
}

/* Who is not root can be it in a namespace. */
static void
become_root (void)
{
  g_autofree char *users = g_strdup_printf ("0 %d 1\n", (int) getuid ());
  g_autofree char *groups = g_strdup_printf ("0 %d 1\n", (int) getgid ());

  if (getuid () == 0)
    return;
  if (unshare (CLONE_NEWUSER) < 0)
    g_error ("cannot make a user namespace: %s", g_strerror (errno));
  write_text ("/proc/self/uid_map", users);
  write_text ("/proc/self/setgroups", "deny");
  write_text ("/proc/self/gid_map", groups);
}

static int
enter_new_network (void)
{
  int fd;

  if (unshare (CLONE_NEWNET) < 0)
    g_error ("cannot make a network namespace: %s", g_strerror (errno));
  write_text ("/proc/sys/net/ipv4/conf/all/route_localnet", "1");
  write_text ("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 16384");
  write_text ("/proc/sys/net/ipv4/tcp_rmem", "4096 16384 16384");
  fd = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
visit (int network)
{
  if (setns (network, CLONE_NEWNET) < 0)
    g_error ("cannot enter a network: %s", g_strerror (errno));
}

/* Runs ip(8) in the network that this thread is in. */
static void
configure (const char *arguments)
{
  g_autofree char *command = g_strconcat ("ip ", arguments, NULL);
  g_autofree char *complaint = NULL;
  g_autoptr (GError) error = NULL;
  int status = 0;

  g_spawn_command_line_sync (command, NULL, &complaint, &status, &error);
  g_assert_no_error (error);
  if (status != 0)
    g_error ("%s: %s", command, complaint);
}

void
wire_network_enter (void)
{
  g_autofree char *cable = NULL;

  become_root ();
  far_network = enter_new_network ();
  near_network = enter_new_network ();
  cable = g_strdup_printf ("link add near type veth peer name far netns /proc/%d/fd/%d",
                           (int) getpid (), far_network);

  /* All of 127/8 would be here otherwise, and with a larger unit a socket holds more. */
  configure ("address add 127.0.0.1/32 dev lo");
  configure ("link set lo mtu 1500 up");
  configure (cable);
  configure ("address add 127.0.1.1/24 dev near");
  configure ("link set near up");

  visit (far_network);
  configure ("address add 127.0.1.2/24 dev far");
  configure ("link set far up");
  visit (near_network);
}

int
wire_network_connect_from_afar (Wire *wire)
{
  int fd;

  visit (far_network);
  fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  visit (near_network);
  wire_connect_socket (wire, fd);
  return fd;
}

void
wire_network_unplug (void)
{
  visit (far_network);
  configure ("link set far down");
  visit (near_network);
}

void
wire_network_plug (void)
{
  visit (far_network);
  configure ("link set far up");
  visit (near_network);
}
