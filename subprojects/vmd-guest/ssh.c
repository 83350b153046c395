/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The image's SSH server, told to use the keys of this VM: the host key that vmd made, so that it
 * can be checked strictly from the first connection, and the client key that may log in. Both
 * stay in /run.
 *
 * dropbear 2022.83 knows the authorized keys at one place only, in the user's home, so ours are
 * laid over root's file with the image's own after them. OpenSSH is told by a drop-in; where
 * sshd_config includes none, only a server that we start ourselves can be given the keys. */

#include "ssh.h"
#include "file.h"
#include "mount.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AUTHORIZED_KEYS SEED_RUN_DIRECTORY "/authorized_keys"
#define HOST_KEY SEED_RUN_DIRECTORY "/ssh_host_ed25519_key"
#define DROP_IN_DIRECTORY "/etc/ssh/sshd_config.d"

/* How large root's own authorized keys may be. */
#define KEYS_MAX (64 * 1024)

/* Root's home, out of /etc/passwd. A static libc must not be asked: it would load the image's
 * libraries for it. */
static void
find_home (char *home, size_t size)
{
  static char text[64 * 1024];
  char *line = text;
  char *field = NULL;

  snprintf (home, size, "/root");
  if (file_read ("/etc/passwd", text, sizeof text) < 0)
    return;
  while (line != NULL && strncmp (line, "root:", 5) != 0)
    {
      line = strchr (line, '\n');
      line = line != NULL ? line + 1 : NULL;
    }
  if (line == NULL)
    return;

  line[strcspn (line, "\n")] = '\0';
  for (int i = 0; i < 6; i++)
    field = strsep (&line, ":");
  if (field != NULL && field[0] == '/' && strlen (field) < size)
    strcpy (home, field);
}

/* Lays a file with our key and the image's own over root's authorized keys. */
static void
apply_dropbear (void)
{
  static char text[KEYS_MAX + 1024];
  char home[256];
  char directory[300];
  char path[320];
  ssize_t ours = file_read (AUTHORIZED_KEYS, text, 1024);
  ssize_t theirs;

  find_home (home, sizeof home);
  snprintf (directory, sizeof directory, "%s/.ssh", home);
  snprintf (path, sizeof path, "%s/authorized_keys", directory);
  if (ours < 0)
    {
      report_errno ("cannot read %s", AUTHORIZED_KEYS);
      return;
    }
  theirs = file_read (path, text + ours, KEYS_MAX);
  if (!file_make_directories (home, 0700) ||
      (mkdir (directory, 0700) < 0 && !file_exists (directory)) ||
      !file_write (SEED_RUN_DIRECTORY "/root.authorized_keys", 0600, text,
                   (size_t) (ours + (theirs > 0 ? theirs : 0))))
    report_errno ("cannot place the client key for %s", path);
  else
    mount_over (path, SEED_RUN_DIRECTORY "/root.authorized_keys");
}

static void
apply_openssh (void)
{
  static const char text[] = "# This VM's keys, from vmd. The file is not on the disk.\n"
                             "HostKey " HOST_KEY "\n"
                             "AuthorizedKeysFile " AUTHORIZED_KEYS " .ssh/authorized_keys\n"
                             "PermitRootLogin prohibit-password\n"
                             "PasswordAuthentication no\n"
                             "KbdInteractiveAuthentication no\n";

  if (!file_write (SEED_RUN_DIRECTORY "/sshd.conf", 0600, text, sizeof text - 1))
    report_errno ("cannot write the configuration of sshd");
  else if (file_exists (DROP_IN_DIRECTORY))
    mount_over (DROP_IN_DIRECTORY "/00-vmd.conf", SEED_RUN_DIRECTORY "/sshd.conf");
  /* Where sshd keeps nothing, but wants a directory. */
  mkdir ("/run/sshd", 0755);
}

void
ssh_apply (const struct seed *seed)
{
  if (strcmp (seed->ssh_server, "dropbear") == 0)
    apply_dropbear ();
  else if (strcmp (seed->ssh_server, "openssh") == 0)
    apply_openssh ();
}

/* What starts the image's SSH server in the foreground; NULL if it has none. Keys are the only
 * way in. Forwarding stays allowed: whoever has the key is root here anyway, and wants his
 * tunnels. dropbear's window of 24 KiB would make an import wait for each acknowledgement; and of
 * its messages only the log is of use, so it writes no pid file elsewhere than in /run. */
char *const *
ssh_server_argv (const struct seed *seed)
{
  static char *const dropbear[] = { "/usr/sbin/dropbear",
                                    "-F",
                                    "-E",
                                    "-s",
                                    "-m",
                                    "-W",
                                    "1048576",
                                    "-r",
                                    SEED_RUN_DIRECTORY "/host.dropbear",
                                    "-P",
                                    SEED_RUN_DIRECTORY "/dropbear.pid",
                                    "-p",
                                    "22",
                                    NULL };
  static char *const openssh[] = { "/usr/sbin/sshd",
                                   "-D",
                                   "-e",
                                   "-h",
                                   HOST_KEY,
                                   "-o",
                                   "AuthorizedKeysFile=" AUTHORIZED_KEYS " .ssh/authorized_keys",
                                   "-o",
                                   "PasswordAuthentication=no",
                                   "-o",
                                   "KbdInteractiveAuthentication=no",
                                   "-o",
                                   "PidFile=none",
                                   NULL };

  if (strcmp (seed->ssh_server, "dropbear") == 0)
    return dropbear;
  if (strcmp (seed->ssh_server, "openssh") == 0)
    return openssh;
  return NULL;
}
