/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-config-value.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <vmd-error.h>

/* How a word of the command line becomes a value.
 *
 *   KEY:=JSON   is that JSON.
 *   KEY=VALUE   is a string where the device's schema says that KEY is a string or an enum.
 *               Elsewhere it is JSON if it reads as a number, a boolean, a string in quotes or a
 *               list, and else a string.
 *
 * So port=8080 is a number and name=web a string without a schema, and version=1.10 stays "1.10"
 * with one. What the value may be is for vmd to say: JSON goes there as it was written, so that no
 * digit of a number is lost on the way. */

static gboolean
fail (GError **error, const char *assignment, const char *what)
{
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "“%s” %s", assignment, what);
  return FALSE;
}

/* @key_length: (out); @value: (out) (transfer none); @is_json: (out) it was ":=". */
static gboolean
split (const char *assignment, gsize *key_length, const char **value, gboolean *is_json)
{
  const char *equals = strchr (assignment, '=');

  if (equals == NULL || equals == assignment)
    return FALSE;
  *is_json = equals[-1] == ':';
  *key_length = equals - assignment - (*is_json ? 1 : 0);
  *value = equals + 1;
  return *key_length > 0;
}

static gboolean
is_json (const char *text)
{
  g_autoptr (JsonParser) parser = json_parser_new ();

  return json_parser_load_from_data (parser, text, -1, NULL) &&
         json_parser_get_root (parser) != NULL;
}

gboolean
vmctl_config_value_check (const char *assignment, GError **error)
{
  gboolean explicit_json;
  const char *value;
  gsize key_length;

  if (!split (assignment, &key_length, &value, &explicit_json))
    return fail (error, assignment, "is not of the form KEY=VALUE, or KEY:=JSON");
  if (explicit_json && !is_json (value))
    return fail (error, assignment, "has no valid JSON behind “:=”");
  return TRUE;
}

/* A number as JSON writes it: "-1.5e3", not "+1", "01", ".5" or "0x10". */
static gboolean
is_number (const char *text)
{
  return g_regex_match_simple ("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$", text,
                               G_REGEX_DOLLAR_ENDONLY, 0);
}

static gboolean
reads_as_json (const char *text)
{
  return g_str_equal (text, "true") || g_str_equal (text, "false") || is_number (text) ||
         ((*text == '[' || *text == '"') && is_json (text));
}

/* (transfer full) */
static char *
quote (const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), text);

  return json_to_string (node, FALSE);
}

/* Does the schema say that the field is a text? */
static gboolean
is_text_field (JsonObject *fields, const char *key)
{
  JsonNode *member = fields != NULL ? json_object_get_member (fields, key) : NULL;
  const char *type = NULL;

  if (member != NULL && JSON_NODE_HOLDS_OBJECT (member))
    type = json_object_get_string_member_with_default (json_node_get_object (member), "type", NULL);
  return g_strcmp0 (type, "string") == 0 || g_strcmp0 (type, "enum") == 0;
}

/* (nullable) */
static JsonObject *
get_fields (JsonNode *schema)
{
  JsonNode *fields = NULL;

  if (schema != NULL && JSON_NODE_HOLDS_OBJECT (schema))
    fields = json_object_get_member (json_node_get_object (schema), "fields");
  return fields != NULL && JSON_NODE_HOLDS_OBJECT (fields) ? json_node_get_object (fields) : NULL;
}

/* Adds one member to an object that is being written; each key once. */
static gboolean
add_member (GString *patch, GHashTable *keys, const char *key, const char *json, GError **error)
{
  g_autofree char *quoted = quote (key);

  if (!g_hash_table_add (keys, g_strdup (key)))
    return fail (error, key, "is given twice");
  g_string_append_printf (patch, "%s%s:%s", patch->len > 1 ? "," : "", quoted, json);
  return TRUE;
}

/* @schema: JSON, or "". (transfer full) */
char *
vmctl_config_value_make_patch (const char *const *assignments, const char *schema, GError **error)
{
  g_autoptr (JsonNode) parsed = *schema != '\0' ? json_from_string (schema, NULL) : NULL;
  JsonObject *fields = get_fields (parsed);
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) patch = g_string_new ("{");

  for (; *assignments != NULL; assignments++)
    {
      g_autofree char *key = NULL;
      g_autofree char *json = NULL;
      gboolean explicit_json;
      const char *value;
      gsize key_length;

      if (!vmctl_config_value_check (*assignments, error) ||
          !split (*assignments, &key_length, &value, &explicit_json))
        return NULL;
      key = g_strndup (*assignments, key_length);
      if (explicit_json || (!is_text_field (fields, key) && reads_as_json (value)))
        json = g_strdup (value);
      else
        json = quote (value);
      if (!add_member (patch, keys, key, json, error))
        return NULL;
    }
  g_string_append_c (patch, '}');
  return g_string_free (g_steal_pointer (&patch), FALSE);
}

/* (transfer full) */
char *
vmctl_config_value_make_unset (const char *const *keys, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) patch = g_string_new ("{");

  for (; *keys != NULL; keys++)
    if (!add_member (patch, seen, *keys, "null", error))
      return NULL;
  g_string_append_c (patch, '}');
  return g_string_free (g_steal_pointer (&patch), FALSE);
}

/* The end of the string that @text begins with. */
static const char *
skip_string (const char *text)
{
  for (text++; *text != '"' && *text != '\0'; text++)
    if (*text == '\\' && text[1] != '\0')
      text++;
  return *text == '"' ? text + 1 : text;
}

/* The end of the value that @text begins with: a scalar, or a list of them. */
static const char *
skip_value (const char *text)
{
  int depth = 0;

  while (*text != '\0' && (depth > 0 || (*text != ',' && *text != '}')))
    {
      if (*text == '"')
        {
          text = skip_string (text);
          continue;
        }
      depth += (*text == '[') - (*text == ']');
      text++;
    }
  return text;
}

gboolean
vmctl_config_value_next (const char **json, char **key, char **value)
{
  const char *start = *json + strspn (*json, "{,");
  const char *end;

  if (*start != '"')
    return FALSE;
  end = skip_string (start);
  if (*end != ':')
    return FALSE;
  *key = g_strndup (start + 1, end - start - 2);
  start = end + 1;
  end = skip_value (start);
  *value = g_strndup (start, end - start);
  *json = end;
  return TRUE;
}

char *
vmctl_config_value_format (const char *value)
{
  g_autoptr (JsonNode) node = json_from_string (value, NULL);

  if (node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
      json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_dup_string (node);
  return g_strdup (value);
}
