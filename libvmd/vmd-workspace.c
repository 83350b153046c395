/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-private.h"
#include "vmd-workspace.h"

/**
 * VmdWorkspace:
 *
 * A source repository in a guest: a view on one row, which never changes. When the repository is
 * imported again there is another object in its place. All of it may be read on any thread, without
 * a lock.
 *
 * Since: 0.1
 */
struct _VmdWorkspace
{
  GObject parent;

  VmdWorkspaceRow *row; /* never changes */
};

G_DEFINE_FINAL_TYPE (VmdWorkspace, vmd_workspace, G_TYPE_OBJECT)

static void
vmd_workspace_finalize (GObject *object)
{
  vmd_workspace_row_free (VMD_WORKSPACE (object)->row);
  G_OBJECT_CLASS (vmd_workspace_parent_class)->finalize (object);
}

static void
vmd_workspace_class_init (VmdWorkspaceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_workspace_finalize;
}

static void
vmd_workspace_init (VmdWorkspace *self)
{
}

/* Returns: (transfer full) */
VmdWorkspace *
vmd_workspace_new (VmdManager *manager, const VmdWorkspaceRow *row)
{
  VmdWorkspace *self = g_object_new (VMD_TYPE_WORKSPACE, NULL);

  self->row = vmd_workspace_row_copy (row);
  return self;
}

/**
 * vmd_workspace_get_vm_id:
 *
 * Returns: (transfer none): the id of the VM it is in
 *
 * Since: 0.1
 */
const char *
vmd_workspace_get_vm_id (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), NULL);
  return self->row->vm;
}

/**
 * vmd_workspace_get_path:
 *
 * Returns: (transfer none): its absolute path in the guest
 *
 * Since: 0.1
 */
const char *
vmd_workspace_get_path (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), NULL);
  return self->row->path;
}

/**
 * vmd_workspace_dup_repository:
 *
 * Returns: (transfer full): what the source called itself, a path on its machine; for people, vmd
 *   does not open it
 *
 * Since: 0.1
 */
char *
vmd_workspace_dup_repository (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), NULL);
  return g_strdup (self->row->repository);
}

/**
 * vmd_workspace_dup_head:
 *
 * Returns: (transfer full): the commit that was checked out when it was imported; "" before the
 *   first one
 *
 * Since: 0.1
 */
char *
vmd_workspace_dup_head (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), NULL);
  return g_strdup (self->row->head);
}

/**
 * vmd_workspace_dup_branch:
 *
 * Returns: (transfer full) (nullable): the branch that was checked out; %NULL when there was none
 *
 * Since: 0.1
 */
char *
vmd_workspace_dup_branch (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), NULL);
  return g_strdup (self->row->branch);
}

/**
 * vmd_workspace_dup_mode:
 *
 * Returns: (transfer full): in which form it was imported: "full-copy"
 *
 * Since: 0.1
 */
char *
vmd_workspace_dup_mode (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), NULL);
  return g_strdup (self->row->mode);
}

/**
 * vmd_workspace_get_launch:
 *
 * Returns: the launch number of the VM at which it was imported
 *
 * Since: 0.1
 */
guint64
vmd_workspace_get_launch (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), 0);
  return self->row->launch;
}

/**
 * vmd_workspace_get_n_files:
 *
 * Returns: how many files were imported
 *
 * Since: 0.1
 */
guint64
vmd_workspace_get_n_files (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), 0);
  return self->row->files;
}

/**
 * vmd_workspace_get_bytes:
 *
 * Returns: how many bytes those files have
 *
 * Since: 0.1
 */
guint64
vmd_workspace_get_bytes (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), 0);
  return self->row->bytes;
}

/**
 * vmd_workspace_get_imported:
 *
 * Returns: when it was imported, in microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_workspace_get_imported (VmdWorkspace *self)
{
  g_return_val_if_fail (VMD_IS_WORKSPACE (self), 0);
  return self->row->imported;
}
