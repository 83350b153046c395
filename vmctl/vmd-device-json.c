/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-json.h"

#include <string.h>

/* A reader of its own, and not json-glib: a value is to be written down as the server wrote it, and
 * json-glib would write 0.1 as 0.10000000000000001; and it calls itself for each bracket that it
 * meets, however many those are. */

#define MAX_DEPTH 16

void
vmd_device_json_skip_space (VmdDeviceJson *self)
{
  while (self->at < self->end &&
         (*self->at == ' ' || *self->at == '\t' || *self->at == '\n' || *self->at == '\r'))
    self->at++;
}

/* Is @byte next, after space? Then it is passed. */
gboolean
vmd_device_json_take (VmdDeviceJson *self, char byte)
{
  vmd_device_json_skip_space (self);
  if (self->at == self->end || *self->at != byte)
    return FALSE;
  self->at++;
  return TRUE;
}

/* The four digits of \u. */
static gboolean
read_unit (VmdDeviceJson *self, gunichar *unit)
{
  *unit = 0;
  if (self->end - self->at < 4)
    return FALSE;
  for (guint i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (*self->at++);

      if (digit < 0)
        return FALSE;
      *unit = *unit << 4 | (gunichar) digit;
    }
  return TRUE;
}

/* What is beyond 0xffff is two units; half of such a pair is nothing. */
static gboolean
read_unicode_escape (VmdDeviceJson *self, GString *text)
{
  gunichar character, low;

  if (!read_unit (self, &character))
    return FALSE;
  if (character >= 0xd800 && character < 0xdc00)
    {
      if (self->end - self->at < 2 || self->at[0] != '\\' || self->at[1] != 'u')
        return FALSE;
      self->at += 2;
      if (!read_unit (self, &low) || low < 0xdc00 || low > 0xdfff)
        return FALSE;
      character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
    }
  else if (character >= 0xdc00 && character <= 0xdfff)
    return FALSE;
  g_string_append_unichar (text, character);
  return TRUE;
}

static gboolean
read_escape (VmdDeviceJson *self, GString *text)
{
  static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  const char *found;
  char name;

  if (self->at == self->end)
    return FALSE;
  name = *self->at++;
  if (name == 'u')
    return read_unicode_escape (self, text);
  found = name != '\0' ? strchr (names, name) : NULL;
  if (found == NULL)
    return FALSE;
  g_string_append_c (text, meanings[found - names]);
  return TRUE;
}

/* Appends what it says to @text, which may then have NUL in it. */
gboolean
vmd_device_json_read_string (VmdDeviceJson *self, GString *text)
{
  if (!vmd_device_json_take (self, '"'))
    return FALSE;
  while (self->at < self->end)
    {
      char byte = *self->at++;

      if (byte == '"')
        return TRUE;
      if ((guchar) byte < 0x20)
        return FALSE;
      if (byte != '\\')
        g_string_append_c (text, byte);
      else if (!read_escape (self, text))
        return FALSE;
    }
  return FALSE;
}

static gboolean
skip_digits (VmdDeviceJson *self)
{
  const char *start = self->at;

  while (self->at < self->end && g_ascii_isdigit (*self->at))
    self->at++;
  return self->at > start;
}

static gboolean
skip_number (VmdDeviceJson *self)
{
  if (self->at < self->end && *self->at == '-')
    self->at++;
  if (self->at < self->end && *self->at == '0')
    self->at++;
  else if (!skip_digits (self))
    return FALSE;
  if (self->at < self->end && *self->at == '.')
    {
      self->at++;
      if (!skip_digits (self))
        return FALSE;
    }
  if (self->at == self->end || (*self->at != 'e' && *self->at != 'E'))
    return TRUE;
  self->at++;
  if (self->at < self->end && (*self->at == '+' || *self->at == '-'))
    self->at++;
  return skip_digits (self);
}

static gboolean
skip_word (VmdDeviceJson *self)
{
  static const char *const words[] = { "true", "false", "null" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      gsize length = strlen (words[i]);

      if ((gsize) (self->end - self->at) >= length && memcmp (self->at, words[i], length) == 0)
        {
          self->at += length;
          return TRUE;
        }
    }
  return FALSE;
}

static gboolean skip_value (VmdDeviceJson *self, guint depth);

static gboolean
skip_members (VmdDeviceJson *self, gboolean named, guint depth)
{
  char last = named ? '}' : ']';

  if (depth > MAX_DEPTH)
    return FALSE;
  if (vmd_device_json_take (self, last))
    return TRUE;
  do
    {
      g_autoptr (GString) name = g_string_new (NULL);

      if (named && (!vmd_device_json_read_string (self, name) || !vmd_device_json_take (self, ':')))
        return FALSE;
      if (!skip_value (self, depth))
        return FALSE;
    }
  while (vmd_device_json_take (self, ','));
  return vmd_device_json_take (self, last);
}

static gboolean
skip_value (VmdDeviceJson *self, guint depth)
{
  g_autoptr (GString) text = NULL;

  if (vmd_device_json_take (self, '{'))
    return skip_members (self, TRUE, depth + 1);
  if (vmd_device_json_take (self, '['))
    return skip_members (self, FALSE, depth + 1);
  if (self->at < self->end && *self->at == '"')
    {
      text = g_string_new (NULL);
      return vmd_device_json_read_string (self, text);
    }
  return skip_word (self) || skip_number (self);
}

/* Whatever it is, so that its text lies between the two places. Space before it is passed first,
 * space after it is not. */
gboolean
vmd_device_json_skip_value (VmdDeviceJson *self)
{
  return skip_value (self, 0);
}
