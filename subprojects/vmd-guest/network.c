/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Brings up the network cards that the seed names. Addresses are static: nothing is asked of a
 * DHCP server, which would cost a boot some hundred milliseconds. Cards are known by their
 * hardware address, since their names depend on order and on the image's udev. */

#include "network.h"
#include "file.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Finds the name of the interface with the hardware address @mac. */
static bool
find_interface (const char *mac, char *name)
{
  char path[300];
  char address[64];
  struct dirent *entry;
  bool found = false;
  DIR *interfaces = opendir ("/sys/class/net");

  if (interfaces == NULL)
    return false;
  while (!found && (entry = readdir (interfaces)) != NULL)
    {
      snprintf (path, sizeof path, "/sys/class/net/%s/address", entry->d_name);
      found = entry->d_name[0] != '.' && strlen (entry->d_name) < IFNAMSIZ &&
              file_read_line (path, address, sizeof address) && strcasecmp (address, mac) == 0;
      if (found)
        strcpy (name, entry->d_name);
    }
  closedir (interfaces);

  return found;
}

static void
set_address (struct sockaddr *target, struct in_addr address)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = address };

  memcpy (target, &in, sizeof in);
}

static bool
raise_interface (int fd, const char *name)
{
  struct ifreq request = { 0 };

  strncpy (request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return false;
  request.ifr_flags |= IFF_UP;
  return ioctl (fd, SIOCSIFFLAGS, &request) == 0;
}

static bool
add_default_route (int fd, char *name, struct in_addr gateway)
{
  struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = name };
  struct in_addr any = { 0 };

  set_address (&route.rt_dst, any);
  set_address (&route.rt_genmask, any);
  set_address (&route.rt_gateway, gateway);
  return ioctl (fd, SIOCADDRT, &route) == 0 || errno == EEXIST;
}

static bool
nic_up (int fd, const struct seed_nic *nic)
{
  char name[IFNAMSIZ] = "";
  struct ifreq request = { 0 };

  if (!find_interface (nic->mac, name))
    return report_problem ("no network card has the address %s", nic->mac);

  strcpy (request.ifr_name, name);
  set_address (&request.ifr_addr, nic->address);
  if (ioctl (fd, SIOCSIFADDR, &request) < 0)
    return report_errno ("cannot set the address of %s", name);
  set_address (&request.ifr_netmask, nic->netmask);
  if (ioctl (fd, SIOCSIFNETMASK, &request) < 0)
    return report_errno ("cannot set the netmask of %s", name);
  if (!raise_interface (fd, name))
    return report_errno ("cannot bring up %s", name);
  if (nic->gateway.s_addr != 0 && !add_default_route (fd, name, nic->gateway))
    return report_errno ("cannot route through %s", name);

  return true;
}

void
network_up (const struct seed *seed)
{
  autofd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    {
      report_errno ("the kernel has no network");
      return;
    }
  if (!raise_interface (fd, "lo"))
    report_errno ("cannot bring up lo");
  for (size_t i = 0; i < seed->n_nics; i++)
    nic_up (fd, &seed->nics[i]);
}
