/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nothing is read beyond the request, since what follows it is the command's own input. All of it
 * is checked before any of it counts. */

#include "standby-request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many of @length bytes came before the end of the input, or an error. */
static size_t
read_up_to (int fd, void *bytes, size_t length)
{
  size_t done = 0;
  ssize_t n = 1;

  while (done < length && (n > 0 || (n < 0 && errno == EINTR)))
    {
      n = read (fd, (char *) bytes + done, length - done);
      done += n > 0 ? (size_t) n : 0;
    }

  return done;
}

/* The next string, which lies within the bytes: the last of these is zero. */
static char *
take_string (char **rest)
{
  char *string = *rest;

  *rest += strlen (string) + 1;
  return string;
}

static size_t
count_strings (const char *bytes, size_t length)
{
  size_t n = 0;

  for (size_t i = 0; i < length; i++)
    n += bytes[i] == 0;

  return n;
}

/* Points into the bytes, of which the last is zero. */
static bool
find_parts (struct standby_request *self, char *end)
{
  char *rest = self->bytes;
  char **next = self->environment;

  self->directory = take_string (&rest);
  if (self->directory[0] == 0)
    self->directory = NULL;
  if (rest == end)
    return false;
  self->line = take_string (&rest);
  while (rest < end && *rest != 0)
    {
      *next++ = take_string (&rest);
      self->n_environment++;
    }
  if (rest == end)
    return false;
  take_string (&rest);
  next++;
  self->arguments = next;
  while (rest < end)
    *next++ = take_string (&rest);

  return self->arguments[0] != NULL;
}

/* Takes @bytes, which come from malloc(), whatever comes of them; false leaves nothing to clear. */
bool
standby_request_parse (struct standby_request *self, char *bytes, size_t length)
{
  *self = (struct standby_request){ .bytes = bytes };
  /* One for each string is enough for both lists with their ends: two strings are in neither, and
   * one is the end of the first. */
  if (length > 0 && bytes[length - 1] == 0)
    self->environment = calloc (count_strings (bytes, length), sizeof *self->environment);
  if (self->environment != NULL && find_parts (self, bytes + length))
    return true;
  standby_request_clear (self);

  return false;
}

enum standby_input
standby_request_read (struct standby_request *self, int fd)
{
  unsigned char header[4];
  size_t had = read_up_to (fd, header, sizeof header);
  size_t length;
  char *bytes;

  if (had == 0)
    return STANDBY_INPUT_ENDED;
  if (had < sizeof header)
    return STANDBY_INPUT_BAD;
  length = (size_t) header[0] << 24 | (size_t) header[1] << 16 | (size_t) header[2] << 8 |
           (size_t) header[3];
  if (length == 0 || length > STANDBY_REQUEST_MAX)
    return STANDBY_INPUT_BAD;
  bytes = malloc (length);
  if (bytes == NULL)
    return STANDBY_INPUT_BAD;
  if (read_up_to (fd, bytes, length) < length)
    {
      free (bytes);
      return STANDBY_INPUT_BAD;
    }

  return standby_request_parse (self, bytes, length) ? STANDBY_INPUT_REQUEST : STANDBY_INPUT_BAD;
}

void
standby_request_clear (struct standby_request *self)
{
  free (self->environment);
  free (self->bytes);
  *self = (struct standby_request){ .bytes = NULL };
}
