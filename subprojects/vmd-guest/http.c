/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Strict: what comes over the channel comes from vmd, or from something between that speaks HTTP as
 * it is written down. Lines end with CR LF, names have no space after them, no line is continued,
 * and a body has one length and not two. The rest of the standard that one who asks must know is
 * here: bodies with a length, in chunks, and up to the end of the connection, and heads of the
 * status 1xx before that which counts. */

#include "http.h"

#include <string.h>
#include <strings.h>

void
http_answer_begin (struct http_answer *answer)
{
  memset (answer, 0, sizeof *answer);
  answer->retry_after = -1;
}

static bool
fail (struct http_answer *answer, const char *problem)
{
  answer->problem = problem;
  return false;
}

static bool
is_digit (char byte)
{
  return byte >= '0' && byte <= '9';
}

static bool
is_letter (char byte)
{
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Of a header's name. */
static bool
is_name_byte (char byte)
{
  return is_digit (byte) || is_letter (byte) ||
         (byte != '\0' && strchr ("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* May it stand in a header as somebody's id or token? */
bool
http_is_token (const char *text)
{
  size_t i;

  for (i = 0; text[i] != '\0'; i++)
    if (!is_digit (text[i]) && !is_letter (text[i]) && strchr ("-._~+/=", text[i]) == NULL)
      return false;

  return i > 0;
}

/* Of 63 bits, so that no sum of two is too much. False: something else stands there. */
static bool
read_number (const char *text, uint64_t *number)
{
  *number = 0;
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++)
    {
      uint64_t digit = (uint64_t) (*text - '0');

      if (!is_digit (*text) || *number > (INT64_MAX - digit) / 10)
        return false;
      *number = *number * 10 + digit;
    }

  return true;
}

/* "HTTP/1.1 200 OK" */
static bool
take_status_line (struct http_answer *answer, const char *line)
{
  if (strncmp (line, "HTTP/1.", 7) != 0 || !is_digit (line[7]) || line[8] != ' ' || line[9] < '1' ||
      line[9] > '5' || !is_digit (line[10]) || !is_digit (line[11]) ||
      (line[12] != ' ' && line[12] != '\0'))
    return fail (answer, "something that is no answer of HTTP");

  answer->status = (unsigned int) ((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
  answer->state = HTTP_FIELDS;
  return true;
}

static bool
take_length (struct http_answer *answer, const char *value)
{
  uint64_t length;

  if (!read_number (value, &length) || answer->is_chunked ||
      (answer->has_length && answer->left != length))
    return fail (answer, "a body whose length is not clear");

  answer->has_length = true;
  answer->left = length;
  return true;
}

static bool
take_encoding (struct http_answer *answer, const char *value)
{
  if (strcasecmp (value, "chunked") != 0 || answer->has_length || answer->is_chunked)
    return fail (answer, "a body that is encoded in an unknown way");

  answer->is_chunked = true;
  return true;
}

static bool
take_value (struct http_answer *answer, const char *name, const char *value)
{
  static const char event_stream[] = "text/event-stream";
  uint64_t seconds;

  if (strcasecmp (name, "Content-Length") == 0)
    return take_length (answer, value);
  if (strcasecmp (name, "Transfer-Encoding") == 0)
    return take_encoding (answer, value);
  if (strcasecmp (name, "Content-Type") == 0)
    {
      size_t length = strlen (event_stream);

      answer->is_event_stream =
          strncasecmp (value, event_stream, length) == 0 && strchr ("; \t", value[length]) != NULL;
    }
  else if (strcasecmp (name, "Retry-After") == 0 && read_number (value, &seconds))
    answer->retry_after = (int64_t) seconds;
  return true;
}

static bool
take_field (struct http_answer *answer, char *line)
{
  char *value = line;
  char *end = line + answer->line_length;

  while (is_name_byte (*value))
    value++;
  if (value == line || *value != ':')
    return fail (answer, "a header that is none");
  *value++ = '\0';
  while (*value == ' ' || *value == '\t')
    value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
    *--end = '\0';

  return take_value (answer, line, value);
}

/* At the blank line after the head. */
static void
begin_body (struct http_answer *answer)
{
  bool has_none = answer->status == 204 || answer->status == 304;

  if (answer->status < 200)
    {
      size_t length = answer->head_length;

      http_answer_begin (answer);
      answer->head_length = length;
    }
  else if (has_none || (answer->has_length && answer->left == 0))
    answer->state = HTTP_DONE;
  else
    answer->state = answer->is_chunked ? HTTP_CHUNK_SIZE : HTTP_BODY;
}

/* "1f" or "1f;name=value" */
static bool
take_chunk_size (struct http_answer *answer, const char *line)
{
  const char *next = line;

  for (answer->left = 0; *next != '\0' && *next != ';'; next++)
    {
      const char *digits = "0123456789abcdef";
      const char *found = strchr (digits, *next | 0x20);

      if (found == NULL || next - line == 8 || (*next < 'A' && !is_digit (*next)))
        return fail (answer, "a chunk without length");
      answer->left = answer->left << 4 | (uint64_t) (found - digits);
    }
  if (next == line)
    return fail (answer, "a chunk without length");

  answer->state = answer->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
  return true;
}

static bool
take_line (struct http_answer *answer)
{
  char *line = answer->line;

  switch (answer->state)
    {
    case HTTP_STATUS_LINE:
      return take_status_line (answer, line);
    case HTTP_FIELDS:
      if (*line != '\0')
        return take_field (answer, line);
      begin_body (answer);
      return true;
    case HTTP_CHUNK_SIZE:
      answer->head_length = 0;
      return take_chunk_size (answer, line);
    case HTTP_CHUNK_END:
      answer->state = HTTP_CHUNK_SIZE;
      return *line == '\0' || fail (answer, "a chunk that is too long");
    case HTTP_TRAILER:
      if (*line == '\0')
        answer->state = HTTP_DONE;
      return true;
    default:
      return false;
    }
}

/* One byte of a line, which is taken at its end. */
static bool
take_line_byte (struct http_answer *answer, char byte)
{
  size_t length = answer->line_length;
  bool after_return = length > 0 && answer->line[length - 1] == '\r';

  if (++answer->head_length > HTTP_MAX_HEAD || length == sizeof answer->line)
    return fail (answer, "a head that is too long");
  if (byte == '\0' || (byte == '\n') != after_return)
    return fail (answer, "a head with a strange byte in it");
  if (byte != '\n')
    {
      answer->line[answer->line_length++] = byte;
      return true;
    }

  answer->line_length = length - 1;
  answer->line[length - 1] = '\0';
  if (!take_line (answer))
    return false;
  answer->line_length = 0;
  return true;
}

/* Some bytes of the body; how many were taken, 0: reading is over. */
static size_t
take_body (struct http_answer *answer, const char *bytes, size_t length,
           http_body_function *function, void *user)
{
  bool is_bounded = answer->state == HTTP_CHUNK || answer->has_length;
  size_t taken = is_bounded && length > answer->left ? (size_t) answer->left : length;

  if (!function (bytes, taken, user))
    return 0;
  if (!is_bounded)
    return taken;
  answer->left -= taken;
  if (answer->left == 0)
    answer->state = answer->state == HTTP_CHUNK ? HTTP_CHUNK_END : HTTP_DONE;

  return taken;
}

bool
http_answer_has_head (const struct http_answer *answer)
{
  return answer->state >= HTTP_BODY;
}

/* Gives the bytes of the body to @function. What comes after the answer is nobody's: the
 * connection is for one. False: the function said so, or there is a problem. */
bool
http_answer_feed (struct http_answer *answer, const char *bytes, size_t length,
                  http_body_function *function, void *user)
{
  while (length > 0 && answer->state != HTTP_DONE)
    {
      size_t taken = 1;

      if (answer->state == HTTP_BODY || answer->state == HTTP_CHUNK)
        taken = take_body (answer, bytes, length, function, user);
      else if (!take_line_byte (answer, *bytes))
        return false;
      if (taken == 0)
        return false;
      bytes += taken;
      length -= taken;
    }

  return true;
}

/* At the end of the connection: is the answer whole? */
bool
http_answer_end (struct http_answer *answer)
{
  if (answer->state == HTTP_BODY && !answer->has_length)
    answer->state = HTTP_DONE;

  return answer->state == HTTP_DONE;
}
