/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-name-private.h"

#include "vmd-failure-private.h"

#include <string.h>

/* How far to shift for the unit at @suffix: the letter alone, or the letter and "iB". -1: no unit.
 * "GB" is refused rather than guessed at, since half of the world means 10⁹ by it. */
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

/* Reads a size in binary units: "4G", "4GiB", "512MiB", "512M", "1K", "65536" (bytes).
 * INVALID_ARGUMENT for 0, negatives, fractions, what is over 2⁶⁴ − 1, white space, and text that
 * follows. @what names the size in the message ("memory"). @bytes is set on success only. */
gboolean
vmd_size_parse (const char *text, const char *what, guint64 *bytes, GError **error)
{
  const char *end = text != NULL ? text : "";
  guint64 number = 0;
  gboolean overflow = FALSE;
  g_autofree char *shown = g_strescape (end, NULL);
  int shift;

  for (; g_ascii_isdigit (*end); end++)
    overflow = overflow || !g_uint64_checked_mul (&number, number, 10) ||
               !g_uint64_checked_add (&number, number, (guint64) (*end - '0'));
  shift = end == text ? -1 : parse_unit (end);
  if (text == NULL || shift < 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is no size for %s: write a whole number of bytes, or one with K, M, G or"
                     " T (or KiB, MiB, GiB, TiB), as in 512M or 4GiB",
                     shown, what);
  if (overflow || number > G_MAXUINT64 >> shift)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is too large for %s", shown, what);
  if (number == 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "%s cannot be 0", what);
  *bytes = number << shift;

  return TRUE;
}
