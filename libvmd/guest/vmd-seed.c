/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-seed-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-name-private.h"
#include "vmd-cpio-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The network cards that the backend makes are known by these hardware addresses. The first leads
 * to the guest from vmd only; the second leads out, to the addresses that the backend's user
 * network has. The reader is subprojects/vmd-guest/seed.c. */
#define MANAGEMENT_NIC "nic=52:54:00:76:6d:01 10.0.2.15/24\n"
#define USER_NIC "nic=52:54:00:76:6d:02 10.0.3.15/24 10.0.3.2\nresolver=10.0.3.3\n"

#define CHANNEL_URL "vport:org.vmd.channel.0"

/* Twice what the kernel's generator needs to count as seeded. */
#define ENTROPY_LENGTH 64

/* A file of the VM's key directory, and what it is called in the guest. */
typedef struct
{
  const char *key;
  const char *member;
} KeyFile;

static const KeyFile client_key = { "client.pub", "seed/authorized_keys" };
static const KeyFile dropbear_keys[] = { { "host.dropbear", "seed/host.dropbear" } };
static const KeyFile openssh_keys[] = { { "host", "seed/ssh_host_ed25519_key" },
                                        { "host.pub", "seed/ssh_host_ed25519_key.pub" } };

/* Each value goes into a line of its own, so none may contain what ends one. */
static gboolean
validate (const VmdSeed *seed, GError **error)
{
  static const char *const networks[] = { "user", "none", NULL };
  static const char *const servers[] = { "dropbear", "openssh", "none", NULL };

  if (seed->vm_id == NULL || !vmd_id_is_valid (seed->vm_id))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is not the id of a VM",
                     seed->vm_id != NULL ? seed->vm_id : "");
  if (!vmd_name_validate (seed->hostname, "host name", error))
    return FALSE;
  if (seed->network == NULL || !g_strv_contains (networks, seed->network))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is no network: there are “user” and “none”",
                     seed->network != NULL ? seed->network : "");
  if (seed->ssh_server == NULL || !g_strv_contains (servers, seed->ssh_server))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is no SSH server: there are “dropbear”, “openssh” and “none”",
                     seed->ssh_server != NULL ? seed->ssh_server : "");

  if (seed->channel_token != NULL && strpbrk (seed->channel_token, "\n\r =") != NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "The token of a guest is none");

  return TRUE;
}

/* The machine id is to be as lasting as the VM and unlike any other's, but must not give the VM's
 * id away to whoever in the guest reports it elsewhere: hence a digest. */
static char *
dup_machine_id (const char *vm_id)
{
  g_autofree char *text = g_strconcat ("vmd machine id of ", vm_id, NULL);
  char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  digest[32] = '\0';
  return digest;
}

static char *
dup_text (const VmdSeed *seed)
{
  g_autofree char *machine_id = dup_machine_id (seed->vm_id);

  return g_strdup_printf (
      "vm_id=%s\nlaunch=%" G_GUINT64_FORMAT "\nhostname=%s\nmachine_id=%s\nssh_server=%s\n"
      "clock=%" G_GINT64_FORMAT "\n%s%s",
      seed->vm_id, seed->launch, seed->hostname, machine_id, seed->ssh_server, g_get_real_time (),
      MANAGEMENT_NIC, g_str_equal (seed->network, "user") ? USER_NIC : "");
}

/* The device that the guest is, and how it reaches the channel: by its second port. */
static char *
dup_channel_text (const VmdSeed *seed)
{
  if (seed->channel_token == NULL)
    return g_strdup ("");
  return g_strdup_printf ("device=%s\nchannel_url=" CHANNEL_URL "\nchannel_token=%s\n", seed->vm_id,
                          seed->channel_token);
}

static gboolean
add_entropy (GByteArray *archive, GError **error)
{
  guint8 entropy[ENTROPY_LENGTH];

  /* As little as this is never cut short by a signal. */
  if (getrandom (entropy, sizeof entropy, 0) != (gssize) sizeof entropy)
    return vmd_fail_errno (error, errno, "cannot get random numbers");

  vmd_cpio_add_file (archive, "seed/entropy", 0600, entropy, sizeof entropy);
  explicit_bzero (entropy, sizeof entropy);
  return TRUE;
}

static gboolean
add_key (GByteArray *archive, const VmdSeed *seed, const KeyFile *file, GError **error)
{
  g_autofree char *path = g_build_filename (seed->vm_dir, "keys", file->key, NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) local_error = NULL;
  gsize length;

  if (!g_file_get_contents (path, &content, &length, &local_error))
    {
      vmd_propagate_foreign (error, g_steal_pointer (&local_error), "cannot read a key of the VM");
      return FALSE;
    }
  vmd_cpio_add_file (archive, file->member, 0600, content, length);
  explicit_bzero (content, length);
  return TRUE;
}

static gboolean
add_keys (GByteArray *archive, const VmdSeed *seed, GError **error)
{
  const KeyFile *host_keys = NULL;
  gsize n_host_keys = 0;

  if (g_str_equal (seed->ssh_server, "dropbear"))
    {
      host_keys = dropbear_keys;
      n_host_keys = G_N_ELEMENTS (dropbear_keys);
    }
  else if (g_str_equal (seed->ssh_server, "openssh"))
    {
      host_keys = openssh_keys;
      n_host_keys = G_N_ELEMENTS (openssh_keys);
    }
  for (gsize i = 0; i < n_host_keys; i++)
    if (!add_key (archive, seed, &host_keys[i], error))
      return FALSE;

  return add_key (archive, seed, &client_key, error);
}

/**
 * vmd_seed_add:
 * @archive: a cpio archive
 * @seed: what the guest is to be
 * @error: return location
 *
 * Adds the directory `seed` with the files that vmd-guest reads: `seed` (lines key=value), the
 * keys, and fresh entropy.
 *
 * Returns: %FALSE with %VMD_ERROR_INVALID_ARGUMENT for a value that must not be passed on, or
 *   when a key cannot be read
 */
gboolean
vmd_seed_add (GByteArray *archive, const VmdSeed *seed, GError **error)
{
  g_autofree char *machine = NULL;
  g_autofree char *channel = NULL;
  g_autofree char *text = NULL;

  if (!validate (seed, error))
    return FALSE;

  machine = dup_text (seed);
  channel = dup_channel_text (seed);
  text = g_strconcat (machine, channel, NULL);
  vmd_cpio_add_directory (archive, "seed", 0700);
  vmd_cpio_add_file (archive, "seed/seed", 0600, text, strlen (text));
  explicit_bzero (channel, strlen (channel));
  explicit_bzero (text, strlen (text));
  return add_entropy (archive, error) && add_keys (archive, seed, error);
}
