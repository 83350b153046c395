/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-failure-private.h"
#include "vmd-vm-limits-private.h"

#define MIB (G_GUINT64_CONSTANT (1) << 20)
#define MAX_VCPUS 64
#define MIN_MEMORY (64 * MIB)
#define MAX_MEMORY (MIB * MIB)
#define MAX_DISK (16 * MIB * MIB)

/* Up to whole MiB: what hypervisors and disk formats all take. */
guint64
vmd_vm_round_size (guint64 bytes)
{
  return (bytes + MIB - 1) / MIB * MIB;
}

static gboolean
apply_vcpus (const VmdVmSpec *spec, VmdVmRow *row, GError **error)
{
  gboolean set;
  guint vcpus = vmd_vm_spec_get_vcpus (spec, &set);

  if (!set)
    return TRUE;
  if (vcpus < 1 || vcpus > MAX_VCPUS)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "A VM has 1 to %d virtual processors, not %u", MAX_VCPUS, vcpus);
  row->vcpus = vcpus;
  return TRUE;
}

static gboolean
apply_memory (const VmdVmSpec *spec, VmdVmRow *row, GError **error)
{
  gboolean set;
  guint64 bytes = vmd_vm_spec_get_memory (spec, &set);

  if (!set)
    return TRUE;
  if (bytes < MIN_MEMORY || bytes > MAX_MEMORY)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "A VM has 64 MiB to 1 TiB of memory, not %" G_GUINT64_FORMAT " bytes", bytes);
  row->memory = vmd_vm_round_size (bytes);
  return TRUE;
}

/* What @row has is what is on the disk already: the guest's file system, or the image's. */
static gboolean
apply_disk_size (const VmdVmSpec *spec, VmdVmRow *row, GError **error)
{
  gboolean set;
  guint64 bytes = vmd_vm_spec_get_disk_size (spec, &set);

  if (!set)
    return TRUE;
  if (bytes == 0 || bytes > MAX_DISK)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "A disk has at most 16 TiB, and not %" G_GUINT64_FORMAT " bytes", bytes);
  if (bytes < row->disk_size)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "A disk can grow, and never shrink: %" G_GUINT64_FORMAT
                     " bytes are less than the %" G_GUINT64_FORMAT " that are needed",
                     bytes, row->disk_size);
  row->disk_size = vmd_vm_round_size (bytes);
  return TRUE;
}

static gboolean
apply_network (const VmdVmSpec *spec, VmdVmRow *row, GError **error)
{
  const char *network = vmd_vm_spec_get_network (spec);
  g_autofree char *shown = NULL;

  if (network == NULL)
    return TRUE;
  if (g_str_equal (network, "user") || g_str_equal (network, "none"))
    {
      g_free (row->network);
      row->network = g_strdup (network);
      return TRUE;
    }
  shown = g_utf8_make_valid (network, -1);
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "There is no network “%s”; there are “user” and “none”", shown);
}

/* Puts what @spec sets of vcpus, memory, disk size and network into @row, whose disk size is the
 * least there may be. INVALID_ARGUMENT. */
gboolean
vmd_vm_spec_apply (const VmdVmSpec *spec, VmdVmRow *row, GError **error)
{
  return apply_vcpus (spec, row, error) && apply_memory (spec, row, error) &&
         apply_disk_size (spec, row, error) && apply_network (spec, row, error);
}
