/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-config-schema-private.h"

#include "vmd-config-field-private.h"

#include "../base/vmd-failure-private.h"

#include <string.h>

typedef struct
{
  char *key;
  VmdConfigField *field;
} Entry;

struct _VmdConfigSchema
{
  gatomicrefcount references;
  GArray *entries; /* of Entry, in the order of their keys */
  char *text;
  VmdConfigValues *defaults;
};

static void
clear_entry (gpointer data)
{
  Entry *entry = data;

  g_free (entry->key);
  vmd_config_field_free (entry->field);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  return strcmp (((const Entry *) a)->key, ((const Entry *) b)->key);
}

static gboolean
read_field (VmdJsonScan *scan, const char *key, gpointer data, GError **error)
{
  VmdConfigSchema *self = data;
  Entry entry;

  if (!vmd_config_key_validate (key, error))
    return FALSE;
  if (self->entries->len == VMD_CONFIG_MAX_KEYS)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is one field too many: %d is the most", key, VMD_CONFIG_MAX_KEYS);
  entry.field = vmd_config_field_scan (scan, error);
  if (entry.field == NULL)
    {
      g_prefix_error (error, "“%s”: ", key);
      return FALSE;
    }
  entry.key = g_strdup (key);
  g_array_append_val (self->entries, entry);
  return TRUE;
}

/* At the value of one of the schema's own members, of which there is one. */
static gboolean
read_fields (VmdJsonScan *scan, const char *name, gpointer data, GError **error)
{
  VmdConfigSchema *self = data;

  if (strcmp (name, "fields") != 0)
    return vmd_json_scan_fail (scan, error, "a schema has “fields”, and nothing else");
  if (self->entries != NULL)
    return vmd_json_scan_fail (scan, error, "“fields” is there twice");
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (self->entries, clear_entry);
  return vmd_json_scan_object (scan, read_field, self, error);
}

/* Sorts the fields. */
static gboolean
check_keys (VmdConfigSchema *self, GError **error)
{
  if (self->entries == NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "a schema must have “fields”");
  g_array_sort (self->entries, compare_entries);
  for (guint i = 1; i < self->entries->len; i++)
    {
      Entry *entry = &g_array_index (self->entries, Entry, i);

      if (compare_entries (entry - 1, entry) == 0)
        return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is there twice", entry->key);
    }
  return TRUE;
}

static gboolean
collect (VmdConfigSchema *self, GError **error)
{
  g_autoptr (GString) text = g_string_new ("{\"fields\":{");
  g_autoptr (GString) defaults = g_string_new ("{");

  for (guint i = 0; i < self->entries->len; i++)
    {
      Entry *entry = &g_array_index (self->entries, Entry, i);
      const char *fallback = vmd_config_field_get_default (entry->field);

      g_string_append_printf (text, "%s\"%s\":", i > 0 ? "," : "", entry->key);
      vmd_config_field_append_text (entry->field, text);
      if (fallback != NULL)
        g_string_append_printf (defaults, "%s\"%s\":%s", defaults->len > 1 ? "," : "", entry->key,
                                fallback);
    }
  g_string_append (text, "}}");
  g_string_append_c (defaults, '}');
  if (text->len > VMD_CONFIG_MAX_SIZE)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "the schema takes %zu bytes of JSON: %d is the most", text->len,
                     VMD_CONFIG_MAX_SIZE);
  self->text = g_strndup (text->str, text->len);
  self->defaults = vmd_config_values_parse (defaults->str, defaults->len, error);
  return self->defaults != NULL;
}

VmdConfigSchema *
vmd_config_schema_parse (const char *json, gssize length, GError **error)
{
  g_autoptr (VmdConfigSchema) self = g_new0 (VmdConfigSchema, 1);
  VmdJsonScan scan;

  g_atomic_ref_count_init (&self->references);
  if (!vmd_json_scan_init (&scan, json, length, error) ||
      !vmd_json_scan_object (&scan, read_fields, self, error) ||
      !vmd_json_scan_finish (&scan, error) || !check_keys (self, error) || !collect (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

VmdConfigSchema *
vmd_config_schema_ref (VmdConfigSchema *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_config_schema_unref (VmdConfigSchema *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_clear_pointer (&self->entries, g_array_unref);
  g_clear_pointer (&self->defaults, vmd_config_values_unref);
  g_free (self->text);
  g_free (self);
}

const char *
vmd_config_schema_get_text (VmdConfigSchema *self)
{
  return self->text;
}

VmdConfigValues *
vmd_config_schema_ref_defaults (VmdConfigSchema *self)
{
  return vmd_config_values_ref (self->defaults);
}

/* A key that no field has: there is one. */
static gboolean
fail_unknown (VmdConfigSchema *self, VmdConfigValues *values, GError **error)
{
  g_autofree char *name = NULL;
  Entry wanted = { NULL };
  guint i = 0;

  do
    {
      const char *key, *value;
      gsize key_length, value_length;

      vmd_config_values_get_pair (values, i++, &key, &key_length, &value, &value_length);
      g_free (name);
      name = g_strndup (key, key_length);
      wanted.key = name;
    }
  while (g_array_binary_search (self->entries, &wanted, compare_entries, NULL));
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "the schema has no field “%s”", name);
}

static gboolean
check (VmdConfigSchema *self, VmdConfigValues *values, gboolean is_all, GError **error)
{
  guint n_known = 0;

  for (guint i = 0; i < self->entries->len; i++)
    {
      Entry *entry = &g_array_index (self->entries, Entry, i);
      const char *value;
      gsize length;

      if (vmd_config_values_find (values, entry->key, &value, &length))
        {
          n_known++;
          if (!vmd_config_field_check (entry->field, value, length, error))
            {
              g_prefix_error (error, "“%s”: ", entry->key);
              return FALSE;
            }
        }
      else if (is_all && vmd_config_field_is_required (entry->field))
        return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” must be set", entry->key);
    }
  return n_known == vmd_config_values_get_n_keys (values) || fail_unknown (self, values, error);
}

gboolean
vmd_config_schema_check (VmdConfigSchema *self, VmdConfigValues *values, GError **error)
{
  if (vmd_config_values_get_n_keys (values) == 0 ||
      vmd_config_values_equal (values, self->defaults))
    return TRUE;
  return check (self, values, TRUE, error);
}

gboolean
vmd_config_schema_check_part (VmdConfigSchema *self, VmdConfigValues *values, GError **error)
{
  return check (self, values, FALSE, error);
}

gboolean
vmd_config_schema_may_miss (VmdConfigSchema *self, VmdConfigValues *before, VmdConfigValues *after)
{
  g_autoptr (VmdConfigValues) values = vmd_config_values_overlay (self->defaults, before);
  gboolean was_unset = vmd_config_values_equal (values, self->defaults);

  for (guint i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);
      const char *value;
      gsize length;

      if (vmd_config_field_is_required (entry->field) &&
          !vmd_config_values_find (self->defaults, entry->key, &value, &length) &&
          !vmd_config_values_find (after, entry->key, &value, &length) &&
          (was_unset || vmd_config_values_find (before, entry->key, &value, &length)))
        return TRUE;
    }
  return FALSE;
}
