/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source-frame-private.h"

#include "../base/vmd-failure-private.h"

#include <string.h>

/* The JSON in frames. The other side is hostile: json-glib's parser calls itself for each level
 * of nesting, so a frame full of brackets would end the process; what is nested deeper than any
 * message of ours is refused before it is parsed. */

#define NESTING_MAX 4
#define CONTROL_MAX (64 * 1024)

/* What JSON has outside of strings. */
static gboolean
is_structure (char byte)
{
  return g_ascii_isalnum (byte) || (byte != '\0' && strchr ("{}[]:,+-. \t\r\n", byte) != NULL);
}

/* json-glib takes more than JSON: a quote in a comment, or between single quotes, begins no string
 * for it. So nothing but JSON is let through, or else the brackets would be counted in other
 * strings than the parser sees. */
static gboolean
is_safe_to_parse (const GByteArray *payload)
{
  gboolean in_string = FALSE;
  guint depth = 0;

  for (guint i = 0; i < payload->len; i++)
    {
      char byte = (char) payload->data[i];

      if (in_string && byte == '\\')
        i++;
      else if (byte == '"')
        in_string = !in_string;
      else if (in_string)
        continue;
      else if (!is_structure (byte))
        return FALSE;
      else if (byte == '{' || byte == '[')
        depth++;
      else if ((byte == '}' || byte == ']') && depth > 0)
        depth--;
      if (depth > NESTING_MAX)
        return FALSE;
    }

  return TRUE;
}

JsonObject *
vmd_frame_parse_object (const GByteArray *payload, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  JsonNode *root;

  if (payload->len == 0 || payload->len > CONTROL_MAX ||
      !g_utf8_validate_len ((const char *) payload->data, payload->len, NULL) ||
      !is_safe_to_parse (payload) ||
      !json_parser_load_from_data (parser, (const char *) payload->data, payload->len, NULL))
    {
      vmd_fail (error, VMD_ERROR_PROTOCOL,
                "a message on the workspace's socket is no JSON of ours");
      return NULL;
    }

  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      vmd_fail (error, VMD_ERROR_PROTOCOL, "a message on the workspace's socket is no object");
      return NULL;
    }
  return json_object_ref (json_node_get_object (root));
}

static gboolean
fail_member (const char *name, GError **error)
{
  return vmd_fail (
      error, VMD_ERROR_PROTOCOL,
      "'%s' in a message on the workspace's socket is missing, or not what it should be", name);
}

/* One line of text, of at most @max_length bytes; "" is one. Lives as long as @object. */
gboolean
vmd_frame_get_string (JsonObject *object, const char *name, gsize max_length, const char **value,
                      GError **error)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING)
    return fail_member (name, error);
  *value = json_node_get_string (node);
  if (strlen (*value) > max_length)
    return fail_member (name, error);
  for (const char *byte = *value; *byte != '\0'; byte++)
    if (g_ascii_iscntrl (*byte))
      return fail_member (name, error);

  return TRUE;
}

gboolean
vmd_frame_get_count (JsonObject *object, const char *name, guint64 *value, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_INT64 ||
      json_node_get_int (node) < 0)
    return fail_member (name, error);

  *value = (guint64) json_node_get_int (node);
  return TRUE;
}

gboolean
vmd_frame_write_object (int fd, VmdFrameType type, JsonObject *object, GCancellable *cancellable,
                        gint64 deadline, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_take_object (node, object);
  text = json_to_string (node, FALSE);
  return vmd_frame_write (fd, type, text, strlen (text), cancellable, deadline, error);
}
