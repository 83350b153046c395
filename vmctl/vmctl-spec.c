/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-spec.h"

static void
add_text (GVariantDict *spec, const char *key, const char *text)
{
  if (text != NULL)
    g_variant_dict_insert (spec, key, "s", text);
}

/* The a{sv} that vmd takes; what the command line did not say is absent. @name: (nullable)
 * (transfer floating) */
GVariant *
vmctl_spec_from_arguments (const VmctlArguments *arguments, const char *name)
{
  GVariantDict spec;
  guint64 size;
  guint count;

  g_variant_dict_init (&spec, NULL);
  add_text (&spec, "name", name);
  add_text (&spec, "image", vmctl_arguments_get_text (arguments, "image"));
  add_text (&spec, "kernel", vmctl_arguments_get_text (arguments, "kernel"));
  add_text (&spec, "network", vmctl_arguments_get_text (arguments, "network"));
  if (vmctl_arguments_get_count (arguments, "vcpus", &count))
    g_variant_dict_insert (&spec, "vcpus", "u", count);
  if (vmctl_arguments_get_size (arguments, "memory", &size))
    g_variant_dict_insert (&spec, "memory", "t", size);
  if (vmctl_arguments_get_size (arguments, "disk", &size))
    g_variant_dict_insert (&spec, "disk-size", "t", size);
  return g_variant_dict_end (&spec);
}
