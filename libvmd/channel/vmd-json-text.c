/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-json-scan-private.h"

#include <string.h>

/* What a canonical text says. It was scanned before, so nothing here can fail. */

VmdJsonKind
vmd_json_get_kind (const char *canonical)
{
  switch (canonical[0])
    {
    case '"':
      return VMD_JSON_STRING;
    case '[':
      return VMD_JSON_LIST;
    case 't':
    case 'f':
      return VMD_JSON_BOOLEAN;
    case 'n':
      return VMD_JSON_NULL;
    default:
      return VMD_JSON_NUMBER;
    }
}

gboolean
vmd_json_is_integer (const char *canonical, gsize length)
{
  return vmd_json_get_kind (canonical) == VMD_JSON_NUMBER &&
         memchr (canonical, '.', length) == NULL && memchr (canonical, 'e', length) == NULL;
}

/* A number ends where its characters do, NUL or not. */
static gsize
number_length (const char *canonical)
{
  return strspn (canonical, "-+.0123456789e");
}

static int
compare_with_double (gint64 integer, double number)
{
  if (number >= 0x1p63)
    return -1;
  if (number < -0x1p63)
    return 1;
  /* Here a double that is not canonically an integer has a fraction, so is below 2^52, where the
   * conversion is exact; above, it need only keep its side. */
  return (double) integer < number ? -1 : 1;
}

/* Exact, also where a double cannot tell integers apart. */
int
vmd_json_compare_numbers (const char *a, const char *b)
{
  gboolean a_is_integer = vmd_json_is_integer (a, number_length (a));
  gboolean b_is_integer = vmd_json_is_integer (b, number_length (b));

  if (a_is_integer && b_is_integer)
    {
      gint64 left = g_ascii_strtoll (a, NULL, 10), right = g_ascii_strtoll (b, NULL, 10);

      return (left > right) - (left < right);
    }
  if (a_is_integer)
    return compare_with_double (g_ascii_strtoll (a, NULL, 10), g_ascii_strtod (b, NULL));
  if (b_is_integer)
    return -compare_with_double (g_ascii_strtoll (b, NULL, 10), g_ascii_strtod (a, NULL));
  {
    double left = g_ascii_strtod (a, NULL), right = g_ascii_strtod (b, NULL);

    return (left > right) - (left < right);
  }
}

static char
unescape (char letter)
{
  switch (letter)
    {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
    }
}

/* What a string says, in UTF-8. (transfer full) */
char *
vmd_json_decode_string (const char *canonical, gsize length)
{
  GString *text = g_string_sized_new (length);

  for (gsize i = 1; i + 1 < length; i++)
    if (canonical[i] != '\\')
      g_string_append_c (text, canonical[i]);
    else if (canonical[++i] != 'u')
      g_string_append_c (text, unescape (canonical[i]));
    else
      {
        /* Of these only controls are left: \u00XX. */
        g_string_append_c (text, (char) (g_ascii_xdigit_value (canonical[i + 3]) * 16 +
                                         g_ascii_xdigit_value (canonical[i + 4])));
        i += 4;
      }

  return g_string_free (text, FALSE);
}

static const char *
skip_string (const char *place)
{
  for (place++; *place != '"'; place++)
    if (*place == '\\')
      place++;
  return place + 1;
}

/* Through a list: *@place begins at its bracket. FALSE: there is no more. */
gboolean
vmd_json_next_item (const char **place, const char **item, gsize *length)
{
  const char *end = *place + 1;

  if (**place == ']' || *end == ']')
    return FALSE;
  *item = end;
  if (*end == '"')
    end = skip_string (end);
  else
    end += strcspn (end, ",]");
  *length = end - *item;
  *place = end;
  return TRUE;
}
