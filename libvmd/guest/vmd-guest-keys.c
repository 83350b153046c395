/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-program-private.h"
#include "../base/vmd-poll-private.h"
#include "../base/vmd-state-dir-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

/* For one run of a program that takes some milliseconds. */
#define PROGRAM_MILLISECONDS (30 * 1000)

/* All that a VM's key directory has. */
static const char *const key_names[] = { "client", "client.pub", "host", "host.pub",
                                         "host.dropbear" };

static gboolean
are_keys_whole (const char *directory)
{
  for (gsize i = 0; i < G_N_ELEMENTS (key_names); i++)
    {
      g_autofree char *path = g_build_filename (directory, key_names[i], NULL);
      struct stat status;

      if (lstat (path, &status) < 0 || !S_ISREG (status.st_mode) || status.st_size == 0)
        return FALSE;
    }

  return TRUE;
}

static gboolean
run (const char *const *argv, const char *directory, GCancellable *cancellable, GError **error)
{
  g_autofree char *program = vmd_program_find (argv[0], error);
  g_autofree const char **full = NULL;
  gsize n = g_strv_length ((char **) argv);

  if (program == NULL)
    return FALSE;
  full = g_new0 (const char *, n + 1);
  for (gsize i = 1; i < n; i++)
    full[i] = argv[i];
  full[0] = program;

  return vmd_program_run (full, directory, NULL, cancellable,
                          vmd_deadline_in (PROGRAM_MILLISECONDS), error);
}

static gboolean
make_key (const char *directory, const char *name, GCancellable *cancellable, GError **error)
{
  const char *argv[] = { "ssh-keygen", "-q",  "-t", "ed25519", "-N", "",
                         "-C",         "vmd", "-f", name,      NULL };

  return run (argv, directory, cancellable, error);
}

static gboolean
convert_host_key (const char *directory, GCancellable *cancellable, GError **error)
{
  static const char *const argv[] = { "dropbearconvert", "openssh", "dropbear", "host",
                                      "host.dropbear",   NULL };

  return run (argv, directory, cancellable, error);
}

/* Makes sure of modes, whatever the umask and the programs did, and that all is on the disk. */
static gboolean
settle (const char *directory, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (key_names); i++)
    {
      g_autofree char *path = g_build_filename (directory, key_names[i], NULL);

      if (g_chmod (path, 0600) < 0)
        return vmd_fail_errno (error, errno, "%s was not made", path);
      if (!vmd_fsync_path (path, error))
        return FALSE;
    }

  return vmd_fsync_path (directory, error);
}

static gboolean
make_keys (const char *directory, GCancellable *cancellable, GError **error)
{
  return vmd_fault_point ("guest-keys-client", error) &&
         make_key (directory, "client", cancellable, error) &&
         vmd_fault_point ("guest-keys-host", error) &&
         make_key (directory, "host", cancellable, error) &&
         convert_host_key (directory, cancellable, error) && settle (directory, error) &&
         vmd_fault_point ("guest-keys-publish", error);
}

/* Puts @staged where the keys are looked for. What lies there is not whole, else it would have
 * been used. */
static gboolean
publish (const char *vm_dir, const char *staged, const char *keys, GError **error)
{
  if (!vmd_remove_tree (keys, error))
    return FALSE;
  if (g_rename (staged, keys) < 0)
    return vmd_fail_errno (error, errno, "cannot rename %s", staged);

  return vmd_fsync_path (vm_dir, error);
}

/**
 * vmd_guest_keys_ensure:
 * @vm_dir: the VM's directory; exists
 * @cancellable: (nullable): stops the work
 * @error: return location
 *
 * Makes the keys of one VM, in the directory `keys` of its own: `client` and `client.pub`, with
 * which vmd logs in; `host` and `host.pub`, by which the guest is known from the first connection
 * on; and `host.dropbear`, the same for dropbear. All ed25519, by ssh-keygen, mode 0600. The
 * directory is made beside and renamed when all of it is on the disk, so there are whole keys or
 * none, whenever it is cut. Whole keys that are there stay as they are.
 *
 * The caller must be the only one who works on this VM (it holds its lock or its claim).
 *
 * Returns: whether the keys are there; else %VMD_ERROR_MISSING_PROGRAM, %VMD_ERROR_CANCELLED,
 *   %VMD_ERROR_NO_SPACE, …
 *
 * Since: 0.1
 */
gboolean
vmd_guest_keys_ensure (const char *vm_dir, GCancellable *cancellable, GError **error)
{
  g_autofree char *keys = g_build_filename (vm_dir, "keys", NULL);
  g_autofree char *staged = g_build_filename (vm_dir, "keys.new", NULL);
  g_autoptr (GError) undo_error = NULL;

  if (vmd_is_cancelled (cancellable, error))
    return FALSE;
  if (are_keys_whole (keys))
    return TRUE;

  /* A crash may have left it. */
  if (!vmd_remove_tree (staged, error))
    return FALSE;
  if (g_mkdir (staged, 0700) < 0)
    return vmd_fail_errno (error, errno, "cannot make %s", staged);
  if (make_keys (staged, cancellable, error) && publish (vm_dir, staged, keys, error))
    return TRUE;

  if (!vmd_remove_tree (staged, &undo_error))
    vmd_error_join (error, g_steal_pointer (&undo_error));
  return FALSE;
}
