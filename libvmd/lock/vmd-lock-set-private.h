/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one request names: resources with their modes, as people read them and as the lock file has
 * them. */

#include "vmd-lock.h"

G_BEGIN_DECLS

typedef struct
{
  VmdLockKind kind;
  VmdLockMode mode;
  char *name; /* NULL for a leaf */
} VmdLockResource;

/* Where in the file `locks`: the gate is byte 2 × offset, the lock the byte behind it. */
typedef struct
{
  guint64 offset;
  VmdLockMode mode;
} VmdLockPlace;

typedef struct
{
  GArray *resources; /* VmdLockResource, in the order added, none twice */
  GArray *places; /* VmdLockPlace, rising, none twice; made by vmd_lock_set_seal() */
  gboolean is_leaf; /* made by vmd_lock_set_seal() */
} VmdLockSet;

VmdLockSet *vmd_lock_set_new (void);
void vmd_lock_set_free (VmdLockSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdLockSet, vmd_lock_set_free)

gboolean vmd_lock_set_add (VmdLockSet *self, VmdLockKind kind, const char *name, VmdLockMode mode,
                           GError **error);
gboolean vmd_lock_set_seal (VmdLockSet *self, GError **error);
gboolean vmd_lock_set_conflicts (const VmdLockSet *self, const VmdLockSet *other);
char *vmd_lock_set_dup_conflict (const VmdLockSet *self, const VmdLockSet *other);
gboolean
vmd_lock_set_covers (const VmdLockSet *self, VmdLockKind kind, const char *name, VmdLockMode mode);
char *vmd_lock_set_to_string (const VmdLockSet *self);
VmdLockSet *vmd_lock_set_parse (const char *text);
char *vmd_lock_resource_to_string (VmdLockKind kind, const char *name);
const char *vmd_lock_mode_to_string (VmdLockMode mode);

G_END_DECLS
