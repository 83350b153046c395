/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Kernel modules: what each says of itself, and those of them that a boot needs. */

#include "vmd-archive-private.h"

G_BEGIN_DECLS

/* -- vmd-module-info.c -- */
typedef struct
{
  char *name; /* with underscores, as the kernel has it; NULL: it does not say */
  GStrv depends; /* what it says must be loaded before it */
  char *release; /* the kernel that it was made for, as uname -r; NULL: it does not say */
} VmdModuleInfo;

void vmd_module_info_clear (VmdModuleInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdModuleInfo, vmd_module_info_clear)
/* From the .modinfo section of a module: an ELF file for a little-endian 64-bit machine. FALSE:
 * this is none. */
gboolean vmd_module_info_read (const void *module, gsize length, VmdModuleInfo *info);
/* "kernel/drivers/char/virtio-rng.ko.xz": "virtio_rng". NULL: not the name of a module. */
char *vmd_module_name_from_path (const char *path);

/* -- vmd-modules.c -- */
typedef struct _VmdModules VmdModules;
/* Keeps modules in a file without a name in @directory. */
VmdModules *vmd_modules_new (const char *directory, GError **error);
/* Takes a module as it is in a package; compressed ones are decompressed. */
gboolean vmd_modules_add (VmdModules *self, const char *path, GByteArray *content, GError **error);
/* Writes those that a boot of the kernel @release needs as a cpio archive. */
gboolean vmd_modules_write (VmdModules *self, const char *path, const char *release,
                            GCancellable *cancellable, GError **error);
void vmd_modules_free (VmdModules *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdModules, vmd_modules_free)

G_END_DECLS
