/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-size.h"

#include <string.h>
#include <vmd-error.h>

/* Sizes, counts and durations as people write them. "GB" is refused rather than guessed at, since
 * half of the world means 10⁹ by it. What is absent never gets here: absent is not zero. */

/* The digits at the beginning of @text. */
static gboolean
parse_digits (const char *text, const char **end, guint64 *number)
{
  *number = 0;
  for (*end = text; g_ascii_isdigit (**end); (*end)++)
    if (!g_uint64_checked_mul (number, *number, 10) ||
        !g_uint64_checked_add (number, *number, (guint64) (**end - '0')))
      return FALSE;
  return TRUE;
}

static gboolean
fail (GError **error, const char *format, const char *text, const char *what)
{
  g_autofree char *shown = g_strescape (text, NULL);
  g_autofree char *message = g_strdup_printf ("%s: “%s” %s", what, shown, format);

  g_set_error_literal (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/* How far to shift for the unit: the letter alone, or the letter and "iB". -1: there is no such
 * unit. */
static int
parse_unit (const char *suffix)
{
  static const char letters[] = "KMGT";
  const char *letter;

  if (suffix[0] == '\0')
    return 0;
  letter = strchr (letters, g_ascii_toupper (suffix[0]));
  if (letter == NULL || (suffix[1] != '\0' && strcmp (suffix + 1, "iB") != 0))
    return -1;
  return 10 * (int) (letter - letters + 1);
}

/* "4G", "4GiB", "512MiB", "65536" (bytes). @what is named in the message: "--memory". @bytes is
 * set on success only. */
gboolean
vmctl_size_parse (const char *text, const char *what, guint64 *bytes, GError **error)
{
  const char *end;
  guint64 number;
  gboolean fits = parse_digits (text, &end, &number);
  int shift;

  while (g_ascii_isdigit (*end))
    end++;
  shift = end == text ? -1 : parse_unit (end);
  if (shift < 0)
    return fail (error,
                 "is no size: write a whole number of bytes, or one with K, M, G or T "
                 "(or KiB, MiB, GiB, TiB), as in 512M or 4GiB",
                 text, what);
  if (!fits || number > G_MAXUINT64 >> shift)
    return fail (error, "is too large", text, what);
  if (number == 0)
    return fail (error, "is zero: leave the option out to get the default", text, what);
  *bytes = number << shift;
  return TRUE;
}

/* 1 to 2³² − 1. */
gboolean
vmctl_count_parse (const char *text, const char *what, guint *count, GError **error)
{
  const char *end;
  guint64 number;

  if (!parse_digits (text, &end, &number) || number > G_MAXUINT32)
    return fail (error, "is too large", text, what);
  if (end == text || *end != '\0')
    return fail (error, "is no whole number", text, what);
  if (number == 0)
    return fail (error, "is zero: leave the option out to get the default", text, what);
  *count = (guint) number;
  return TRUE;
}

/* 0 to 2⁶⁴ − 1. */
gboolean
vmctl_version_parse (const char *text, const char *what, guint64 *version, GError **error)
{
  const char *end;
  guint64 number;

  if (!parse_digits (text, &end, &number))
    return fail (error, "is too large", text, what);
  if (end == text || *end != '\0')
    return fail (error, "is no version: that is a whole number", text, what);
  *version = number;
  return TRUE;
}

typedef struct
{
  const char *suffix;
  guint factor;
} Unit;

typedef enum
{
  WITH_UNIT, /* and within 2³² − 1 */
  TOO_LARGE,
  NO_UNIT,
} Reading;

/* A whole number with one of @units, of which one may be "". */
static Reading
read_with_unit (const char *text, const Unit *units, gsize n_units, guint *value)
{
  const char *end;
  guint64 number;
  gboolean fits = parse_digits (text, &end, &number);

  if (end != text && !fits)
    return TOO_LARGE;
  for (gsize i = 0; i < n_units && end != text; i++)
    {
      if (strcmp (end, units[i].suffix) != 0)
        continue;
      if (number > G_MAXUINT32 / units[i].factor)
        return TOO_LARGE;
      *value = (guint) number * units[i].factor;
      return WITH_UNIT;
    }
  return NO_UNIT;
}

/* "30d", "12h", "45m", "90s", "90" (seconds): how long something is to last, which is never 0. */
gboolean
vmctl_lifetime_parse (const char *text, const char *what, guint *seconds, GError **error)
{
  static const Unit units[] = {
    { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 60 * 60 }, { "d", 24 * 60 * 60 },
  };
  guint value = 0;

  switch (read_with_unit (text, units, G_N_ELEMENTS (units), &value))
    {
    case NO_UNIT:
      return fail (error, "is no lifetime: write seconds, or a whole number with s, m, h or d",
                   text, what);
    case TOO_LARGE:
      return fail (error, "is too long", text, what);
    case WITH_UNIT:
    default:
      break;
    }
  if (value == 0)
    return fail (error, "is over at once", text, what);
  *seconds = value;
  return TRUE;
}

/* "10s", "500ms", "2m", "10" (seconds); "0" is a duration. */
gboolean
vmctl_duration_parse (const char *text, const char *what, guint *milliseconds, GError **error)
{
  static const Unit units[] = {
    { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
  };

  switch (read_with_unit (text, units, G_N_ELEMENTS (units), milliseconds))
    {
    case NO_UNIT:
      return fail (error, "is no duration: write seconds, or a whole number with ms, s, m or h",
                   text, what);
    case TOO_LARGE:
      return fail (error, "is too long", text, what);
    case WITH_UNIT:
    default:
      return TRUE;
    }
}
