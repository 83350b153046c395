/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-json-scan-private.h"

#include "../base/vmd-failure-private.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* json-glib is too kind for this: it takes comments, single quotes and a key that is there twice,
 * calls itself for each level of nesting, and makes of an integer that does not fit one that does.
 * What is set here is hashed, compared and sent as text, so there must be one text for each value.
 *
 * The canonical form: no blanks; of the escapes only those that must be, each in its shortest form;
 * a number is an integer if its value is one that 64 bits hold, however it was written, and else
 * has the fewest digits, of 15 and more, that read as the same double. NUL is refused, since the
 * values become C strings and files in guests. */

#define MAX_NUMBER 128 /* characters */

/* The whole text is held against UTF-8 here, so that the rest has but ASCII to look for. */
gboolean
vmd_json_scan_init (VmdJsonScan *self, const char *text, gssize length, GError **error)
{
  gsize size = length < 0 ? strlen (text) : (gsize) length;

  self->text = text;
  self->next = text;
  self->end = text + size;
  if (size > VMD_JSON_MAX_TEXT)
    return vmd_json_scan_fail (self, error, "the text is too long");
  if (!g_utf8_validate_len (text, size, &self->next))
    return vmd_json_scan_fail (self, error, "this is not UTF-8, or a NUL");
  self->next = text;

  return TRUE;
}

gboolean
vmd_json_scan_fail (VmdJsonScan *self, GError **error, const char *fault)
{
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "at byte %zu: %s",
                   (gsize) (self->next - self->text), fault);
}

/* The next character that is no blank; '\0' at the end. */
char
vmd_json_scan_peek (VmdJsonScan *self)
{
  while (self->next < self->end &&
         (*self->next == ' ' || *self->next == '\n' || *self->next == '\t' || *self->next == '\r'))
    self->next++;
  return self->next < self->end ? *self->next : '\0';
}

static gboolean
accept (VmdJsonScan *self, char character)
{
  if (vmd_json_scan_peek (self) != character)
    return FALSE;
  self->next++;
  return TRUE;
}

/* A character in a string, escaped if it must be. */
static void
append_character (GString *out, gunichar character)
{
  static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";

  for (gsize i = 0; i + 1 < sizeof shorts; i += 2)
    if (character == (gunichar) shorts[i])
      {
        g_string_append_c (out, '\\');
        g_string_append_c (out, shorts[i + 1]);
        return;
      }
  if (character < 0x20)
    g_string_append_printf (out, "\\u%04x", character);
  else
    g_string_append_unichar (out, character);
}

/* Four hexadecimal digits; -1: they are not there. */
static int
take_code_unit (VmdJsonScan *self)
{
  int unit = 0;

  if (self->end - self->next < 4)
    return -1;
  for (guint i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (*self->next++);

      if (digit < 0)
        return -1;
      unit = unit * 16 + digit;
    }
  return unit;
}

/* After "\u". */
static gboolean
scan_unicode_escape (VmdJsonScan *self, GString *out, GError **error)
{
  int first = take_code_unit (self), second = 0;

  if (first < 0)
    return vmd_json_scan_fail (self, error, "\\u must have four hexadecimal digits");
  if (first == 0)
    return vmd_json_scan_fail (self, error, "a string must not have a NUL");
  if (first < 0xd800 || first > 0xdfff)
    {
      append_character (out, (gunichar) first);
      return TRUE;
    }
  if (first < 0xdc00 && self->end - self->next >= 6 && memcmp (self->next, "\\u", 2) == 0)
    {
      self->next += 2;
      second = take_code_unit (self);
    }
  if (second < 0xdc00 || second > 0xdfff)
    return vmd_json_scan_fail (self, error, "half a surrogate pair is no character");
  append_character (out,
                    0x10000 + (((gunichar) first - 0xd800) << 10) + (gunichar) second - 0xdc00);
  return TRUE;
}

/* At a backslash. */
static gboolean
scan_escape (VmdJsonScan *self, GString *out, GError **error)
{
  static const char escapes[] = "b\bf\fn\nr\rt\t\"\"\\\\//";

  self->next++;
  for (gsize i = 0; i + 1 < sizeof escapes && self->next < self->end; i += 2)
    if (*self->next == escapes[i])
      {
        self->next++;
        append_character (out, (gunichar) escapes[i + 1]);
        return TRUE;
      }
  if (self->next == self->end || *self->next != 'u')
    return vmd_json_scan_fail (self, error, "there is no such escape");
  self->next++;
  return scan_unicode_escape (self, out, error);
}

static gboolean
scan_string (VmdJsonScan *self, GString *out, GError **error)
{
  if (!accept (self, '"'))
    return vmd_json_scan_fail (self, error, "a string must be here");
  g_string_append_c (out, '"');
  for (;;)
    {
      const char *run = self->next;

      while (self->next < self->end && (guchar) *self->next >= 0x20 && *self->next != '"' &&
             *self->next != '\\')
        self->next++;
      g_string_append_len (out, run, self->next - run);
      if (self->next == self->end)
        return vmd_json_scan_fail (self, error, "the string does not end");
      if (*self->next == '"')
        break;
      if (*self->next != '\\')
        return vmd_json_scan_fail (self, error, "a control character in a string must be escaped");
      if (!scan_escape (self, out, error))
        return FALSE;
    }
  self->next++;
  g_string_append_c (out, '"');
  return TRUE;
}

/* An integer has one text, since it begins with no zero; but for "-0". */
static gboolean
append_integer (VmdJsonScan *self, const char *number, GString *out, GError **error)
{
  gint64 value;

  errno = 0;
  value = g_ascii_strtoll (number, NULL, 10);
  if (errno == ERANGE)
    return vmd_json_scan_fail (self, error, "the integer does not fit in 64 bits");
  g_string_append (out, value != 0 ? number : "0");
  return TRUE;
}

static gboolean
append_double (VmdJsonScan *self, const char *number, GString *out, GError **error)
{
  double value = g_ascii_strtod (number, NULL);
  char shortest[MAX_NUMBER];
  guint digits = 15;

  if (!isfinite (value))
    return vmd_json_scan_fail (self, error, "the number is too large");
  if ((fabs (value) < 0x1p63 || value == -0x1p63) && value == (double) (gint64) value)
    {
      g_string_append_printf (out, "%" G_GINT64_FORMAT, (gint64) value);
      return TRUE;
    }
  do
    {
      char format[8];

      g_snprintf (format, sizeof format, "%%.%ug", digits++);
      g_ascii_formatd (shortest, sizeof shortest, format, value);
    }
  while (digits <= 17 && g_ascii_strtod (shortest, NULL) != value);
  g_string_append (out, shortest);
  return TRUE;
}

static gboolean
take_digits (VmdJsonScan *self)
{
  const char *start = self->next;

  while (self->next < self->end && g_ascii_isdigit (*self->next))
    self->next++;
  return self->next > start;
}

static gboolean
take_one_of (VmdJsonScan *self, const char *characters)
{
  if (self->next == self->end || strchr (characters, *self->next) == NULL)
    return FALSE;
  self->next++;
  return TRUE;
}

static gboolean
scan_number (VmdJsonScan *self, GString *out, GError **error)
{
  const char *start = self->next;
  gboolean is_integer = TRUE, is_good;
  char number[MAX_NUMBER + 1];

  take_one_of (self, "-");
  is_good = take_one_of (self, "0") || take_digits (self);
  if (is_good && take_one_of (self, "."))
    {
      is_integer = FALSE;
      is_good = take_digits (self);
    }
  if (is_good && take_one_of (self, "eE"))
    {
      is_integer = FALSE;
      take_one_of (self, "+-");
      is_good = take_digits (self);
    }
  if (!is_good)
    return vmd_json_scan_fail (self, error, "a digit must be here");
  if (self->next - start > MAX_NUMBER)
    return vmd_json_scan_fail (self, error, "the number has too many digits");
  memcpy (number, start, self->next - start);
  number[self->next - start] = '\0';

  return is_integer ? append_integer (self, number, out, error)
                    : append_double (self, number, out, error);
}

static gboolean
scan_word (VmdJsonScan *self, const char *word, GString *out, GError **error)
{
  gsize length = strlen (word);

  vmd_json_scan_peek (self);
  if ((gsize) (self->end - self->next) < length || memcmp (self->next, word, length) != 0)
    return vmd_json_scan_fail (self, error, "a value must be here");
  self->next += length;
  g_string_append_len (out, word, length);
  return TRUE;
}

gboolean
vmd_json_scan_null (VmdJsonScan *self, GString *out, GError **error)
{
  return scan_word (self, "null", out, error);
}

static gboolean
scan_scalar (VmdJsonScan *self, GString *out, GError **error)
{
  char first = vmd_json_scan_peek (self);

  if (first == '"')
    return scan_string (self, out, error);
  if (first == '-' || g_ascii_isdigit (first))
    return scan_number (self, out, error);
  if (first == '[' || first == '{')
    return vmd_json_scan_fail (self, error, "values are scalars, or lists of scalars");
  if (first == 'n')
    return vmd_json_scan_fail (self, error, "null cannot be set");
  return scan_word (self, first == 't' ? "true" : "false", out, error);
}

/* Appends the canonical text of a string, a number, a boolean, or a list of these of one kind. */
gboolean
vmd_json_scan_value (VmdJsonScan *self, GString *out, GError **error)
{
  gsize first = out->len + 1;

  if (!accept (self, '['))
    return scan_scalar (self, out, error);
  g_string_append_c (out, '[');
  if (accept (self, ']'))
    {
      g_string_append_c (out, ']');
      return TRUE;
    }
  do
    {
      gsize start;

      if (out->len > first)
        g_string_append_c (out, ',');
      start = out->len;
      if (!scan_scalar (self, out, error))
        return FALSE;
      if (vmd_json_get_kind (out->str + start) != vmd_json_get_kind (out->str + first))
        return vmd_json_scan_fail (self, error, "all of a list must be of one type");
    }
  while (accept (self, ','));
  if (!accept (self, ']'))
    return vmd_json_scan_fail (self, error, "“,” or “]” must be here");
  g_string_append_c (out, ']');
  return TRUE;
}

/* Calls @member at each value. What is in an object must be taken by it: so the depth of nesting is
 * that of the callers. */
gboolean
vmd_json_scan_object (VmdJsonScan *self, VmdJsonMember member, gpointer data, GError **error)
{
  g_autoptr (GString) key = g_string_sized_new (64);

  if (!accept (self, '{'))
    return vmd_json_scan_fail (self, error, "an object must be here");
  if (accept (self, '}'))
    return TRUE;
  do
    {
      g_string_truncate (key, 0);
      if (!scan_string (self, key, error))
        return FALSE;
      if (!accept (self, ':'))
        return vmd_json_scan_fail (self, error, "“:” must be here");
      g_string_truncate (key, key->len - 1);
      if (!member (self, key->str + 1, data, error))
        return FALSE;
    }
  while (accept (self, ','));
  if (!accept (self, '}'))
    return vmd_json_scan_fail (self, error, "“,” or “}” must be here");
  return TRUE;
}

/* Nothing but blanks may follow. */
gboolean
vmd_json_scan_finish (VmdJsonScan *self, GError **error)
{
  if (vmd_json_scan_peek (self) == '\0')
    return TRUE;
  return vmd_json_scan_fail (self, error, "nothing may follow");
}
