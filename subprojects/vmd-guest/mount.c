/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file systems of the kernel's, and the laying of a file of ours over one of the image's. */

#include "mount.h"
#include "file.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct place
{
  const char *type;
  const char *path;
  unsigned long flags;
  const char *options;
};

static bool
mount_place (const struct place *place)
{
  mkdir (place->path, 0755);
  /* EBUSY: it is there. */
  if (mount (place->type, place->path, place->type, place->flags, place->options) < 0 &&
      errno != EBUSY)
    return report_errno ("cannot mount %s", place->path);

  return true;
}

/* What every later step needs. /run is mounted here, not in the new root, so that there is a
 * place for the seed and for the agent even if no root is found. */
void
mount_early (void)
{
  static const struct place places[] = {
    { "devtmpfs", "/dev", MS_NOSUID, "mode=0755" },
    { "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
    { "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
    { "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755" },
  };

  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    mount_place (&places[i]);
}

/* What an image's own init would mount. */
void
mount_for_own_init (void)
{
  static const struct place places[] = {
    { "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666" },
    { "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
    { "cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
  };
  static const char *const links[][2] = {
    { "/proc/self/fd", "/dev/fd" },
    { "/proc/self/fd/0", "/dev/stdin" },
    { "/proc/self/fd/1", "/dev/stdout" },
    { "/proc/self/fd/2", "/dev/stderr" },
  };

  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    mount_place (&places[i]);
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
    if (symlink (links[i][0], links[i][1]) < 0 && errno != EEXIST)
      report_errno ("cannot link %s", links[i][1]);
  /* A shell in the guest looks for its temporary directory here. The umask is not for it. */
  if (mkdir ("/tmp", 01777) == 0 && chmod ("/tmp", 01777) < 0)
    report_errno ("cannot open /tmp to all");
}

/* Makes @path a file that can be mounted on, following a link that points to where nothing is
 * yet, as a resolv.conf into /run does. */
static bool
make_mount_point (const char *path)
{
  char target[PATH_MAX];
  ssize_t length = readlink (path, target, sizeof target - 1);
  const char *in_run;
  char *slash;
  int fd;

  if (length > 0)
    {
      target[length] = '\0';
      in_run = strncmp (target, "../", 3) == 0 ? target + 2 : target;
      slash = strrchr (target, '/');
      if (strncmp (in_run, "/run/", 5) == 0)
        {
          *slash = '\0';
          file_make_directories (in_run, 0755);
        }
    }

  fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
  if (fd < 0)
    return report_errno ("cannot make %s", path);
  close (fd);
  return true;
}

/* Lays the file @source over @path. What is this VM's alone is shown this way, as container
 * engines do it, not written: the disk stays one that can be copied for another VM, and gets an
 * empty file where there was none. */
bool
mount_over (const char *path, const char *source)
{
  if (!file_exists (path) && !make_mount_point (path))
    return false;
  if (mount (source, path, NULL, MS_BIND, NULL) < 0)
    return report_errno ("cannot lay %s over %s", source, path);

  return true;
}
