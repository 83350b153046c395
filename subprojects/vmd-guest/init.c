/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* PID 1, from the initramfs on.
 *
 * No step's failure ends the boot: a guest whose clock is wrong can still be logged into. Each is
 * reported, on the console and through the agent. Without a root disk there is nothing to log
 * into, and only the agent is kept, so that the host is told why rather than left to wait.
 *
 * The order is for speed. What SSH needs (disk, keys) comes first; while the server is being
 * loaded from the disk, the other modules are, and the network comes up. Nobody gets in before
 * the network is there, and that is the last of the steps that a login could miss. */

#include "applets.h"
#include "file.h"
#include "identity.h"
#include "modules.h"
#include "mount.h"
#include "network.h"
#include "report.h"
#include "root.h"
#include "seed.h"
#include "ssh.h"
#include "staging.h"
#include "supervise.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM SEED_RUN_DIRECTORY "/vmd-guest"

/* For the root disk to be announced. Its driver has looked by the time its module is loaded; slow
 * is only a disk on a slow bus. */
#define ROOT_DISK_MILLISECONDS 10000

/* The kernel opens the console for us where it can. */
static void
ensure_console (void)
{
  int fd;

  if (fcntl (0, F_GETFD) >= 0)
    return;
  fd = open ("/dev/console", O_RDWR);
  for (int i = 0; fd >= 0 && i <= 2; i++)
    dup2 (fd, i);
}

/* The image's own init; NULL if it has none. A link to busybox is none without an inittab:
 * `busybox --install` makes one in every image, and its default table would open shells on
 * terminals that are not there, and no SSH. */
static const char *
find_image_init (void)
{
  static const char *const paths[] = {
    "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd",
    "/etc/init",  "/bin/init"
  };
  char resolved[PATH_MAX];

  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    {
      const char *name;

      if (access (paths[i], X_OK) < 0 || realpath (paths[i], resolved) == NULL)
        continue;
      name = strrchr (resolved, '/') + 1;
      if (strncmp (name, "busybox", 7) != 0 || file_exists ("/etc/inittab"))
        return paths[i];
    }

  return NULL;
}

/* The disk, and on it the new root. */
static bool
reach_root (void)
{
  modules_open (MODULES_DIRECTORY);
  modules_load (root_is_there);
  return root_wait (ROOT_DISK_MILLISECONDS) && root_mount () && root_enter ();
}

/* What makes the guest this VM's, apart from its SSH keys. The disk is grown last: it takes its
 * time once in a VM's life, and nobody who can log in already is hindered by it. */
static void
provision (const struct seed *seed)
{
  modules_load (NULL);
  modules_close ();
  identity_apply (seed);
  network_up (seed);
  supervise_start_agent (PROGRAM);
  if (seed->device[0] != '\0' && seed->channel_url[0] != '\0' && seed->channel_token[0] != '\0')
    supervise_start_config (PROGRAM);
  root_grow ();
  root_forget_initramfs ();
  if (!file_write (SEED_PROVISIONED, 0644, "", 0))
    report_errno ("cannot write %s", SEED_PROVISIONED);
}

/* Becomes the image's init, which inherits the agent as a child. */
static void
exec_image_init (const char *path, char **argv)
{
  supervise_end ();
  argv[0] = (char *) path;
  execv (path, argv);
  report_errno ("cannot run the image's init %s; being init instead", path);
}

static void
begin_as_init (const struct seed *seed)
{
  mount_for_own_init ();
  supervise_start_ssh (ssh_server_argv (seed));
}

int
applet_init (int argc, char **argv)
{
  static struct seed seed;
  const char *image_init;

  if (getpid () != 1)
    {
      fprintf (stderr, "vmd-guest: init is for the kernel to start\n");
      return 2;
    }
  umask (022);
  supervise_begin ();
  prctl (PR_SET_NAME, "vmd-init");
  mount_early ();
  ensure_console ();
  report_open ("vmd-init");
  report_note ("begins");
  seed_load (&seed);
  identity_add_entropy ();
  identity_set_clock (&seed);

  if (!reach_root ())
    {
      modules_load (NULL);
      supervise_start_agent (PROGRAM);
      supervise_run ();
    }
  staging_clear (STAGING_REGISTER);
  ssh_apply (&seed);
  image_init = find_image_init ();
  if (image_init == NULL)
    begin_as_init (&seed);
  provision (&seed);
  if (image_init != NULL)
    {
      exec_image_init (image_init, argv);
      begin_as_init (&seed);
    }
  supervise_run ();
}
