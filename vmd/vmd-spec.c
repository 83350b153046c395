/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-spec.h"

static gboolean
set_field (VmdVmSpec *spec, const char *key, GVariant *value, gboolean with_identity)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      const char *text = g_variant_get_string (value, NULL);

      if (g_str_equal (key, "network"))
        vmd_vm_spec_set_network (spec, text);
      else if (with_identity && g_str_equal (key, "name"))
        vmd_vm_spec_set_name (spec, text);
      else if (with_identity && g_str_equal (key, "image"))
        vmd_vm_spec_set_image (spec, text);
      else if (with_identity && g_str_equal (key, "kernel"))
        vmd_vm_spec_set_kernel (spec, text);
      else
        return FALSE;
      return TRUE;
    }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32) && g_str_equal (key, "vcpus"))
    vmd_vm_spec_set_vcpus (spec, g_variant_get_uint32 (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64) && g_str_equal (key, "memory"))
    vmd_vm_spec_set_memory (spec, g_variant_get_uint64 (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64) && g_str_equal (key, "disk-size"))
    vmd_vm_spec_set_disk_size (spec, g_variant_get_uint64 (value));
  else
    return FALSE;
  return TRUE;
}

VmdVmSpec *
vmd_spec_from_variant (GVariant *dictionary, gboolean with_identity, GError **error)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  GVariantIter iterator;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iterator, dictionary);
  while (g_variant_iter_loop (&iterator, "{&sv}", &key, &value))
    {
      if (set_field (spec, key, value, with_identity))
        continue;
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "“%s” of type “%s” cannot be %s",
                   key, g_variant_get_type_string (value),
                   with_identity ? "given to a new VM" : "changed in a VM");
      g_variant_unref (value);
      return NULL;
    }
  return g_steal_pointer (&spec);
}
