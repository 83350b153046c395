/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What makes this VM another one than the next from the same image: random numbers, clock, name,
 * machine id. */

#include "identity.h"
#include "file.h"
#include "mount.h"
#include "report.h"

#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Kernel and host may differ by this much before the clock is set: behind, since the seed was
 * written before the boot; ahead, since it may have been written long before it. */
#define CLOCK_BEHIND_SECONDS 2
#define CLOCK_AHEAD_SECONDS (24 * 60 * 60)

#define ENTROPY_MAX 512

/* Credits the kernel's random numbers with the host's. Without this, a guest with neither RDRAND
 * nor a virtio-rng would block the SSH server's first handshake, and clones could begin alike. */
void
identity_add_entropy (void)
{
  char bytes[ENTROPY_MAX + 1];
  ssize_t length = file_read (SEED_DIRECTORY "/entropy", bytes, sizeof bytes);
  autofd int fd = open ("/dev/random", O_WRONLY | O_CLOEXEC);
  struct rand_pool_info *pool;

  if (length <= 0 || fd < 0)
    {
      report_errno ("cannot credit the host's random numbers");
      return;
    }
  pool = calloc (1, sizeof *pool + ENTROPY_MAX);
  if (pool == NULL)
    return;
  pool->entropy_count = (int) length * 8;
  pool->buf_size = (int) length;
  memcpy (pool->buf, bytes, (size_t) length);
  if (ioctl (fd, RNDADDENTROPY, pool) < 0)
    report_errno ("cannot credit the host's random numbers");
  explicit_bzero (bytes, sizeof bytes);
  explicit_bzero (pool->buf, (size_t) length);
  free (pool);
}

/* Sets the clock if it is far off. The hypervisor's hardware clock is right as a rule, and then
 * the kernel has read it to better than the seed knows; it is not where there is none
 * (Firecracker) or where it keeps local time. */
void
identity_set_clock (const struct seed *seed)
{
  struct timespec host = { .tv_sec = seed->clock / 1000000,
                           .tv_nsec = seed->clock % 1000000 * 1000 };
  struct timespec guest;

  if (seed->clock <= 0 || clock_gettime (CLOCK_REALTIME, &guest) < 0)
    return;
  if (guest.tv_sec > host.tv_sec - CLOCK_BEHIND_SECONDS &&
      guest.tv_sec < host.tv_sec + CLOCK_AHEAD_SECONDS)
    return;
  if (clock_settime (CLOCK_REALTIME, &host) < 0)
    report_errno ("cannot set the clock");
  else
    report_note ("the clock was %lld s off, and is set", (long long) (guest.tv_sec - host.tv_sec));
}

/* Writes @length bytes of @text to @name in /run/vmd and shows them at @path. */
static void
show (const char *path, const char *name, const char *text, size_t length)
{
  char source[128];

  snprintf (source, sizeof source, SEED_RUN_DIRECTORY "/%s", name);
  if (!file_write (source, 0644, text, length))
    report_errno ("cannot write %s", source);
  else
    mount_over (path, source);
}

/* Does a line of the hosts file @text name @hostname? */
static bool
knows_host (char *text, const char *hostname)
{
  char *rest_of_lines = NULL;

  for (char *line = strtok_r (text, "\n", &rest_of_lines); line != NULL;
       line = strtok_r (NULL, "\n", &rest_of_lines))
    {
      char *rest = NULL;

      line[strcspn (line, "#")] = '\0';
      for (char *word = strtok_r (line, " \t\r", &rest); word != NULL;
           word = strtok_r (NULL, " \t\r", &rest))
        if (strcasecmp (word, hostname) == 0)
          return true;
    }

  return false;
}

/* The image's hosts file with a line for this VM, for programs that look their own name up. */
static void
apply_hosts (const struct seed *seed)
{
  static char text[64 * 1024];
  static char scratch[sizeof text];
  ssize_t length = file_read ("/etc/hosts", text, sizeof text - 128);

  if (length < 0)
    length = snprintf (text, sizeof text, "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
  memcpy (scratch, text, (size_t) length + 1);
  if (knows_host (scratch, seed->hostname))
    return;

  length += snprintf (text + length, sizeof text - (size_t) length, "%s127.0.1.1\t%s\n",
                      length > 0 && text[length - 1] != '\n' ? "\n" : "", seed->hostname);
  show ("/etc/hosts", "hosts", text, (size_t) length);
}

static void
apply_resolvers (const struct seed *seed)
{
  char text[SEED_MAX_RESOLVERS * 64];
  int length = 0;

  for (size_t i = 0; i < seed->n_resolvers; i++)
    length += snprintf (text + length, sizeof text - (size_t) length, "nameserver %s\n",
                        seed->resolvers[i]);
  /* Without a way out, the image's own file can do no harm. */
  if (length > 0)
    show ("/etc/resolv.conf", "resolv.conf", text, (size_t) length);
}

static void
apply_name (const struct seed *seed)
{
  char line[80];
  int length = snprintf (line, sizeof line, "%s\n", seed->hostname);

  if (seed->hostname[0] == '\0')
    return;
  if (sethostname (seed->hostname, strlen (seed->hostname)) < 0)
    report_errno ("cannot set the host name");
  show ("/etc/hostname", "hostname", line, (size_t) length);
  apply_hosts (seed);
}

/* Host name, hosts, resolvers and machine id, in the new root. All of it is shown out of /run,
 * nothing is written to the disk. */
void
identity_apply (const struct seed *seed)
{
  char line[80];
  int length = snprintf (line, sizeof line, "%s\n", seed->machine_id);

  apply_name (seed);
  apply_resolvers (seed);
  if (seed->machine_id[0] != '\0')
    show ("/etc/machine-id", "machine-id", line, (size_t) length);
}
