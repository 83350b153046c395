/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-text.h"

#include <string.h>

/* What people read: text of foreign origin made harmless to a terminal, sizes, times. */

/* A control character, or one that changes the direction in which what follows is shown: with those
 * a text can look like another. */
static gboolean
steers (gunichar character)
{
  return g_unichar_iscntrl (character) || character == 0x061c || character == 0x200e ||
         character == 0x200f || (character >= 0x2028 && character <= 0x202e) ||
         (character >= 0x2066 && character <= 0x2069);
}

/* Valid UTF-8 without such characters stays as it is; the rest becomes \n, \t or \xNN. What a
 * guest, a device or a file name holds must not steer the terminal. @length: −1 for a string. */
char *
vmctl_text_make_printable (const char *bytes, gssize length)
{
  GString *text = g_string_new (NULL);
  const char *end = bytes + (length < 0 ? (gssize) strlen (bytes) : length);

  while (bytes < end)
    {
      gunichar character = g_utf8_get_char_validated (bytes, end - bytes);
      gboolean valid = character < 0x110000 && *bytes != '\0';

      if (valid && !steers (character))
        g_string_append_unichar (text, character);
      else if (*bytes == '\n')
        g_string_append (text, "\\n");
      else if (*bytes == '\t')
        g_string_append (text, "\\t");
      else
        for (gsize i = 0, n = valid ? g_utf8_next_char (bytes) - bytes : 1; i < n; i++)
          g_string_append_printf (text, "\\x%02x", (guchar) bytes[i]);
      bytes += valid ? g_utf8_next_char (bytes) - bytes : 1;
    }
  return g_string_free (text, FALSE);
}

/* A byte that belongs to a character of several. */
static void
filter_continuation (VmctlTextFilter *self, guchar byte, GString *text)
{
  if (self->held && byte >= 0xa0)
    g_string_append_c (text, '\xc2');
  if (self->expected > 0 && (!self->held || byte >= 0xa0))
    g_string_append_c (text, (char) byte);
  self->held = FALSE;
  self->expected -= self->expected > 0;
}

/* Appends to @text what of the next piece of a stream may go to a terminal as it is: of control
 * characters only those that lay out text. Those beyond ASCII, U+0080 to U+009F, are left out in
 * both of their forms, as a character of UTF-8 and as a byte: terminals obey either. */
void
vmctl_text_filter (VmctlTextFilter *self, const char *bytes, gsize length, GString *text)
{
  for (gsize i = 0; i < length; i++)
    {
      guchar byte = (guchar) bytes[i];

      if (byte >= 0x80 && byte < 0xc0)
        {
          filter_continuation (self, byte, text);
          continue;
        }
      self->held = byte == 0xc2;
      self->expected = byte < 0xc2 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte > 0xc2 || (byte >= ' ' && byte < 0x7f) || byte == '\n' || byte == '\t')
        g_string_append_c (text, (char) byte);
    }
}

/* Columns on a terminal. */
gsize
vmctl_text_get_width (const char *text)
{
  gsize width = 0;

  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    {
      gunichar character = g_utf8_get_char (c);

      if (!g_unichar_iszerowidth (character))
        width += g_unichar_iswide (character) ? 2 : 1;
    }
  return width;
}

/* "512 MiB", "1.5 GiB", "17 B". */
char *
vmctl_text_format_size (guint64 bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  double value = bytes;
  guint unit = 0;
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  for (; value >= 1023.95 && unit < G_N_ELEMENTS (units) - 1; unit++)
    value /= 1024;
  g_ascii_formatd (number, sizeof number, "%.1f", value);
  if (g_str_has_suffix (number, ".0"))
    number[strlen (number) - 2] = '\0';
  return g_strconcat (number, " ", units[unit], NULL);
}

/* @microseconds since 1970; 0: "-". Local time. */
char *
vmctl_text_format_time (gint64 microseconds)
{
  g_autoptr (GDateTime) time = NULL;

  if (microseconds == 0)
    return g_strdup ("-");
  time = g_date_time_new_from_unix_local (microseconds / G_USEC_PER_SEC);
  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S") : g_strdup ("-");
}

/* "0.4 s", "12 s", "3 min 5 s", "2 h 10 min". */
char *
vmctl_text_format_duration (gint64 microseconds)
{
  gint64 seconds = microseconds / G_USEC_PER_SEC;
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (seconds < 10)
    {
      g_ascii_formatd (number, sizeof number, "%.1f", (double) microseconds / G_USEC_PER_SEC);
      return g_strconcat (number, " s", NULL);
    }
  if (seconds < 60)
    return g_strdup_printf ("%" G_GINT64_FORMAT " s", seconds);
  if (seconds < 3600)
    return g_strdup_printf ("%" G_GINT64_FORMAT " min %" G_GINT64_FORMAT " s", seconds / 60,
                            seconds % 60);
  return g_strdup_printf ("%" G_GINT64_FORMAT " h %" G_GINT64_FORMAT " min", seconds / 3600,
                          seconds / 60 % 60);
}
