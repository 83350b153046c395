/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "base/vmd-program-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-vm-disk-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_DEADLINE_MS 60000

/* Of a qcow2 header, version 2 or 3: the magic at 0, the size that the guest sees at 24;
 * big-endian. */
#define HEADER_BYTES 32
#define HEADER_SIZE_OFFSET 24
static const char header_magic[] = { 'Q', 'F', 'I', '\xfb' };

static gboolean
run_qemu_img (const char *const *arguments, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *program = vmd_program_find ("qemu-img", error);

  if (program == NULL)
    return FALSE;
  g_ptr_array_add (argv, program);
  for (guint i = 0; arguments[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer) arguments[i]);
  g_ptr_array_add (argv, NULL);
  return vmd_program_run ((const char *const *) argv->pdata, NULL, NULL, cancellable,
                          vmd_deadline_in (PROGRAM_DEADLINE_MS), error);
}

/* The header is read here, since asking qemu-img would take longer than all the rest of a start.
 * @size: 0 when there is no disk yet. */
static gboolean
read_size (const char *path, guint64 *size, GError **error)
{
  guint8 header[HEADER_BYTES];
  vmd_autofd int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  gssize n;

  *size = 0;
  if (fd < 0 && errno == ENOENT)
    return TRUE;
  if (fd < 0)
    return vmd_fail_errno (error, errno, "Cannot open the disk %s", path);
  n = pread (fd, header, sizeof header, 0);
  if (n < 0)
    return vmd_fail_errno (error, errno, "Cannot read the disk %s", path);
  if (n != sizeof header || memcmp (header, header_magic, sizeof header_magic) != 0)
    return vmd_fail (error, VMD_ERROR_FAILED, "The disk %s is damaged: it is no qcow2 file", path);
  memcpy (size, header + HEADER_SIZE_OFFSET, sizeof *size);
  *size = GUINT64_FROM_BE (*size);
  return TRUE;
}

static gboolean
publish (const char *staged, const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);

  if (!vmd_fault_point ("disk-publish", error) || !vmd_fsync_path (staged, error))
    return FALSE;
  if (g_rename (staged, path) < 0)
    return vmd_fail_errno (error, errno, "Cannot rename %s", staged);
  return vmd_fsync_path (directory, error);
}

/* Made beside and renamed, so that a disk is whole or not there. */
static gboolean
make_overlay (const char *path, const char *base, guint64 size, GCancellable *cancellable,
              GError **error)
{
  g_autofree char *staged = g_strconcat (path, ".new", NULL);
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  const char *const arguments[] = { "create", "-q", "-f",   "qcow2", "-F", "raw",
                                    "-b",     base, staged, bytes,   NULL };

  if (vmd_fault_point ("disk-make", error) && run_qemu_img (arguments, cancellable, error) &&
      publish (staged, path, error))
    return TRUE;
  g_unlink (staged);
  return FALSE;
}

static gboolean
grow (const char *path, guint64 size, GCancellable *cancellable, GError **error)
{
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  const char *const arguments[] = { "resize", "-q", "-f", "qcow2", path, bytes, NULL };

  return vmd_fault_point ("disk-grow", error) && run_qemu_img (arguments, cancellable, error) &&
         vmd_fsync_path (path, error);
}

/**
 * vmd_vm_disk_ensure:
 * @path: the overlay
 * @base: the image, a raw file
 * @size: bytes that the guest sees
 *
 * Makes the disk if it is not there, grows it if it is smaller, and else leaves it as it is. Nobody
 * else may use it meanwhile: needs a claim on the VM.
 *
 * Returns: whether it is there; else MISSING_PROGRAM (qemu-img), NO_SPACE, CANCELLED, FAILED
 */
gboolean
vmd_vm_disk_ensure (const char *path, const char *base, guint64 size, GCancellable *cancellable,
                    GError **error)
{
  guint64 present;

  if (!read_size (path, &present, error))
    return FALSE;
  if (present == 0)
    return make_overlay (path, base, size, cancellable, error);
  return present >= size || grow (path, size, cancellable, error);
}
