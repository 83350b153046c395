/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config-snapshot.h"
#include "json.h"
#include "utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
config_snapshot_free (struct config_snapshot *snapshot)
{
  if (snapshot == NULL)
    return;
  free (snapshot->payload);
  free (snapshot->text);
  free (snapshot);
}

static bool
is_key_byte (char byte, bool first)
{
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_' || (!first && (byte == '.' || byte == '-'));
}

/* A key becomes the name of a file: no slash, no dot at its beginning, whatever the server says. */
static bool
is_key (const char *key, size_t length)
{
  if (length == 0 || length > CONFIG_SNAPSHOT_MAX_KEY)
    return false;
  for (size_t i = 0; i < length; i++)
    if (!is_key_byte (key[i], i == 0))
      return false;

  return true;
}

static bool
has_key (const struct config_snapshot *snapshot, const char *key)
{
  for (size_t i = 0; i < snapshot->n_entries; i++)
    if (strcmp (snapshot->entries[i].key, key) == 0)
      return true;

  return false;
}

/* NULL: there is none, or none that is a key, or one that was there already. */
static const char *
read_key (struct config_snapshot *snapshot, struct json *json)
{
  char *key = snapshot->text + snapshot->text_length;
  size_t length;

  if (!json_read_string (json, key, &length) || !is_key (key, length))
    return NULL;
  /* In place of its second quote. */
  key[length] = '\0';
  if (has_key (snapshot, key))
    return NULL;

  snapshot->text_length += length + 1;
  return key;
}

/* A string is its text, so that a shell can use it as it is; anything else is its JSON. */
static bool
read_content (struct config_snapshot *snapshot, struct json *json, struct config_entry *entry)
{
  char *text = snapshot->text + snapshot->text_length;

  json_skip_space (json);
  entry->content = json->at;
  if (json->at < json->end && *json->at == '"')
    {
      entry->content = text;
      if (!json_read_string (json, text, &entry->length))
        return false;
      snapshot->text_length += entry->length;
      return true;
    }
  if (!json_skip_value (json))
    return false;

  entry->length = (size_t) (json->at - entry->content);
  return true;
}

static bool
read_values (struct config_snapshot *snapshot, struct json *json)
{
  size_t size = 0;

  if (!json_take (json, '{'))
    return false;
  if (json_take (json, '}'))
    return true;
  do
    {
      struct config_entry entry = { .key = NULL };

      if (snapshot->n_entries == CONFIG_SNAPSHOT_MAX_KEYS)
        return false;
      entry.key = read_key (snapshot, json);
      if (entry.key == NULL || !json_take (json, ':') || !read_content (snapshot, json, &entry))
        return false;
      size += entry.length;
      if (size > CONFIG_SNAPSHOT_MAX_SIZE)
        return false;
      snapshot->entries[snapshot->n_entries++] = entry;
    }
  while (json_take (json, ','));

  return json_take (json, '}');
}

static bool
read_version (struct config_snapshot *snapshot, struct json *json)
{
  uint64_t version = 0;
  const char *start;

  json_skip_space (json);
  for (start = json->at; json->at < json->end && *json->at >= '0' && *json->at <= '9'; json->at++)
    {
      uint64_t digit = (uint64_t) (*json->at - '0');

      if (version > (UINT64_MAX - digit) / 10)
        return false;
      version = version * 10 + digit;
    }
  /* A fraction or an exponent fits nothing that comes next. */
  if (*start == '0')
    return false;

  snapshot->version = version;
  return version != 0;
}

/* Members that are not known are for clients of another day. */
static bool
read_member (struct config_snapshot *snapshot, struct json *json)
{
  char *name = snapshot->text + snapshot->text_length;
  size_t length;

  if (!json_read_string (json, name, &length) || !json_take (json, ':'))
    return false;
  if (length == strlen ("version") && memcmp (name, "version", length) == 0)
    return snapshot->version == 0 && read_version (snapshot, json);
  if (length != strlen ("values") || memcmp (name, "values", length) != 0)
    return json_skip_value (json);
  if (snapshot->has_values)
    return false;

  snapshot->has_values = true;
  return read_values (snapshot, json);
}

static bool
read_snapshot (struct config_snapshot *snapshot, struct json *json)
{
  if (!json_take (json, '{'))
    return false;
  do
    if (!read_member (snapshot, json))
      return false;
  while (json_take (json, ','));
  if (!json_take (json, '}'))
    return false;

  json_skip_space (json);
  return json->at == json->end && snapshot->version != 0 && snapshot->has_values;
}

/* {"version":V,"values":{…}}. NULL with errno: EBADMSG when that is something else. */
struct config_snapshot *
config_snapshot_parse (const char *json, size_t length)
{
  struct config_snapshot *snapshot = calloc (1, sizeof *snapshot);
  struct json place;

  if (snapshot == NULL)
    return NULL;
  snapshot->payload = malloc (length + 1);
  snapshot->text = malloc (length + 1);
  if (snapshot->payload == NULL || snapshot->text == NULL)
    {
      config_snapshot_free (snapshot);
      errno = ENOMEM;
      return NULL;
    }

  memcpy (snapshot->payload, json, length);
  snapshot->payload[length] = '\0';
  snapshot->payload_length = length;
  place.at = snapshot->payload;
  place.end = snapshot->payload + length;
  if (utf8_valid_length (json, length) == length && read_snapshot (snapshot, &place))
    return snapshot;

  config_snapshot_free (snapshot);
  errno = EBADMSG;
  return NULL;
}
