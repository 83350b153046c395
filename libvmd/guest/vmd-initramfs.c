/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-program-private.h"
#include "../base/vmd-poll-private.h"
#include "vmd-cpio-private.h"
#include "vmd-seed-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* How much is copied between two looks at the cancellable. */
#define COPY_CHUNK (1024 * 1024)

/* The whole content of a host's file, appended to @archive as the member @name. */
static gboolean
add_program (GByteArray *archive, const char *name, GError **error)
{
  g_autofree char *path = vmd_helper_find ("vmd-guest", error);
  g_autofree char *content = NULL;
  g_autoptr (GError) local_error = NULL;
  gsize length;

  if (path == NULL)
    return FALSE;
  if (!g_file_get_contents (path, &content, &length, &local_error))
    {
      vmd_propagate_foreign (error, g_steal_pointer (&local_error), "cannot read vmd-guest");
      return FALSE;
    }

  vmd_cpio_add_file (archive, name, 0755, content, length);
  return TRUE;
}

/* Copies all of @source to @target. The kernel moves the bytes. */
static gboolean
copy_modules (int target, const char *source, GCancellable *cancellable, GError **error)
{
  vmd_autofd int fd = open (source, O_RDONLY | O_CLOEXEC);
  gssize n = 1;

  if (fd < 0)
    return vmd_fail_errno (error, errno, "cannot open the kernel's modules %s", source);
  while (n > 0)
    {
      if (vmd_is_cancelled (cancellable, error))
        return FALSE;
      n = sendfile (target, fd, NULL, COPY_CHUNK);
      if (n < 0 && errno == EINTR)
        n = 1;
      else if (n < 0)
        return vmd_fail_errno (error, errno, "cannot copy the kernel's modules %s", source);
    }

  return TRUE;
}

/* Fills up to the next multiple of four, at which the kernel looks for the next archive. */
static gboolean
write_alignment (int fd, GError **error)
{
  off_t end = lseek (fd, 0, SEEK_END);
  off_t aligned = (end + 3) & ~(off_t) 3;

  if (end < 0 || ftruncate (fd, aligned) < 0 || lseek (fd, aligned, SEEK_SET) < 0)
    return vmd_fail_errno (error, errno, "cannot write the initramfs");

  return TRUE;
}

static gboolean
write_content (int fd, const char *modules_cpio, GByteArray *own, GCancellable *cancellable,
               GError **error)
{
  if (modules_cpio != NULL &&
      (!copy_modules (fd, modules_cpio, cancellable, error) || !write_alignment (fd, error)))
    return FALSE;

  /* A regular file does not make anyone wait, so the deadline is of no meaning. */
  return vmd_write_all (fd, own->data, own->len, cancellable, VMD_NO_DEADLINE, error);
}

/**
 * vmd_initramfs_write:
 * @path: the file to make or replace, mode 0600: it holds the VM's host key
 * @modules_cpio: (nullable): the kernel's `modules.cpio`; %NULL for a kernel that has all drivers
 *   built in
 * @seed: what the guest is to be; its keys must have been made
 * @cancellable: (nullable): stops the work
 * @error: return location
 *
 * Writes what the kernel is given to boot with: two cpio archives one after the other, which is a
 * form that the kernel knows. The modules come first and as they are, since they are the same for
 * all VMs; the second has vmd-guest as `/init`, and the seed.
 *
 * The file is written beside @path and renamed, so that a hypervisor never reads half of it. It
 * is not synced: it is made anew for each start, and no start outlives a crash of the host. The
 * name beside @path is always the same one, thus the caller must be the only one who starts this
 * VM (it holds the claim), and a crash leaves at most one file for the next start to overwrite.
 *
 * Returns: whether @path is there and whole; else %VMD_ERROR_NO_SPACE, %VMD_ERROR_CANCELLED,
 *   %VMD_ERROR_MISSING_PROGRAM (vmd-guest), %VMD_ERROR_INVALID_ARGUMENT (the seed),
 *   %VMD_ERROR_NOT_FOUND (modules or keys)
 *
 * Since: 0.1
 */
gboolean
vmd_initramfs_write (const char *path, const char *modules_cpio, const VmdSeed *seed,
                     GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) own = g_byte_array_new ();
  g_autofree char *staged = g_strconcat (path, ".new", NULL);
  vmd_autofd int fd = -1;

  if (vmd_is_cancelled (cancellable, error) || !add_program (own, "init", error) ||
      !vmd_seed_add (own, seed, error))
    return FALSE;
  vmd_cpio_finish (own);

  (void) g_unlink (staged);
  fd = open (staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return vmd_fail_errno (error, errno, "cannot make %s", staged);
  if (!write_content (fd, modules_cpio, own, cancellable, error))
    {
      g_unlink (staged);
      return FALSE;
    }
  if (g_rename (staged, path) < 0)
    {
      int saved_errno = errno;

      g_unlink (staged);
      return vmd_fail_errno (error, saved_errno, "cannot rename %s", staged);
    }

  return TRUE;
}
