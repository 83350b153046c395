/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

#include "port.h"
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PORTS "/sys/class/virtio-ports"

/* Opens the port that has this name; -1 while there is none: the driver makes it a moment after
 * its module is loaded, when the host tells the port's name in a message of its own. */
int
port_open (const char *name)
{
  char path[300];
  char found[64];
  struct dirent *entry;
  int fd = -1;
  DIR *ports = opendir (PORTS);

  if (ports == NULL)
    return -1;
  while (fd < 0 && (entry = readdir (ports)) != NULL)
    {
      snprintf (path, sizeof path, PORTS "/%s/name", entry->d_name);
      if (entry->d_name[0] == '.' || !file_read_line (path, found, sizeof found) ||
          strcmp (found, name) != 0)
        continue;
      snprintf (path, sizeof path, "/dev/%s", entry->d_name);
      fd = open (path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    }
  closedir (ports);

  return fd;
}
