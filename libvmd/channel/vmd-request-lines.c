/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-request-lines-private.h"

#include <string.h>

/* libsoup 3.2 loses the path of a request whose Transfer-Encoding or Content-Length it does not
 * understand: tens of kilobytes, for whoever asks, without a token. So it gets to see none but
 * "chunked" and numbers.
 *
 * Lines are looked at wherever they are, in bodies too: where one request ends and the next begins
 * would take all of a parser to know, and no JSON has a line that begins like these. Like libsoup
 * this passes over NULs, and takes a line that begins with a space for more of the one before. */

static const char encoding_name[] = "transfer-encoding:";
static const char length_name[] = "content-length:";

static gboolean
has_name (const char *line, const char *name)
{
  return g_ascii_strncasecmp (line, name, strlen (name)) == 0;
}

static gboolean
is_number (const char *value)
{
  gsize n = strspn (value, "0123456789");

  return n > 0 && n < 19 && value[n] == '\0';
}

/* Of what libsoup takes for space, which is less than what GLib does. */
static char *
strip (char *value)
{
  gsize length;

  value += strspn (value, " \t\r");
  for (length = strlen (value); length > 0 && strchr (" \t\r", value[length - 1]) != NULL;)
    length--;
  value[length] = '\0';
  return value;
}

static gboolean
end_line (VmdRequestLines *self)
{
  gboolean is_encoding, is_length;
  gboolean is_whole = self->length < VMD_REQUEST_LINE_SIZE;
  char *value;

  self->line[MIN (self->length, VMD_REQUEST_LINE_SIZE - 1)] = '\0';
  self->length = 0;
  is_encoding = has_name (self->line, encoding_name);
  is_length = has_name (self->line, length_name);
  self->was_framing = is_encoding || is_length;
  if (!self->was_framing)
    return TRUE;
  value = strip (strchr (self->line, ':') + 1);
  return is_whole && (is_length ? is_number (value) : g_ascii_strcasecmp (value, "chunked") == 0);
}

gboolean
vmd_request_lines_take (VmdRequestLines *self, const char *bytes, gsize n_bytes)
{
  for (gsize i = 0; i < n_bytes; i++)
    {
      char byte = bytes[i];

      if (byte == '\0')
        continue;
      if (byte == '\n')
        {
          if (!end_line (self))
            return FALSE;
          continue;
        }
      if (self->length == 0 && self->was_framing && (byte == ' ' || byte == '\t'))
        return FALSE;
      if (self->length < VMD_REQUEST_LINE_SIZE - 1)
        self->line[self->length] = byte;
      self->length++;
    }
  return TRUE;
}
