/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"

/* The lock that a call shows as its proof; and the one that it should have shown: a client that
 * holds a lock and calls what waits for the same lock would wait for itself, for ever. */

static const char *const kind_names[] = { "VM", "workspace of VM", "image", "kernel" };

static gboolean
fail_own (VmdLockKind kind, const char *name, gboolean may_show, GError **error)
{
  g_set_error (error, VMD_ERROR, VMD_ERROR_NESTED_LOCK,
               may_show ? "You hold a lock on %s %s already: show its token in option “lock”"
                        : "You hold a lock on %s %s already, which this would wait for: release it "
                          "first",
               kind_names[kind], name);
  return FALSE;
}

/* @mode: as the verb takes it by itself. */
static gboolean
check_own (VmdCall *call, VmdLockKind kind, const char *name, VmdLockMode mode, gboolean may_show,
           GError **error)
{
  VmdService *service = vmd_export_get_service (vmd_call_get_export (call));
  /* A shared one is in the way of an exclusive one, and an exclusive one of both. */
  VmdLockMode in_the_way = mode == VMD_LOCK_EXCLUSIVE ? VMD_LOCK_SHARED : VMD_LOCK_EXCLUSIVE;

  return !vmd_service_sender_holds (service, vmd_call_get_owner (call), kind, name, in_the_way) ||
         fail_own (kind, name, may_show, error);
}

/* The Manager's verbs, which make something: CreateVm has a dictionary, the others a name. */
static gboolean
check_making (VmdCall *call, GError **error)
{
  GVariant *parameters = vmd_call_get_parameters (call);
  g_autoptr (GVariant) first = NULL;
  const char *image;

  if (g_variant_n_children (parameters) == 0)
    return TRUE;
  first = g_variant_get_child_value (parameters, 0);
  if (g_variant_is_of_type (first, G_VARIANT_TYPE_STRING))
    return check_own (call, VMD_LOCK_IMAGE, g_variant_get_string (first, NULL), VMD_LOCK_EXCLUSIVE,
                      FALSE, error);
  if (g_variant_is_of_type (first, G_VARIANT_TYPE_VARDICT) &&
      g_variant_lookup (first, "image", "&s", &image))
    return check_own (call, VMD_LOCK_IMAGE, image, VMD_LOCK_SHARED, FALSE, error);
  return TRUE;
}

static gboolean
check_own_locks (VmdCall *call, GError **error)
{
  gpointer object = vmd_call_get_object (call);

  if (object == NULL)
    return !vmd_call_is_job (call) || check_making (call, error);
  if (!vmd_call_takes_option (call, "lock"))
    return TRUE;
  if (VMD_IS_VM (object))
    return check_own (call, VMD_LOCK_VM, vmd_vm_get_id (object), VMD_LOCK_EXCLUSIVE, TRUE, error) &&
           check_own (call, VMD_LOCK_WORKSPACE, vmd_vm_get_id (object), VMD_LOCK_EXCLUSIVE, TRUE,
                      error);
  if (VMD_IS_IMAGE (object))
    return check_own (call, VMD_LOCK_IMAGE, vmd_image_get_name (object), VMD_LOCK_EXCLUSIVE, TRUE,
                      error);
  if (VMD_IS_KERNEL (object))
    return check_own (call, VMD_LOCK_KERNEL, vmd_kernel_get_version (object), VMD_LOCK_EXCLUSIVE,
                      TRUE, error);
  return TRUE;
}

gboolean
vmd_call_find_lock (VmdCall *call, VmdLock **lock, GError **error)
{
  const char *token;

  *lock = NULL;
  if (!g_variant_dict_lookup (vmd_call_get_options (call), "lock", "&s", &token))
    return check_own_locks (call, error);
  *lock = vmd_service_find_lock (vmd_export_get_service (vmd_call_get_export (call)), token);
  if (*lock == NULL)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_NOT_LOCKED,
                   "No lock with this token is held: it was released, or its holder has gone");
      return FALSE;
    }
  g_object_ref (*lock);
  return TRUE;
}
