/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same reader as that of vmd-device, vmctl/vmd-device-json.c, without GLib: a value is to be
 * written down as the server wrote it, and no text, however deep, takes more than its length. */

#include "json.h"

#include <stdint.h>
#include <string.h>

#define MAX_DEPTH 16

void
json_skip_space (struct json *json)
{
  while (json->at < json->end &&
         (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
    json->at++;
}

/* Is @byte next, after space? Then it is passed. */
bool
json_take (struct json *json, char byte)
{
  json_skip_space (json);
  if (json->at == json->end || *json->at != byte)
    return false;

  json->at++;
  return true;
}

static int
hex_value (char digit)
{
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  if (digit >= 'a' && digit <= 'f')
    return digit - 'a' + 10;
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* The four digits of \u. */
static bool
read_unit (struct json *json, uint32_t *unit)
{
  *unit = 0;
  if (json->end - json->at < 4)
    return false;
  for (int i = 0; i < 4; i++)
    {
      int digit = hex_value (*json->at++);

      if (digit < 0)
        return false;
      *unit = *unit << 4 | (uint32_t) digit;
    }

  return true;
}

/* What is beyond 0xffff is two units; half of such a pair is nothing. */
static bool
read_character (struct json *json, uint32_t *character)
{
  uint32_t low;

  if (!read_unit (json, character))
    return false;
  if (*character < 0xd800 || *character > 0xdfff)
    return true;
  if (*character >= 0xdc00 || json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u')
    return false;
  json->at += 2;
  if (!read_unit (json, &low) || low < 0xdc00 || low > 0xdfff)
    return false;

  *character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
  return true;
}

/* At most four bytes, and six are what it took to write them. */
static size_t
put_character (uint32_t character, char *text)
{
  if (character < 0x80)
    {
      text[0] = (char) character;
      return 1;
    }
  if (character < 0x800)
    {
      text[0] = (char) (0xc0 | character >> 6);
      text[1] = (char) (0x80 | (character & 0x3f));
      return 2;
    }
  if (character < 0x10000)
    {
      text[0] = (char) (0xe0 | character >> 12);
      text[1] = (char) (0x80 | (character >> 6 & 0x3f));
      text[2] = (char) (0x80 | (character & 0x3f));
      return 3;
    }
  text[0] = (char) (0xf0 | character >> 18);
  text[1] = (char) (0x80 | (character >> 12 & 0x3f));
  text[2] = (char) (0x80 | (character >> 6 & 0x3f));
  text[3] = (char) (0x80 | (character & 0x3f));
  return 4;
}

/* Returns the length of what it stands for; 0: nothing. */
static size_t
read_escape (struct json *json, char *text)
{
  static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  const char *found;
  uint32_t character;

  if (json->at == json->end)
    return 0;
  if (*json->at == 'u')
    {
      json->at++;
      return read_character (json, &character) ? put_character (character, text) : 0;
    }
  found = *json->at != '\0' ? strchr (names, *json->at) : NULL;
  if (found == NULL)
    return 0;

  json->at++;
  *text = meanings[found - names];
  return 1;
}

/* Puts what it says into @text (nullable), which may then have NUL in it and is never longer than
 * what stood there: room for the rest of the JSON is always room enough. */
bool
json_read_string (struct json *json, char *text, size_t *length)
{
  char ignored[4] = "";
  size_t n = 0;

  if (!json_take (json, '"'))
    return false;
  while (json->at < json->end)
    {
      char *next = text != NULL ? text + n : ignored;
      unsigned char byte = (unsigned char) *json->at++;
      size_t written = 1;

      if (byte == '"')
        {
          *length = n;
          return true;
        }
      if (byte < 0x20)
        return false;
      if (byte == '\\')
        written = read_escape (json, next);
      else
        *next = (char) byte;
      if (written == 0)
        return false;
      n += written;
    }

  return false;
}

static bool
skip_digits (struct json *json)
{
  const char *start = json->at;

  while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
    json->at++;

  return json->at > start;
}

static bool
skip_number (struct json *json)
{
  if (json->at < json->end && *json->at == '-')
    json->at++;
  if (json->at < json->end && *json->at == '0')
    json->at++;
  else if (!skip_digits (json))
    return false;
  if (json->at < json->end && *json->at == '.')
    {
      json->at++;
      if (!skip_digits (json))
        return false;
    }
  if (json->at == json->end || (*json->at != 'e' && *json->at != 'E'))
    return true;

  json->at++;
  if (json->at < json->end && (*json->at == '+' || *json->at == '-'))
    json->at++;
  return skip_digits (json);
}

static bool
skip_word (struct json *json)
{
  static const char *const words[] = { "true", "false", "null" };

  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    {
      size_t length = strlen (words[i]);

      if ((size_t) (json->end - json->at) >= length && memcmp (json->at, words[i], length) == 0)
        {
          json->at += length;
          return true;
        }
    }

  return false;
}

static bool skip_value (struct json *json, int depth);

static bool
skip_members (struct json *json, bool named, int depth)
{
  char last = named ? '}' : ']';
  size_t length;

  if (depth > MAX_DEPTH)
    return false;
  if (json_take (json, last))
    return true;
  do
    {
      if (named && (!json_read_string (json, NULL, &length) || !json_take (json, ':')))
        return false;
      if (!skip_value (json, depth))
        return false;
    }
  while (json_take (json, ','));

  return json_take (json, last);
}

static bool
skip_value (struct json *json, int depth)
{
  size_t length;

  if (json_take (json, '{'))
    return skip_members (json, true, depth + 1);
  if (json_take (json, '['))
    return skip_members (json, false, depth + 1);
  if (json->at < json->end && *json->at == '"')
    return json_read_string (json, NULL, &length);

  return skip_word (json) || skip_number (json);
}

/* Whatever it is, so that its text lies between the two places. Space before it is passed first,
 * space after it is not. */
bool
json_skip_value (struct json *json)
{
  return skip_value (json, 0);
}
