/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

G_BEGIN_DECLS

/* What a VM is to be. A field that was never set is absent, which is not zero: create fills in its
 * default, configure leaves it as it is. Boxed, so that bindings can use it. */
#define VMD_TYPE_VM_SPEC (vmd_vm_spec_get_type ())
typedef struct _VmdVmSpec VmdVmSpec;

VMD_AVAILABLE_IN_0_1 GType vmd_vm_spec_get_type (void);
VMD_AVAILABLE_IN_0_1 VmdVmSpec *vmd_vm_spec_new (void);
VMD_AVAILABLE_IN_0_1 VmdVmSpec *vmd_vm_spec_copy (const VmdVmSpec *self);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_free (VmdVmSpec *self);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_name (VmdVmSpec *self, const char *name);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_image (VmdVmSpec *self, const char *image);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_kernel (VmdVmSpec *self, const char *kernel);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_vcpus (VmdVmSpec *self, guint vcpus);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_memory (VmdVmSpec *self, guint64 bytes);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_disk_size (VmdVmSpec *self, guint64 bytes);
VMD_AVAILABLE_IN_0_1 void vmd_vm_spec_set_network (VmdVmSpec *self, const char *network);
VMD_AVAILABLE_IN_0_1 const char *vmd_vm_spec_get_name (const VmdVmSpec *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_vm_spec_get_image (const VmdVmSpec *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_vm_spec_get_kernel (const VmdVmSpec *self);
VMD_AVAILABLE_IN_0_1 guint vmd_vm_spec_get_vcpus (const VmdVmSpec *self, gboolean *set);
VMD_AVAILABLE_IN_0_1 guint64 vmd_vm_spec_get_memory (const VmdVmSpec *self, gboolean *set);
VMD_AVAILABLE_IN_0_1 guint64 vmd_vm_spec_get_disk_size (const VmdVmSpec *self, gboolean *set);
VMD_AVAILABLE_IN_0_1 const char *vmd_vm_spec_get_network (const VmdVmSpec *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdVmSpec, vmd_vm_spec_free)

G_END_DECLS
