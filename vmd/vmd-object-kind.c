/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-object-kind.h"

const VmdObjectKind *const vmd_object_kinds[VMD_N_OBJECT_KINDS] = {
  &vmd_object_kind_vm,        &vmd_object_kind_image, &vmd_object_kind_kernel,
  &vmd_object_kind_workspace, &vmd_object_kind_job,   &vmd_object_kind_device,
  &vmd_object_kind_group,
};

char *
vmd_object_kind_dup_path (const VmdObjectKind *kind, gpointer object)
{
  g_autofree char *node = kind->dup_node (object);

  return g_strconcat (VMD_OBJECT_PATH "/", kind->path, "/", node, NULL);
}

/* Names and beginnings of ids may find an object too, but are not its path. */
GObject *
vmd_object_kind_find (const VmdObjectKind *kind, VmdManager *manager, const char *node)
{
  g_autoptr (GObject) object = kind->find (manager, node);
  g_autofree char *own = object != NULL ? kind->dup_node (object) : NULL;

  return g_strcmp0 (own, node) == 0 ? g_steal_pointer (&object) : NULL;
}

GVariant *
vmd_object_kind_get_properties (const VmdObjectKind *kind, gpointer object)
{
  GVariantBuilder values;

  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  for (const VmdProperty *property = kind->properties; property->name != NULL; property++)
    g_variant_builder_add (&values, "{sv}", property->name, property->get (object));
  return g_variant_builder_end (&values);
}

void
vmd_object_kind_return_path (const VmdObjectKind *kind, gpointer object, VmdCall *call,
                             GError *error)
{
  g_autofree char *path = NULL;

  if (object == NULL)
    {
      vmd_call_fail (call, error);
      return;
    }
  path = vmd_object_kind_dup_path (kind, object);
  vmd_call_return (call, g_variant_new ("(o)", path), NULL);
}

/* Every byte that is no letter and no digit is written _xx. */
char *
vmd_object_kind_escape (const char *text)
{
  GString *escaped = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c++)
    if (g_ascii_isalnum (*c))
      g_string_append_c (escaped, *c);
    else
      g_string_append_printf (escaped, "_%02x", (guchar) *c);
  return g_string_free (escaped, FALSE);
}

char *
vmd_object_kind_unescape (const char *element)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (const char *c = element; *c != '\0'; c++)
    {
      if (*c != '_')
        {
          g_string_append_c (text, *c);
          continue;
        }
      if (!g_ascii_isxdigit (c[1]) || !g_ascii_isxdigit (c[2]))
        return NULL;
      g_string_append_c (text,
                         (char) (g_ascii_xdigit_value (c[1]) * 16 + g_ascii_xdigit_value (c[2])));
      c += 2;
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}
