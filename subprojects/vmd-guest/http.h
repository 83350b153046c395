/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An answer of an HTTP/1.1 server, out of its bytes, wherever they are cut. */

/* Of all lines of the head, and of one of them. */
#define HTTP_MAX_HEAD (16 * 1024)
#define HTTP_MAX_LINE 4096

enum http_state
{
  HTTP_STATUS_LINE,
  HTTP_FIELDS,
  HTTP_BODY, /* @left bytes of it, or without an end */
  HTTP_CHUNK_SIZE,
  HTTP_CHUNK,
  HTTP_CHUNK_END,
  HTTP_TRAILER,
  HTTP_DONE,
};

struct http_answer
{
  enum http_state state;
  unsigned int status;
  bool is_event_stream;
  int64_t retry_after; /* seconds; -1: it says nothing of that */

  bool has_length;
  bool is_chunked;
  uint64_t left; /* of the body, or of a chunk */
  char line[HTTP_MAX_LINE];
  size_t line_length;
  size_t head_length;
  const char *problem; /* why there is no use in reading on */
};

/* False ends it. */
typedef bool http_body_function (const char *bytes, size_t length, void *user);

void http_answer_begin (struct http_answer *answer);
bool http_answer_has_head (const struct http_answer *answer);
bool http_answer_feed (struct http_answer *answer, const char *bytes, size_t length,
                       http_body_function *function, void *user);
bool http_answer_end (struct http_answer *answer);

bool http_is_token (const char *text);
