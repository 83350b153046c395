/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "vmd-manager-state-private.h"

#include <string.h>

/* Lists and look-ups, from memory: any thread, no lock, no waiting. */

static char *
dup_key (gpointer object)
{
  if (VMD_IS_VM (object))
    return vmd_vm_dup_name (object);
  if (VMD_IS_IMAGE (object))
    return g_strdup (vmd_image_get_name (object));
  if (VMD_IS_KERNEL (object))
    return g_strdup (vmd_kernel_get_version (object));
  return g_strdup_printf ("%s %s", vmd_workspace_get_vm_id (object),
                          vmd_workspace_get_path (object));
}

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer data)
{
  g_autofree char *first = dup_key ((gpointer) a);
  g_autofree char *second = dup_key ((gpointer) b);

  return strcmp (first, second);
}

static gboolean
is_listed (gpointer object)
{
  g_autoptr (VmdVmSnapshot) now = NULL;

  if (!VMD_IS_VM (object))
    return TRUE;
  now = vmd_vm_ref_snapshot (object);
  return !vmd_vm_snapshot_is_gone (now);
}

static GListModel *
list (VmdManager *self, VmdRowKind kind, GType type)
{
  GListStore *store = g_list_store_new (type);
  g_autoptr (GPtrArray) objects = vmd_cache_dup_all (self->cache, kind);

  for (guint i = 0; i < objects->len; i++)
    if (is_listed (objects->pdata[i]))
      g_list_store_append (store, objects->pdata[i]);
  g_list_store_sort (store, compare_keys, NULL);
  return G_LIST_MODEL (store);
}

/**
 * vmd_manager_list_vms:
 *
 * Returns: (transfer full): the #VmdVm there are now, sorted by name; those being deleted left out
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_vms (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return list (self, VMD_ROW_VM, VMD_TYPE_VM);
}

/**
 * vmd_manager_list_images:
 *
 * Returns: (transfer full): the #VmdImage there are now, sorted by name
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_images (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return list (self, VMD_ROW_IMAGE, VMD_TYPE_IMAGE);
}

/**
 * vmd_manager_list_kernels:
 *
 * Returns: (transfer full): the #VmdKernel there are now, sorted by version
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_kernels (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return list (self, VMD_ROW_KERNEL, VMD_TYPE_KERNEL);
}

/**
 * vmd_manager_list_workspaces:
 *
 * Returns: (transfer full): the #VmdWorkspace there are now, sorted by VM id and path
 *
 * Since: 0.1
 */
GListModel *
vmd_manager_list_workspaces (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return list (self, VMD_ROW_WORKSPACE, VMD_TYPE_WORKSPACE);
}

/**
 * vmd_manager_lookup_vm:
 * @id: a VM's whole id, and no name
 *
 * For who keeps ids, not for what a user said: see vmd_manager_find_vm(). Costs the same however
 * many VMs there are.
 *
 * Returns: (transfer full) (nullable): the VM with this id, also while it is being deleted
 *
 * Since: 0.1
 */
VmdVm *
vmd_manager_lookup_vm (VmdManager *self, const char *id)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);
  return vmd_cache_lookup (self->cache, VMD_ROW_VM, id);
}

VmdWorkspace *
vmd_manager_lookup_workspace (VmdManager *self, const char *vm_id, const char *path)
{
  g_autofree char *key = g_strdup_printf ("%s %s", vm_id, path);

  return vmd_cache_lookup (self->cache, VMD_ROW_WORKSPACE, key);
}

/* What is sorted are pointers to the names. */
static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

static VmdVm *
fail_ambiguous (const char *prefix, GPtrArray *names, GError **error)
{
  g_autofree char *list_of_names = NULL;

  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  list_of_names = g_strjoinv (", ", (char **) names->pdata);
  vmd_fail (error, VMD_ERROR_AMBIGUOUS, "“%s” may be any of the VMs %s: give more of it", prefix,
            list_of_names);
  return NULL;
}

/* A whole name comes before a whole id before a prefix of either: a VM may be named as another's id
 * begins. */
static VmdVm *
find_by_prefix (GPtrArray *vms, const char *prefix, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  VmdVm *found = NULL;

  for (guint i = 0; i < vms->len; i++)
    {
      g_autofree char *name = vmd_vm_dup_name (vms->pdata[i]);

      if (!is_listed (vms->pdata[i]))
        continue;
      if (g_str_equal (name, prefix))
        return g_object_ref (vms->pdata[i]);
      if (!g_str_has_prefix (name, prefix) &&
          !g_str_has_prefix (vmd_vm_get_id (vms->pdata[i]), prefix))
        continue;
      found = vms->pdata[i];
      g_ptr_array_add (names, g_steal_pointer (&name));
    }
  if (names->len > 1)
    return fail_ambiguous (prefix, names, error);
  if (found != NULL)
    return g_object_ref (found);
  vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no VM “%s”: vmctl list shows those there are",
            prefix);
  return NULL;
}

/**
 * vmd_manager_find_vm:
 * @name_or_id: its name, its id, or a prefix of either that fits no other. A VM whose deletion
 *   failed half-way is found by its whole id only.
 *
 * Returns: (transfer full) (nullable): the VM; %VMD_ERROR_NOT_FOUND, %VMD_ERROR_AMBIGUOUS (names
 *   those that fit), %VMD_ERROR_INVALID_ARGUMENT when it can be no name and no id
 *
 * Since: 0.1
 */
VmdVm *
vmd_manager_find_vm (VmdManager *self, const char *name_or_id, GError **error)
{
  g_autoptr (GPtrArray) vms = NULL;
  g_autoptr (VmdVm) vm = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (name_or_id != NULL, NULL);
  if (*name_or_id == '\0' || strlen (name_or_id) > VMD_NAME_MAX ||
      name_or_id[strspn (name_or_id, G_CSET_a_2_z G_CSET_DIGITS "-")] != '\0')
    {
      g_autofree char *head = g_strndup (name_or_id, 200);
      g_autofree char *shown = g_utf8_make_valid (head, -1);

      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                "“%s” cannot name a VM: names are 1 to 63 of a-z, 0-9 and hyphens", shown);
      return NULL;
    }
  vms = vmd_cache_dup_all (self->cache, VMD_ROW_VM);
  vm = find_by_prefix (vms, name_or_id, error);
  if (vm != NULL || !vmd_id_is_valid (name_or_id))
    return g_steal_pointer (&vm);
  vm = vmd_manager_lookup_vm (self, name_or_id);
  if (vm != NULL && error != NULL)
    g_clear_error (error);
  return g_steal_pointer (&vm);
}

/**
 * vmd_manager_find_image:
 *
 * Returns: (transfer full) (nullable): the image that @name points at now; %VMD_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
VmdImage *
vmd_manager_find_image (VmdManager *self, const char *name, GError **error)
{
  VmdImage *image;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  if (!vmd_name_validate (name, "image", error))
    return NULL;
  image = vmd_cache_lookup (self->cache, VMD_ROW_IMAGE, name);
  if (image == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND,
              "There is no image “%s”: vmctl image build --tiny %s makes one", name, name);
  return image;
}

static VmdKernel *
find_default_kernel (VmdManager *self)
{
  g_autoptr (GPtrArray) kernels = vmd_cache_dup_all (self->cache, VMD_ROW_KERNEL);

  for (guint i = 0; i < kernels->len; i++)
    if (vmd_kernel_get_is_default (kernels->pdata[i]))
      return g_object_ref (kernels->pdata[i]);
  return NULL;
}

/**
 * vmd_manager_find_kernel:
 * @version: (nullable): as `uname -r` says it; NULL: the default one
 *
 * Returns: (transfer full) (nullable): the kernel; %VMD_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
VmdKernel *
vmd_manager_find_kernel (VmdManager *self, const char *version, GError **error)
{
  VmdKernel *kernel;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  if (version == NULL)
    kernel = find_default_kernel (self);
  else
    kernel = vmd_cache_lookup (self->cache, VMD_ROW_KERNEL, version);
  if (kernel == NULL && version == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no kernel yet: vmctl kernel import FILE");
  else if (kernel == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND,
              "There is no kernel “%s”: vmctl kernel list shows those there are", version);
  return kernel;
}
