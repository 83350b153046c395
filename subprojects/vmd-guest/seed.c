/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The seed: what the host tells this VM about itself, as files in the initramfs. One of them,
 * "seed", has lines `key=value`; a key that this version does not know is for a later one and is
 * skipped. The writer is libvmd/guest/vmd-seed.c. */

#include "seed.h"
#include "file.h"
#include "report.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The key of a value that may be read by all; every other file of the seed is a secret. */
static bool
is_public (const char *name)
{
  size_t length = strlen (name);

  return strcmp (name, "authorized_keys") == 0 ||
         (length > 4 && strcmp (name + length - 4, ".pub") == 0);
}

static bool
take_string (const char *key, const char *value, char *target, size_t size)
{
  if (strlen (value) >= size)
    return report_problem ("the seed's %s is too long", key);

  strcpy (target, value);
  return true;
}

/* "52:54:00:76:6d:02 10.0.3.15/24 10.0.3.2": the card, its address, and (for one that leads out)
 * the gateway. */
static bool
take_nic (char *value, struct seed *seed)
{
  struct seed_nic *nic = &seed->nics[seed->n_nics];
  char *rest = NULL;
  char *mac = strtok_r (value, " ", &rest);
  char *address = strtok_r (NULL, " ", &rest);
  char *gateway = strtok_r (NULL, " ", &rest);
  char *slash = address != NULL ? strchr (address, '/') : NULL;
  long prefix = slash != NULL ? strtol (slash + 1, NULL, 10) : 0;

  if (seed->n_nics == SEED_MAX_NICS)
    return report_problem ("the seed has more than %d network cards", SEED_MAX_NICS);
  if (mac == NULL || strlen (mac) >= sizeof nic->mac || prefix < 1 || prefix > 32)
    return report_problem ("the seed has a network card without address");
  *slash = '\0';
  if (inet_pton (AF_INET, address, &nic->address) != 1 ||
      (gateway != NULL && inet_pton (AF_INET, gateway, &nic->gateway) != 1))
    return report_problem ("the seed has a bad address for the network card %s", mac);

  strcpy (nic->mac, mac);
  nic->netmask.s_addr = htonl (UINT32_MAX << (32 - prefix));
  seed->n_nics++;
  return true;
}

static bool
take_resolver (const char *value, struct seed *seed)
{
  if (seed->n_resolvers == SEED_MAX_RESOLVERS)
    return true;

  if (!take_string ("resolver", value, seed->resolvers[seed->n_resolvers], INET_ADDRSTRLEN))
    return false;

  seed->n_resolvers++;
  return true;
}

static bool
take_line (char *line, struct seed *seed)
{
  char *value = strchr (line, '=');

  if (value == NULL)
    return report_problem ("the seed has a line without '='");
  *value++ = '\0';

  if (strcmp (line, "hostname") == 0)
    return take_string (line, value, seed->hostname, sizeof seed->hostname);
  if (strcmp (line, "machine_id") == 0)
    return take_string (line, value, seed->machine_id, sizeof seed->machine_id);
  if (strcmp (line, "ssh_server") == 0)
    return take_string (line, value, seed->ssh_server, sizeof seed->ssh_server);
  if (strcmp (line, "nic") == 0)
    return take_nic (value, seed);
  if (strcmp (line, "resolver") == 0)
    return take_resolver (value, seed);
  if (strcmp (line, "device") == 0)
    return take_string (line, value, seed->device, sizeof seed->device);
  if (strcmp (line, "channel_url") == 0)
    return take_string (line, value, seed->channel_url, sizeof seed->channel_url);
  if (strcmp (line, "channel_token") == 0)
    return take_string (line, value, seed->channel_token, sizeof seed->channel_token);
  if (strcmp (line, "clock") == 0)
    seed->clock = strtoll (value, NULL, 10);
  return true;
}

/* Reads the lines of @text, which is cut up. All good lines count, even if one is bad. */
bool
seed_parse (char *text, struct seed *seed)
{
  bool good = true;
  char *rest = NULL;

  memset (seed, 0, sizeof *seed);
  strcpy (seed->ssh_server, "none");
  for (char *line = strtok_r (text, "\n", &rest); line != NULL; line = strtok_r (NULL, "\n", &rest))
    good &= take_line (line, seed);

  return good;
}

/* Puts the files of the seed, and this program, where they stay after the initramfs is gone. */
static bool
keep_files (void)
{
  char from[512];
  char to[512];
  struct dirent *entry;
  DIR *directory = opendir (SEED_DIRECTORY);
  bool good = true;

  if (directory == NULL)
    return report_errno ("cannot open %s", SEED_DIRECTORY);
  while ((entry = readdir (directory)) != NULL)
    {
      /* The entropy is used once and never seen again. */
      if (entry->d_name[0] == '.' || strcmp (entry->d_name, "entropy") == 0)
        continue;
      snprintf (from, sizeof from, SEED_DIRECTORY "/%s", entry->d_name);
      snprintf (to, sizeof to, SEED_RUN_DIRECTORY "/%s", entry->d_name);
      if (!file_copy (from, to, is_public (entry->d_name) ? 0644 : 0600))
        good = report_errno ("cannot copy %s", from);
    }
  closedir (directory);

  if (!file_copy ("/proc/self/exe", SEED_RUN_DIRECTORY "/vmd-guest", 0755))
    good = report_errno ("cannot copy vmd-guest");
  return good;
}

/* Reads the seed out of the initramfs and keeps its files in /run/vmd, which lives in memory:
 * keys and identity of this VM never reach a disk that could be copied for another. */
bool
seed_load (struct seed *seed)
{
  static char text[8192];
  bool good;

  if (mkdir (SEED_RUN_DIRECTORY, 0755) < 0)
    report_errno ("cannot make %s", SEED_RUN_DIRECTORY);
  if (file_read (SEED_DIRECTORY "/seed", text, sizeof text) < 0)
    {
      text[0] = '\0';
      report_errno ("cannot read %s/seed", SEED_DIRECTORY);
    }

  good = seed_parse (text, seed);
  return keep_files () && good;
}
