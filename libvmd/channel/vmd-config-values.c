/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-config-values-private.h"

#include "vmd-json-scan-private.h"

#include "../base/vmd-failure-private.h"

#include <stdlib.h>
#include <string.h>

/* A fleet has ten thousand of these, and one set of a group remakes them all. So values are their
 * canonical text and where in it each key begins, in one piece of memory; to overlay two is to
 * merge two sorted lists, and copies text without reading it. */

struct _VmdConfigValues
{
  gatomicrefcount references;
  guint n_keys;
  gsize length;
  char *text; /* behind `starts`; ends with NUL */
  guint32 starts[]; /* where each key's quote is in `text`, in order */
};

/* “"key":value”, within somebody's text. */
typedef struct
{
  const char *text;
  gsize length;
  gsize key_length; /* without its quotes */
} Pair;

/* What is being read. */
typedef struct
{
  GString *text; /* of one pair behind the other */
  gsize starts[VMD_CONFIG_MAX_KEYS + 1];
  guint n_keys;
  gboolean is_patch;
} Reader;

static Pair
make_pair (const char *text, gsize length)
{
  Pair pair = { .text = text, .length = length };

  pair.key_length = (const char *) memchr (text + 1, '"', length - 1) - text - 1;
  return pair;
}

static Pair
get_pair (VmdConfigValues *self, guint i)
{
  gsize start = self->starts[i];
  gsize end = i + 1 < self->n_keys ? self->starts[i + 1] : self->length;

  return make_pair (self->text + start, end - start - 1);
}

/* All that a key may have sorts behind the quote that ends it, so that goes into the comparison. */
static int
compare_keys (const Pair *a, const Pair *b)
{
  return memcmp (a->text, b->text, MIN (a->key_length, b->key_length) + 2);
}

static int
compare_pairs (const void *a, const void *b)
{
  return compare_keys (a, b);
}

static gboolean
is_null (const Pair *pair)
{
  return vmd_json_get_kind (pair->text + pair->key_length + 3) == VMD_JSON_NULL;
}

/* @pairs are sorted. */
static VmdConfigValues *
build (const Pair *pairs, guint n_pairs)
{
  gsize length = 2 + (n_pairs > 0 ? n_pairs - 1 : 0);
  VmdConfigValues *self;
  char *place;

  for (guint i = 0; i < n_pairs; i++)
    length += pairs[i].length;
  self = g_malloc (sizeof *self + n_pairs * sizeof self->starts[0] + length + 1);
  g_atomic_ref_count_init (&self->references);
  self->n_keys = n_pairs;
  self->length = length;
  self->text = (char *) &self->starts[n_pairs];

  place = self->text;
  *place++ = '{';
  for (guint i = 0; i < n_pairs; i++)
    {
      if (i > 0)
        *place++ = ',';
      self->starts[i] = (guint32) (place - self->text);
      memcpy (place, pairs[i].text, pairs[i].length);
      place += pairs[i].length;
    }
  *place++ = '}';
  *place = '\0';

  return self;
}

static gboolean
is_key_character (char character)
{
  return g_ascii_isalnum (character) || character == '_' || character == '-' || character == '.';
}

/* 1 to VMD_CONFIG_MAX_KEY of A-Z, a-z, 0-9, “_”, “.” and “-”, and neither of these two first: a key
 * is the name of a file in a guest. */
gboolean
vmd_config_key_validate (const char *key, GError **error)
{
  gsize length = 0;
  g_autofree char *head = NULL;

  while (is_key_character (key[length]))
    length++;
  if (length > 0 && length <= VMD_CONFIG_MAX_KEY && key[length] == '\0' && key[0] != '-' &&
      key[0] != '.')
    return TRUE;

  head = g_utf8_substring (key, 0, MIN (g_utf8_strlen (key, -1), VMD_CONFIG_MAX_KEY));
  vmd_blank_controls (head);
  return vmd_fail (
      error, VMD_ERROR_INVALID_ARGUMENT,
      "“%s” is no key: use 1 to %d of A-Z, a-z, 0-9, “_”, “.” and “-”, with neither of "
      "the last two first",
      head, VMD_CONFIG_MAX_KEY);
}

static gboolean
read_pair (VmdJsonScan *scan, const char *key, gpointer data, GError **error)
{
  Reader *reader = data;
  gboolean is_good;

  if (!vmd_config_key_validate (key, error))
    return FALSE;
  if (reader->n_keys == VMD_CONFIG_MAX_KEYS)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is one key too many: %d is the most",
                     key, VMD_CONFIG_MAX_KEYS);
  reader->starts[reader->n_keys++] = reader->text->len;
  g_string_append_c (reader->text, '"');
  g_string_append (reader->text, key);
  g_string_append (reader->text, "\":");
  if (reader->is_patch && vmd_json_scan_peek (scan) == 'n')
    is_good = vmd_json_scan_null (scan, reader->text, error);
  else
    is_good = vmd_json_scan_value (scan, reader->text, error);
  if (!is_good)
    {
      g_prefix_error (error, "“%s”: ", key);
      return FALSE;
    }
  return TRUE;
}

static VmdConfigValues *
take_pairs (Reader *reader, GError **error)
{
  Pair pairs[VMD_CONFIG_MAX_KEYS];

  reader->starts[reader->n_keys] = reader->text->len;
  for (guint i = 0; i < reader->n_keys; i++)
    pairs[i] = make_pair (reader->text->str + reader->starts[i],
                          reader->starts[i + 1] - reader->starts[i]);
  qsort (pairs, reader->n_keys, sizeof pairs[0], compare_pairs);
  for (guint i = 1; i < reader->n_keys; i++)
    if (compare_keys (&pairs[i - 1], &pairs[i]) == 0)
      {
        vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%.*s” is there twice",
                  (int) pairs[i].key_length, pairs[i].text + 1);
        return NULL;
      }
  return build (pairs, reader->n_keys);
}

static VmdConfigValues *
parse (const char *json, gssize length, gboolean is_patch, GError **error)
{
  g_autoptr (GString) text = g_string_sized_new (1024);
  g_autoptr (VmdConfigValues) self = NULL;
  Reader reader = { .text = text, .is_patch = is_patch };
  VmdJsonScan scan;

  if (!vmd_json_scan_init (&scan, json, length, error) ||
      !vmd_json_scan_object (&scan, read_pair, &reader, error) ||
      !vmd_json_scan_finish (&scan, error))
    return NULL;
  self = take_pairs (&reader, error);
  if (self == NULL || !vmd_config_values_check_size (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

VmdConfigValues *
vmd_config_values_parse (const char *json, gssize length, GError **error)
{
  return parse (json, length, FALSE, error);
}

VmdConfigValues *
vmd_config_values_new_empty (void)
{
  return build (NULL, 0);
}

VmdConfigValues *
vmd_config_values_ref (VmdConfigValues *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_config_values_unref (VmdConfigValues *self)
{
  if (g_atomic_ref_count_dec (&self->references))
    g_free (self);
}

const char *
vmd_config_values_get_text (VmdConfigValues *self, gsize *length)
{
  if (length != NULL)
    *length = self->length;
  return self->text;
}

guint
vmd_config_values_get_n_keys (VmdConfigValues *self)
{
  return self->n_keys;
}

void
vmd_config_values_get_pair (VmdConfigValues *self, guint i, const char **key, gsize *key_length,
                            const char **value, gsize *value_length)
{
  Pair pair = get_pair (self, i);

  *key = pair.text + 1;
  *key_length = pair.key_length;
  *value = pair.text + pair.key_length + 3;
  *value_length = pair.length - pair.key_length - 3;
}

/* FALSE: it is not set. */
gboolean
vmd_config_values_find (VmdConfigValues *self, const char *key, const char **value, gsize *length)
{
  gsize key_length = strlen (key);
  guint low = 0, high = self->n_keys;

  while (low < high)
    {
      guint middle = (low + high) / 2;
      Pair pair = get_pair (self, middle);
      int order = strncmp (key, pair.text + 1, pair.key_length);

      if (order == 0 && key_length == pair.key_length)
        {
          *value = pair.text + key_length + 3;
          *length = pair.length - key_length - 3;
          return TRUE;
        }
      if (order < 0)
        high = middle;
      else
        low = middle + 1;
    }
  return FALSE;
}

/* NULL: it is not set. */
char *
vmd_config_values_dup_value (VmdConfigValues *self, const char *key)
{
  const char *value;
  gsize length;

  return vmd_config_values_find (self, key, &value, &length) ? g_strndup (value, length) : NULL;
}

gboolean
vmd_config_values_equal (VmdConfigValues *a, VmdConfigValues *b)
{
  return a == b || (a->length == b->length && memcmp (a->text, b->text, a->length) == 0);
}

/* What is overlaid may be larger than each of its parts; whoever takes a change asks here. */
gboolean
vmd_config_values_check_size (VmdConfigValues *self, GError **error)
{
  if (self->n_keys > VMD_CONFIG_MAX_KEYS)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "there are %u keys: %d is the most",
                     self->n_keys, VMD_CONFIG_MAX_KEYS);
  if (self->length > VMD_CONFIG_MAX_SIZE)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "the values take %zu bytes of JSON: %d is the most", self->length,
                     VMD_CONFIG_MAX_SIZE);
  return TRUE;
}

/* What is null above is unset. */
static VmdConfigValues *
merge (VmdConfigValues *under, VmdConfigValues *over)
{
  g_autofree Pair *pairs = g_new (Pair, under->n_keys + over->n_keys);
  guint i = 0, j = 0, n = 0;

  while (i < under->n_keys || j < over->n_keys)
    {
      Pair below = { 0 }, above = { 0 };
      int order = i == under->n_keys ? 1 : -1;

      if (i < under->n_keys)
        below = get_pair (under, i);
      if (j < over->n_keys)
        above = get_pair (over, j);
      if (i < under->n_keys && j < over->n_keys)
        order = compare_keys (&below, &above);
      i += order <= 0;
      j += order >= 0;
      if (order < 0)
        pairs[n++] = below;
      else if (!is_null (&above))
        pairs[n++] = above;
    }

  return build (pairs, n);
}

/* Most devices have values of one origin alone, and then share them. */
VmdConfigValues *
vmd_config_values_overlay (VmdConfigValues *under, VmdConfigValues *over)
{
  if (over->n_keys == 0)
    return vmd_config_values_ref (under);
  if (under->n_keys == 0)
    return vmd_config_values_ref (over);
  return merge (under, over);
}

VmdConfigValues *
vmd_config_values_patch (VmdConfigValues *self, const char *patch, GError **error)
{
  g_autoptr (VmdConfigValues) over = parse (patch, -1, TRUE, error);
  g_autoptr (VmdConfigValues) result = NULL;

  if (over == NULL)
    return NULL;
  result = merge (self, over);
  if (!vmd_config_values_check_size (result, error))
    return NULL;

  return g_steal_pointer (&result);
}
