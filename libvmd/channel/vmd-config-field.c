/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-config-field-private.h"

#include "vmd-config-pattern-private.h"

#include "../base/vmd-failure-private.h"

#include <string.h>

/* A field keeps each of its keywords as canonical text, and so is written down again as it was
 * read, in one order. What can only be answered once all keywords are known, because they may come
 * in any order, is asked when the object has ended. */

#define MAX_SHOWN 60 /* bytes of a value in a message */

typedef enum
{
  TYPE_BOOLEAN,
  TYPE_ENUM,
  TYPE_INTEGER,
  TYPE_LIST,
  TYPE_NUMBER,
  TYPE_STRING,
} Type;

static const char *const type_names[] = {
  [TYPE_BOOLEAN] = "boolean", [TYPE_ENUM] = "enum",     [TYPE_INTEGER] = "integer",
  [TYPE_LIST] = "list",       [TYPE_NUMBER] = "number", [TYPE_STRING] = "string",
};

/* In the order of their names. */
typedef enum
{
  KEYWORD_DEFAULT,
  KEYWORD_ITEMS,
  KEYWORD_MAX_ITEMS,
  KEYWORD_MAX_LENGTH,
  KEYWORD_MAXIMUM,
  KEYWORD_MIN_ITEMS,
  KEYWORD_MIN_LENGTH,
  KEYWORD_MINIMUM,
  KEYWORD_PATTERN,
  KEYWORD_REQUIRED,
  KEYWORD_TYPE,
  KEYWORD_VALUES,
  N_KEYWORDS,
} Keyword;

#define ALL_TYPES 0xff
#define NUMERIC (1 << TYPE_INTEGER | 1 << TYPE_NUMBER)

typedef enum
{
  WORD_ANY,
  WORD_BOOLEAN,
  WORD_COUNT,
  WORD_FIELD,
  WORD_LIST,
  WORD_NUMBER,
  WORD_STRING,
} Word;

static const struct
{
  const char *name;
  guint types; /* that may have it */
  Word word; /* what comes behind it */
} keywords[N_KEYWORDS] = {
  [KEYWORD_DEFAULT] = { "default", ALL_TYPES, WORD_ANY },
  [KEYWORD_ITEMS] = { "items", 1 << TYPE_LIST, WORD_FIELD },
  [KEYWORD_MAX_ITEMS] = { "max_items", 1 << TYPE_LIST, WORD_COUNT },
  [KEYWORD_MAX_LENGTH] = { "max_length", 1 << TYPE_STRING, WORD_COUNT },
  [KEYWORD_MAXIMUM] = { "maximum", NUMERIC, WORD_NUMBER },
  [KEYWORD_MIN_ITEMS] = { "min_items", 1 << TYPE_LIST, WORD_COUNT },
  [KEYWORD_MIN_LENGTH] = { "min_length", 1 << TYPE_STRING, WORD_COUNT },
  [KEYWORD_MINIMUM] = { "minimum", NUMERIC, WORD_NUMBER },
  [KEYWORD_PATTERN] = { "pattern", 1 << TYPE_STRING, WORD_STRING },
  [KEYWORD_REQUIRED] = { "required", ALL_TYPES, WORD_BOOLEAN },
  [KEYWORD_TYPE] = { "type", ALL_TYPES, WORD_STRING },
  [KEYWORD_VALUES] = { "values", 1 << TYPE_ENUM, WORD_LIST },
};

static const char *const word_names[] = {
  [WORD_ANY] = "a value",
  [WORD_BOOLEAN] = "true or false",
  [WORD_COUNT] = "a whole number from 0",
  [WORD_FIELD] = "a field",
  [WORD_LIST] = "a list",
  [WORD_NUMBER] = "a number",
  [WORD_STRING] = "a string",
};

struct _VmdConfigField
{
  Type type;
  char *texts[N_KEYWORDS]; /* (nullable): of each keyword that is there */
  GRegex *pattern; /* (nullable) */
  VmdConfigField *items; /* (nullable) */
};

void
vmd_config_field_free (VmdConfigField *self)
{
  for (guint i = 0; i < N_KEYWORDS; i++)
    g_free (self->texts[i]);
  g_clear_pointer (&self->pattern, g_regex_unref);
  g_clear_pointer (&self->items, vmd_config_field_free);
  g_free (self);
}

gboolean
vmd_config_field_is_required (const VmdConfigField *self)
{
  return self->texts[KEYWORD_REQUIRED] != NULL;
}

const char *
vmd_config_field_get_default (const VmdConfigField *self)
{
  return self->texts[KEYWORD_DEFAULT];
}

void
vmd_config_field_append_text (const VmdConfigField *self, GString *out)
{
  char separator = '{';

  for (guint i = 0; i < N_KEYWORDS; i++)
    if (self->texts[i] != NULL)
      {
        g_string_append_printf (out, "%c\"%s\":%s", separator, keywords[i].name, self->texts[i]);
        separator = ',';
      }
  g_string_append_c (out, '}');
}

static gboolean
is_word (Word word, const char *text, gsize length)
{
  switch (word)
    {
    case WORD_BOOLEAN:
      return vmd_json_get_kind (text) == VMD_JSON_BOOLEAN;
    case WORD_COUNT:
      return vmd_json_is_integer (text, length) && text[0] != '-';
    case WORD_LIST:
      return vmd_json_get_kind (text) == VMD_JSON_LIST;
    case WORD_NUMBER:
      return vmd_json_get_kind (text) == VMD_JSON_NUMBER;
    case WORD_STRING:
      return vmd_json_get_kind (text) == VMD_JSON_STRING;
    default:
      return TRUE;
    }
}

/* What is being read. */
typedef struct
{
  VmdConfigField *field;
  gboolean is_item; /* of a list: which has no list in it, so nothing here nests deeper */
} Reader;

static VmdConfigField *scan_field (VmdJsonScan *scan, gboolean is_item, GError **error);

/* Appends what comes behind @keyword. */
static gboolean
scan_word (Reader *reader, Keyword keyword, VmdJsonScan *scan, GString *text, GError **error)
{
  Word word = keywords[keyword].word;

  if (word == WORD_FIELD)
    {
      reader->field->items = scan_field (scan, TRUE, error);
      if (reader->field->items == NULL)
        return FALSE;
      vmd_config_field_append_text (reader->field->items, text);
      return TRUE;
    }
  if (!vmd_json_scan_value (scan, text, error))
    return FALSE;
  if (!is_word (word, text->str, text->len))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "must be %s", word_names[word]);
  return TRUE;
}

static gboolean
find_keyword (const char *name, gboolean is_item, Keyword *keyword)
{
  for (*keyword = 0; *keyword < N_KEYWORDS; (*keyword)++)
    if (strcmp (name, keywords[*keyword].name) == 0)
      return !is_item || (*keyword != KEYWORD_DEFAULT && *keyword != KEYWORD_REQUIRED &&
                          *keyword != KEYWORD_ITEMS);
  return FALSE;
}

static gboolean
read_keyword (VmdJsonScan *scan, const char *name, gpointer data, GError **error)
{
  Reader *reader = data;
  g_autoptr (GString) text = g_string_new (NULL);
  Keyword keyword;

  if (!find_keyword (name, reader->is_item, &keyword))
    {
      g_autofree char *shown =
          g_utf8_substring (name, 0, MIN (g_utf8_strlen (name, -1), MAX_SHOWN));

      return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                       reader->is_item ? "the items of a list have no keyword “%s”"
                                       : "a field has no keyword “%s”",
                       shown);
    }
  if (reader->field->texts[keyword] != NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is there twice", name);
  if (!scan_word (reader, keyword, scan, text, error))
    {
      g_prefix_error (error, "“%s”: ", name);
      return FALSE;
    }
  reader->field->texts[keyword] = g_strndup (text->str, text->len);
  return TRUE;
}

static gboolean
read_type (VmdConfigField *self, gboolean is_item, GError **error)
{
  const char *text = self->texts[KEYWORD_TYPE];
  g_autofree char *name = text != NULL ? vmd_json_decode_string (text, strlen (text)) : NULL;

  for (guint i = 0; i < G_N_ELEMENTS (type_names); i++)
    if (g_strcmp0 (name, type_names[i]) == 0 && (i != TYPE_LIST || !is_item))
      {
        self->type = i;
        return TRUE;
      }
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "“type” must be string, integer, number, boolean%s",
                   is_item ? " or enum" : ", enum or list");
}

static gboolean
check_order (VmdConfigField *self, Keyword least, Keyword most, GError **error)
{
  if (self->texts[least] == NULL || self->texts[most] == NULL ||
      vmd_json_compare_numbers (self->texts[least], self->texts[most]) <= 0)
    return TRUE;
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is more than “%s”",
                   keywords[least].name, keywords[most].name);
}

static gboolean
compile_pattern (VmdConfigField *self, GError **error)
{
  const char *text = self->texts[KEYWORD_PATTERN];
  g_autofree char *expression = NULL;

  if (text == NULL)
    return TRUE;
  expression = vmd_json_decode_string (text, strlen (text));
  self->pattern = vmd_config_pattern_new (expression, error);
  if (self->pattern != NULL)
    return TRUE;
  g_prefix_error (error, "“pattern”: ");
  return FALSE;
}

/* What is asked of the keywords together. */
static gboolean
complete (VmdConfigField *self, gboolean is_item, GError **error)
{
  const char *fallback = self->texts[KEYWORD_DEFAULT];

  if (!read_type (self, is_item, error))
    return FALSE;
  for (guint i = 0; i < N_KEYWORDS; i++)
    if (self->texts[i] != NULL && (keywords[i].types & 1u << self->type) == 0)
      return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is nothing for a field of type %s",
                       keywords[i].name, type_names[self->type]);
  if (self->type == TYPE_LIST && self->items == NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "a list must have “items”");
  if (self->type == TYPE_ENUM &&
      (self->texts[KEYWORD_VALUES] == NULL || strcmp (self->texts[KEYWORD_VALUES], "[]") == 0))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "an enum must have “values”");
  if (!check_order (self, KEYWORD_MINIMUM, KEYWORD_MAXIMUM, error) ||
      !check_order (self, KEYWORD_MIN_LENGTH, KEYWORD_MAX_LENGTH, error) ||
      !check_order (self, KEYWORD_MIN_ITEMS, KEYWORD_MAX_ITEMS, error) ||
      !compile_pattern (self, error))
    return FALSE;
  /* It means the same as its absence. */
  if (g_strcmp0 (self->texts[KEYWORD_REQUIRED], "false") == 0)
    g_clear_pointer (&self->texts[KEYWORD_REQUIRED], g_free);
  if (fallback != NULL && !vmd_config_field_check (self, fallback, strlen (fallback), error))
    {
      g_prefix_error (error, "“default”: ");
      return FALSE;
    }
  return TRUE;
}

static VmdConfigField *
scan_field (VmdJsonScan *scan, gboolean is_item, GError **error)
{
  g_autoptr (VmdConfigField) self = g_new0 (VmdConfigField, 1);
  Reader reader = { .field = self, .is_item = is_item };

  if (!vmd_json_scan_object (scan, read_keyword, &reader, error) ||
      !complete (self, is_item, error))
    return NULL;
  return g_steal_pointer (&self);
}

VmdConfigField *
vmd_config_field_scan (VmdJsonScan *scan, GError **error)
{
  return scan_field (scan, FALSE, error);
}

static gboolean fail_value (GError **error, const char *value, gsize length, const char *format,
                            ...) G_GNUC_PRINTF (4, 5);

/* @format: what it must be. */
static gboolean
fail_value (GError **error, const char *value, gsize length, const char *format, ...)
{
  gsize end = MIN (length, MAX_SHOWN);
  g_autofree char *shown = NULL;
  g_autofree char *wanted = NULL;
  va_list arguments;

  while (end < length && ((guchar) value[end] & 0xc0) == 0x80)
    end--;
  shown = g_strndup (value, end);
  vmd_blank_controls (shown);
  va_start (arguments, format);
  wanted = g_strdup_vprintf (format, arguments);
  va_end (arguments);

  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "it is %s%s, and must be %s", shown,
                   end < length ? "…" : "", wanted);
}

static gboolean
check_number (const VmdConfigField *self, const char *value, gsize length, GError **error)
{
  const char *minimum = self->texts[KEYWORD_MINIMUM], *maximum = self->texts[KEYWORD_MAXIMUM];

  if (self->type == TYPE_INTEGER && !vmd_json_is_integer (value, length))
    return fail_value (error, value, length, "an integer");
  if (vmd_json_get_kind (value) != VMD_JSON_NUMBER)
    return fail_value (error, value, length, "a number");
  if (minimum != NULL && vmd_json_compare_numbers (value, minimum) < 0)
    return fail_value (error, value, length, "at least %s", minimum);
  if (maximum != NULL && vmd_json_compare_numbers (value, maximum) > 0)
    return fail_value (error, value, length, "at most %s", maximum);
  return TRUE;
}

/* @n of @what, in the singular, must be within the bounds that there are. */
static gboolean
check_count (const VmdConfigField *self, Keyword least, Keyword most, guint64 n, const char *what,
             GError **error)
{
  const char *minimum = self->texts[least], *maximum = self->texts[most];

  if (minimum != NULL && n < g_ascii_strtoull (minimum, NULL, 10))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "it has %" G_GUINT64_FORMAT " %s%s, and must have at least %s", n, what,
                     n == 1 ? "" : "s", minimum);
  if (maximum != NULL && n > g_ascii_strtoull (maximum, NULL, 10))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "it has %" G_GUINT64_FORMAT " %s%s, and must have at most %s", n, what,
                     n == 1 ? "" : "s", maximum);
  return TRUE;
}

static gboolean
check_string (const VmdConfigField *self, const char *value, gsize length, GError **error)
{
  g_autofree char *text = NULL;

  if (vmd_json_get_kind (value) != VMD_JSON_STRING)
    return fail_value (error, value, length, "a string");
  text = vmd_json_decode_string (value, length);
  if (!check_count (self, KEYWORD_MIN_LENGTH, KEYWORD_MAX_LENGTH, g_utf8_strlen (text, -1),
                    "character", error))
    return FALSE;
  if (self->pattern == NULL || vmd_config_pattern_check (self->pattern, text, error))
    return TRUE;
  g_prefix_error (error, "pattern %s: ", self->texts[KEYWORD_PATTERN]);
  return FALSE;
}

static gboolean
check_enum (const VmdConfigField *self, const char *value, gsize length, GError **error)
{
  const char *place = self->texts[KEYWORD_VALUES], *item;
  gsize item_length;

  while (vmd_json_next_item (&place, &item, &item_length))
    if (item_length == length && memcmp (item, value, length) == 0)
      return TRUE;
  return fail_value (error, value, length, "one of %.*s", MAX_SHOWN * 4,
                     self->texts[KEYWORD_VALUES]);
}

static gboolean
check_list (const VmdConfigField *self, const char *value, gsize length, GError **error)
{
  const char *place = value, *item;
  gsize item_length;
  guint n = 0;

  if (vmd_json_get_kind (value) != VMD_JSON_LIST)
    return fail_value (error, value, length, "a list");
  for (; vmd_json_next_item (&place, &item, &item_length); n++)
    if (!vmd_config_field_check (self->items, item, item_length, error))
      {
        g_prefix_error (error, "item %u: ", n + 1);
        return FALSE;
      }
  return check_count (self, KEYWORD_MIN_ITEMS, KEYWORD_MAX_ITEMS, n, "item", error);
}

gboolean
vmd_config_field_check (const VmdConfigField *self, const char *value, gsize length, GError **error)
{
  switch (self->type)
    {
    case TYPE_BOOLEAN:
      return vmd_json_get_kind (value) == VMD_JSON_BOOLEAN ||
             fail_value (error, value, length, "true or false");
    case TYPE_ENUM:
      return check_enum (self, value, length, error);
    case TYPE_LIST:
      return check_list (self, value, length, error);
    case TYPE_STRING:
      return check_string (self, value, length, error);
    default:
      return check_number (self, value, length, error);
    }
}
