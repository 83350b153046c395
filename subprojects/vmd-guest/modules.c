/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel modules that the host put into the initramfs, in the order that it found:
 * modules.order has one file name on each line. They can be loaded in two parts, so that the disk
 * comes first and the rest is loaded while the SSH server is being started; the directory stays
 * open meanwhile, and so can be read after the root has changed. */

#include "modules.h"
#include "file.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int directory_fd = -1;
static char order[8192];
static char *next_line;

/* Prepares to load what @directory has. Without it the kernel needs no modules. */
void
modules_open (const char *directory)
{
  char path[256];

  snprintf (path, sizeof path, "%s/modules.order", directory);
  directory_fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0)
    return;
  if (file_read (path, order, sizeof order) < 0)
    report_errno ("cannot read %s", path);
  else
    next_line = order;
}

/* Whichever module is missing or refused: the boot goes on. It may be optional here, or built in;
 * whoever needed it says what he misses. */
static void
load_one (const char *name)
{
  autofd int fd = openat (directory_fd, name, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    report_note ("warning: no module %s: %s", name, strerror (errno));
  else if (syscall (SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
    report_errno ("cannot load the module %s", name);
}

/* Loads the modules that are left, in their order; stops early once @is_enough (may be NULL) says
 * so. */
void
modules_load (bool (*is_enough) (void))
{
  while (next_line != NULL && *next_line != '\0' && (is_enough == NULL || !is_enough ()))
    {
      char *name = next_line;
      char *end = strchr (name, '\n');

      next_line = end != NULL ? end + 1 : NULL;
      if (end != NULL)
        *end = '\0';
      if (name[0] != '\0')
        load_one (name);
    }
}

void
modules_close (void)
{
  if (directory_fd >= 0)
    close (directory_fd);
  directory_fd = -1;
}
