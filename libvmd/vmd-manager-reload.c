/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-state-private.h"

#include <string.h>

/* From the store to the handles, for one's own commits and for other processes': the store's thread
 * tells which row changed, and here it is read and put where readers look. A row that cannot be
 * read keeps the handle as it was; it never takes another one's with it. */

/* A VM that is being deleted keeps its handle, for those who hold it and for those who wait until
 * it is gone, but is listed no more. */
static void
reload_vm (VmdManager *self, sqlite3 *db, const char *id)
{
  g_autoptr (VmdVm) vm = vmd_cache_lookup (self->cache, VMD_ROW_VM, id);
  g_autoptr (VmdVm) old = NULL;
  g_autoptr (VmdVmSnapshot) before = NULL;
  g_autoptr (VmdVmSnapshot) now = NULL;

  if (vm == NULL)
    vm = vmd_vm_new (self, id);
  before = vmd_vm_ref_snapshot (vm);
  vmd_vm_reload (vm, db);
  now = vmd_vm_ref_snapshot (vm);
  old =
      vmd_cache_replace (self->cache, VMD_ROW_VM, id, now->row != NULL ? g_object_ref (vm) : NULL);
  if (vmd_vm_snapshot_is_gone (before) && !vmd_vm_snapshot_is_gone (now))
    vmd_manager_emit (self, VMD_MANAGER_VM_ADDED, vm);
  if (!vmd_vm_snapshot_is_gone (before) && vmd_vm_snapshot_is_gone (now))
    vmd_manager_emit (self, VMD_MANAGER_VM_REMOVED, vm);
}

/* @object: (transfer full) (nullable): the handle of what the row is now. */
static void
put (VmdManager *self, VmdRowKind kind, const char *key, GObject *object, VmdManagerSignal added,
     VmdManagerSignal removed)
{
  g_autoptr (GObject) now = object != NULL ? g_object_ref (object) : NULL;
  g_autoptr (GObject) old = vmd_cache_replace (self->cache, kind, key, object);

  if (old != NULL)
    vmd_manager_emit (self, removed, old);
  if (now != NULL)
    vmd_manager_emit (self, added, now);
}

static void
reload_image (VmdManager *self, sqlite3 *db, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdImageRow) row = vmd_image_row_load (db, name, &error);

  if (error == NULL)
    put (self, VMD_ROW_IMAGE, name, row != NULL ? G_OBJECT (vmd_image_new (self, row)) : NULL,
         VMD_MANAGER_IMAGE_ADDED, VMD_MANAGER_IMAGE_REMOVED);
}

static void
reload_kernel (VmdManager *self, sqlite3 *db, const char *version)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdKernelRow) row = vmd_kernel_row_load (db, version, &error);

  if (error == NULL)
    put (self, VMD_ROW_KERNEL, version, row != NULL ? G_OBJECT (vmd_kernel_new (self, row)) : NULL,
         VMD_MANAGER_KERNEL_ADDED, VMD_MANAGER_KERNEL_REMOVED);
}

/* @key: "<vm-id> <path>". */
static void
reload_workspace (VmdManager *self, sqlite3 *db, const char *key)
{
  const char *path = strchr (key, ' ');
  g_autoptr (VmdWorkspaceRow) row = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *vm = NULL;

  if (path == NULL)
    return;
  vm = g_strndup (key, path - key);
  row = vmd_workspace_row_load (db, vm, path + 1, &error);
  if (error == NULL)
    put (self, VMD_ROW_WORKSPACE, key,
         row != NULL ? G_OBJECT (vmd_workspace_new (self, row)) : NULL, VMD_MANAGER_WORKSPACE_ADDED,
         VMD_MANAGER_WORKSPACE_REMOVED);
}

/* The keys of all rows of a kind. */
static GPtrArray *
load_keys (sqlite3 *db, VmdRowKind kind, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) rows = NULL;

  if (kind == VMD_ROW_VM)
    rows = vmd_vm_row_load_all (db, error);
  else if (kind == VMD_ROW_IMAGE)
    rows = vmd_image_row_load_all (db, error);
  else if (kind == VMD_ROW_KERNEL)
    rows = vmd_kernel_row_load_all (db, error);
  else if (kind >= VMD_ROW_DEVICE)
    return vmd_manager_load_device_keys (db, kind, error);
  else
    rows = vmd_workspace_row_load_all (db, error);
  if (rows == NULL)
    return NULL;
  for (guint i = 0; i < rows->len; i++)
    {
      gpointer row = rows->pdata[i];
      char *key = NULL;

      if (kind == VMD_ROW_VM)
        key = g_strdup (((VmdVmRow *) row)->id);
      else if (kind == VMD_ROW_IMAGE)
        key = g_strdup (((VmdImageRow *) row)->name);
      else if (kind == VMD_ROW_KERNEL)
        key = g_strdup (((VmdKernelRow *) row)->version);
      else
        key = g_strdup_printf ("%s %s", ((VmdWorkspaceRow *) row)->vm,
                               ((VmdWorkspaceRow *) row)->path);
      g_ptr_array_add (keys, key);
    }
  return g_steal_pointer (&keys);
}

static void
reload_one (VmdManager *self, sqlite3 *db, VmdRowKind kind, const char *key)
{
  switch (kind)
    {
    case VMD_ROW_VM:
    case VMD_ROW_LAUNCH:
    case VMD_ROW_TRANSITION:
      reload_vm (self, db, key);
      break;
    case VMD_ROW_IMAGE:
      reload_image (self, db, key);
      break;
    case VMD_ROW_KERNEL:
      reload_kernel (self, db, key);
      break;
    case VMD_ROW_WORKSPACE:
      reload_workspace (self, db, key);
      break;
    default:
      vmd_manager_reload_device_row (self, db, kind, key);
    }
}

/* What is there now, and what was there before: the latter finds out that it is gone. */
static void
reload_all (VmdManager *self, sqlite3 *db, VmdRowKind kind)
{
  g_auto (GStrv) known = vmd_cache_dup_keys (self->cache, kind);
  g_autoptr (GHashTable) there = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) keys = NULL;
  g_autoptr (GError) error = NULL;

  keys = load_keys (db, kind, &error);
  if (keys == NULL)
    {
      g_debug ("Cannot read all rows of kind %d: %s", kind, error->message);
      return;
    }
  for (guint i = 0; i < keys->len; i++)
    g_hash_table_add (there, keys->pdata[i]);
  for (guint i = 0; known[i] != NULL; i++)
    if (!g_hash_table_contains (there, known[i]))
      g_ptr_array_add (keys, g_strdup (known[i]));
  for (guint i = 0; i < keys->len; i++)
    reload_one (self, db, kind, keys->pdata[i]);
}

/* On the store's thread, after a commit. */
void
vmd_manager_observe_cb (VmdStore *store, sqlite3 *db, VmdRowKind kind, const char *id,
                        gpointer data)
{
  /* Launches and claims are read with their VM. */
  if (id != NULL)
    reload_one (data, db, kind, id);
  else if (kind != VMD_ROW_LAUNCH && kind != VMD_ROW_TRANSITION)
    reload_all (data, db, kind);
}

/* On the store's thread, after the last row of what was told at once. */
void
vmd_manager_observed_cb (VmdStore *store, gpointer data)
{
  vmd_manager_settle_devices (data);
}
