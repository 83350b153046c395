/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-spec.h"

struct _VmdVmSpec
{
  char *name; /* NULL: absent, as with the other strings */
  char *image;
  char *kernel;
  char *network;
  guint vcpus;
  guint64 memory;
  guint64 disk_size;
  gboolean vcpus_set; /* absent is not zero */
  gboolean memory_set;
  gboolean disk_size_set;
};

G_DEFINE_BOXED_TYPE (VmdVmSpec, vmd_vm_spec, vmd_vm_spec_copy, vmd_vm_spec_free)

/**
 * vmd_vm_spec_new:
 *
 * A specification in which every field is absent: vmd_manager_create_vm() fills in defaults,
 * vmd_vm_configure() leaves what is absent as it is. Nothing is checked before it is used.
 *
 * Returns: (transfer full): a new specification
 * Since: 0.1
 */
VmdVmSpec *
vmd_vm_spec_new (void)
{
  return g_new0 (VmdVmSpec, 1);
}

/**
 * vmd_vm_spec_copy:
 * @self: a specification
 *
 * Returns: (transfer full): a copy
 * Since: 0.1
 */
VmdVmSpec *
vmd_vm_spec_copy (const VmdVmSpec *self)
{
  VmdVmSpec *copy = g_new (VmdVmSpec, 1);

  *copy = *self;
  copy->name = g_strdup (self->name);
  copy->image = g_strdup (self->image);
  copy->kernel = g_strdup (self->kernel);
  copy->network = g_strdup (self->network);

  return copy;
}

/**
 * vmd_vm_spec_free:
 * @self: (transfer full) (nullable): a specification
 *
 * Frees it.
 *
 * Since: 0.1
 */
void
vmd_vm_spec_free (VmdVmSpec *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->image);
  g_free (self->kernel);
  g_free (self->network);
  g_free (self);
}

static void
replace (char **field, const char *value)
{
  char *copy = g_strdup (value);

  g_free (*field);
  *field = copy;
}

/**
 * vmd_vm_spec_set_name:
 * @self: a specification
 * @name: (nullable): a name; %NULL makes it absent
 *
 * The name, a DNS label: 1 to 63 of a-z, 0-9 and hyphen, with no hyphen at an edge. Where it is
 * absent, create makes one of two random words and a number, such as "calm-otter-41".
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_name (VmdVmSpec *self, const char *name)
{
  g_return_if_fail (self != NULL);

  replace (&self->name, name);
}

/**
 * vmd_vm_spec_get_name:
 * @self: a specification
 *
 * What vmd_vm_spec_set_name() set.
 *
 * Returns: (transfer none) (nullable): a name; %NULL if absent
 * Since: 0.1
 */
const char *
vmd_vm_spec_get_name (const VmdVmSpec *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->name;
}

/**
 * vmd_vm_spec_set_image:
 * @self: a specification
 * @image: (nullable): the name of an image; %NULL makes it absent
 *
 * The name of the image to boot. Where it is absent, create takes "tiny". It cannot be configured
 * later.
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_image (VmdVmSpec *self, const char *image)
{
  g_return_if_fail (self != NULL);

  replace (&self->image, image);
}

/**
 * vmd_vm_spec_get_image:
 * @self: a specification
 *
 * What vmd_vm_spec_set_image() set.
 *
 * Returns: (transfer none) (nullable): the name of an image; %NULL if absent
 * Since: 0.1
 */
const char *
vmd_vm_spec_get_image (const VmdVmSpec *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->image;
}

/**
 * vmd_vm_spec_set_kernel:
 * @self: a specification
 * @kernel: (nullable): the version of a kernel; %NULL makes it absent
 *
 * The version of the kernel to boot, as `uname -r` prints it. Where it is absent, create takes the
 * default kernel. It cannot be configured later.
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_kernel (VmdVmSpec *self, const char *kernel)
{
  g_return_if_fail (self != NULL);

  replace (&self->kernel, kernel);
}

/**
 * vmd_vm_spec_get_kernel:
 * @self: a specification
 *
 * What vmd_vm_spec_set_kernel() set.
 *
 * Returns: (transfer none) (nullable): the version of a kernel; %NULL if absent
 * Since: 0.1
 */
const char *
vmd_vm_spec_get_kernel (const VmdVmSpec *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->kernel;
}

/**
 * vmd_vm_spec_set_network:
 * @self: a specification
 * @network: (nullable): "user" or "none"; %NULL makes it absent
 *
 * How the guest is connected: "user" (it reaches out, and not the host's loopback) or "none".
 * Where it is absent, create takes "user".
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_network (VmdVmSpec *self, const char *network)
{
  g_return_if_fail (self != NULL);

  replace (&self->network, network);
}

/**
 * vmd_vm_spec_get_network:
 * @self: a specification
 *
 * What vmd_vm_spec_set_network() set.
 *
 * Returns: (transfer none) (nullable): "user" or "none"; %NULL if absent
 * Since: 0.1
 */
const char *
vmd_vm_spec_get_network (const VmdVmSpec *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->network;
}

/**
 * vmd_vm_spec_set_vcpus:
 * @self: a specification
 * @vcpus: a number
 *
 * How many virtual processors: 1 to 64. Where it is absent, create takes 1.
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_vcpus (VmdVmSpec *self, guint vcpus)
{
  g_return_if_fail (self != NULL);

  self->vcpus = vcpus;
  self->vcpus_set = TRUE;
}

/**
 * vmd_vm_spec_get_vcpus:
 * @self: a specification
 * @set: (out) (optional): whether it was set; absent is not zero
 *
 * What vmd_vm_spec_set_vcpus() set.
 *
 * Returns: processors, 0 if absent
 * Since: 0.1
 */
guint
vmd_vm_spec_get_vcpus (const VmdVmSpec *self, gboolean *set)
{
  g_return_val_if_fail (self != NULL, 0);

  if (set != NULL)
    *set = self->vcpus_set;

  return self->vcpus;
}

/**
 * vmd_vm_spec_set_memory:
 * @self: a specification
 * @bytes: bytes
 *
 * The memory: 64 MiB to 1 TiB, rounded up to whole MiB. Where it is absent, create takes 512 MiB.
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_memory (VmdVmSpec *self, guint64 bytes)
{
  g_return_if_fail (self != NULL);

  self->memory = bytes;
  self->memory_set = TRUE;
}

/**
 * vmd_vm_spec_get_memory:
 * @self: a specification
 * @set: (out) (optional): whether it was set; absent is not zero
 *
 * What vmd_vm_spec_set_memory() set.
 *
 * Returns: bytes, 0 if absent
 * Since: 0.1
 */
guint64
vmd_vm_spec_get_memory (const VmdVmSpec *self, gboolean *set)
{
  g_return_val_if_fail (self != NULL, 0);

  if (set != NULL)
    *set = self->memory_set;

  return self->memory;
}

/**
 * vmd_vm_spec_set_disk_size:
 * @self: a specification
 * @bytes: bytes
 *
 * The size of the disk, as the guest sees it: at least the image's, at most 16 TiB. It can grow,
 * never shrink. Where it is absent, create takes 4 GiB, or the image's size if that is more.
 *
 * Since: 0.1
 */
void
vmd_vm_spec_set_disk_size (VmdVmSpec *self, guint64 bytes)
{
  g_return_if_fail (self != NULL);

  self->disk_size = bytes;
  self->disk_size_set = TRUE;
}

/**
 * vmd_vm_spec_get_disk_size:
 * @self: a specification
 * @set: (out) (optional): whether it was set; absent is not zero
 *
 * What vmd_vm_spec_set_disk_size() set.
 *
 * Returns: bytes, 0 if absent
 * Since: 0.1
 */
guint64
vmd_vm_spec_get_disk_size (const VmdVmSpec *self, gboolean *set)
{
  g_return_val_if_fail (self != NULL, 0);

  if (set != NULL)
    *set = self->disk_size_set;

  return self->disk_size;
}
