/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The event stream of the HTML standard, read as the standard says, with two differences, since
 * whoever sends may be hostile: a line and an event have a size that they may not exceed, and NUL
 * ends the stream. Ids are not looked at, for a snapshot has its version in it. A stream that is
 * cut in an event has not sent that event: nothing is told before its blank line. */

#include "sse.h"

#include <stdlib.h>
#include <string.h>

void
sse_begin (struct sse *sse)
{
  memset (sse, 0, sizeof *sse);
}

static void
forget_text (struct sse_text *text)
{
  free (text->bytes);
  memset (text, 0, sizeof *text);
}

void
sse_end (struct sse *sse)
{
  forget_text (&sse->line);
  forget_text (&sse->data);
}

static bool
fail (struct sse *sse, const char *problem)
{
  sse->problem = problem;
  return false;
}

/* There is a NUL after it always. */
static bool
append (struct sse *sse, struct sse_text *text, const char *bytes, size_t length)
{
  size_t wanted = text->length + length + 1;

  if (length > SSE_MAX - text->length)
    return fail (sse, "a line or an event that is too long");
  if (wanted > text->allocated)
    {
      size_t size = wanted * 2 < SSE_MAX + 1 ? wanted * 2 : SSE_MAX + 1;
      char *grown = realloc (text->bytes, size);

      if (grown == NULL)
        return fail (sse, "more than there is memory for");
      text->bytes = grown;
      text->allocated = size;
    }
  if (length > 0)
    memcpy (text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = '\0';
  return true;
}

/* At a blank line. Without a line of data there was no event. */
static bool
dispatch (struct sse *sse, sse_event_function *function, void *user)
{
  bool good = !sse->has_data || function (sse->name, sse->data.bytes, sse->data.length, user);

  /* A large event leaves no large memory behind. */
  forget_text (&sse->data);
  sse->has_data = false;
  sse->name[0] = '\0';
  return good;
}

/* Fields that are not known are for clients of another day. */
static bool
take_field (struct sse *sse, const char *name, const char *value)
{
  if (strcmp (name, "event") == 0)
    {
      size_t length = strlen (value);

      if (length > SSE_MAX_NAME)
        length = 0;
      memcpy (sse->name, value, length);
      sse->name[length] = '\0';
    }
  if (strcmp (name, "data") != 0)
    return true;
  if (sse->has_data && !append (sse, &sse->data, "\n", 1))
    return false;

  sse->has_data = true;
  return append (sse, &sse->data, value, strlen (value));
}

static bool
take_line (struct sse *sse, sse_event_function *function, void *user)
{
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  char *line = sse->line.bytes;
  char *value;

  if (strlen (line) != sse->line.length)
    return fail (sse, "a NUL byte");
  if (!sse->after_first_line && strncmp (line, byte_order_mark, strlen (byte_order_mark)) == 0)
    line += strlen (byte_order_mark);
  sse->after_first_line = true;
  if (*line == '\0')
    return dispatch (sse, function, user);
  if (*line == ':')
    return true;

  value = strchr (line, ':');
  if (value == NULL)
    return take_field (sse, line, "");
  *value++ = '\0';
  return take_field (sse, line, *value == ' ' ? value + 1 : value);
}

/* A large line leaves no large memory behind either. */
static void
forget_line (struct sse *sse)
{
  if (sse->line.allocated > 4096)
    forget_text (&sse->line);
  sse->line.length = 0;
}

/* False: the stream is not to be read any further; the problem is told, or the function said so. */
bool
sse_feed (struct sse *sse, const char *bytes, size_t length, sse_event_function *function,
          void *user)
{
  const char *end = bytes + length;

  while (bytes < end)
    {
      const char *stop = bytes;

      if (sse->after_return && *bytes == '\n')
        stop = ++bytes;
      sse->after_return = false;
      while (stop < end && *stop != '\n' && *stop != '\r')
        stop++;
      if (!append (sse, &sse->line, bytes, (size_t) (stop - bytes)))
        return false;
      if (stop == end)
        return true;
      sse->after_return = *stop == '\r';
      if (!take_line (sse, function, user))
        return false;
      forget_line (sse);
      bytes = stop + 1;
    }

  return true;
}
