/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-snapshot.h"

#include "vmd-device-json.h"

#include <string.h>
#include <vmd-error.h>

static void
entry_free (gpointer data)
{
  VmdDeviceEntry *entry = data;

  g_free (entry->key);
  g_clear_pointer (&entry->content, g_bytes_unref);
  g_free (entry);
}

void
vmd_device_snapshot_free (VmdDeviceSnapshot *self)
{
  g_clear_pointer (&self->payload, g_bytes_unref);
  g_clear_pointer (&self->entries, g_ptr_array_unref);
  g_free (self);
}

/* A key becomes the name of a file: no slash, no dot at its beginning, whatever the server says. */
static gboolean
is_key (const GString *key)
{
  if (key->len == 0 || key->len > VMD_DEVICE_SNAPSHOT_MAX_KEY)
    return FALSE;
  for (gsize i = 0; i < key->len; i++)
    if (!g_ascii_isalnum (key->str[i]) && key->str[i] != '_' &&
        (i == 0 || (key->str[i] != '.' && key->str[i] != '-')))
      return FALSE;
  return TRUE;
}

/* A string is its text, so that a shell can use it as it is; anything else is its JSON. */
static GBytes *
read_content (VmdDeviceJson *json)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *start;

  vmd_device_json_skip_space (json);
  start = json->at;
  if (start < json->end && *start == '"')
    {
      if (!vmd_device_json_read_string (json, text))
        return NULL;
      return g_string_free_to_bytes (g_steal_pointer (&text));
    }
  if (!vmd_device_json_skip_value (json))
    return NULL;
  return g_bytes_new (start, (gsize) (json->at - start));
}

static gboolean
read_entry (VmdDeviceSnapshot *self, VmdDeviceJson *json, GHashTable *keys)
{
  g_autoptr (GString) key = g_string_new (NULL);
  VmdDeviceEntry *entry;

  if (!vmd_device_json_read_string (json, key) || !is_key (key) ||
      g_hash_table_contains (keys, key->str) || !vmd_device_json_take (json, ':'))
    return FALSE;
  entry = g_new0 (VmdDeviceEntry, 1);
  entry->key = g_string_free (g_steal_pointer (&key), FALSE);
  g_ptr_array_add (self->entries, entry);
  g_hash_table_add (keys, entry->key);
  entry->content = read_content (json);
  return entry->content != NULL && self->entries->len <= VMD_DEVICE_SNAPSHOT_MAX_KEYS;
}

static gboolean
read_values (VmdDeviceSnapshot *self, VmdDeviceJson *json)
{
  g_autoptr (GHashTable) keys = g_hash_table_new (g_str_hash, g_str_equal);

  if (!vmd_device_json_take (json, '{'))
    return FALSE;
  if (vmd_device_json_take (json, '}'))
    return TRUE;
  do
    if (!read_entry (self, json, keys))
      return FALSE;
  while (vmd_device_json_take (json, ','));
  return vmd_device_json_take (json, '}');
}

static gboolean
read_version (VmdDeviceSnapshot *self, VmdDeviceJson *json)
{
  g_autofree char *text = NULL;
  const char *start;

  vmd_device_json_skip_space (json);
  start = json->at;
  if (!vmd_device_json_skip_value (json))
    return FALSE;
  text = g_strndup (start, (gsize) (json->at - start));
  return g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT64, &self->version, NULL);
}

/* Members that are not known are for clients of another day. */
static gboolean
read_member (VmdDeviceSnapshot *self, VmdDeviceJson *json)
{
  g_autoptr (GString) name = g_string_new (NULL);

  if (!vmd_device_json_read_string (json, name) || !vmd_device_json_take (json, ':'))
    return FALSE;
  if (g_str_equal (name->str, "version"))
    return self->version == 0 && read_version (self, json);
  if (!g_str_equal (name->str, "values"))
    return vmd_device_json_skip_value (json);
  if (self->entries != NULL)
    return FALSE;
  self->entries = g_ptr_array_new_with_free_func (entry_free);
  return read_values (self, json);
}

static gboolean
read_snapshot (VmdDeviceSnapshot *self, VmdDeviceJson *json)
{
  if (!vmd_device_json_take (json, '{'))
    return FALSE;
  do
    if (!read_member (self, json))
      return FALSE;
  while (vmd_device_json_take (json, ','));
  if (!vmd_device_json_take (json, '}'))
    return FALSE;
  vmd_device_json_skip_space (json);
  return json->at == json->end && self->version != 0 && self->entries != NULL;
}

/* {"version":V,"values":{…}}. PROTOCOL. (transfer full) */
VmdDeviceSnapshot *
vmd_device_snapshot_parse (const char *json, gsize length, GError **error)
{
  g_autoptr (VmdDeviceSnapshot) self = g_new0 (VmdDeviceSnapshot, 1);
  VmdDeviceJson place = { json, json + length };

  if (!g_utf8_validate_len (json, length, NULL) || !read_snapshot (self, &place))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL,
                   "The server sent values that are none: not {\"version\":…,\"values\":{…}}");
      return NULL;
    }
  self->payload = g_bytes_new (json, length);
  return g_steal_pointer (&self);
}
