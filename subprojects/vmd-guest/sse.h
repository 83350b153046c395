/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Out of the bytes of an event stream come its events, wherever the bytes are cut. */

/* Of a line, and of the data of an event; doc/config-channel.md promises less. */
#define SSE_MAX (128 * 1024)
#define SSE_MAX_NAME 31

/* Bytes that grow up to SSE_MAX. */
struct sse_text
{
  char *bytes; /* NULL: nothing */
  size_t length;
  size_t allocated;
};

struct sse
{
  struct sse_text line; /* that is being read */
  bool after_return; /* a line ended with CR; a LF next belongs to it */
  bool after_first_line; /* a byte order mark counts no more */

  /* Of the event that is being read. */
  char name[SSE_MAX_NAME + 1]; /* "" where the stream gives none that could be known */
  struct sse_text data;
  bool has_data;

  const char *problem; /* why the stream is not to be read any further */
};

/* False ends the stream. @event: its name, "" also for one without; @data may have no NUL in it. */
typedef bool sse_event_function (const char *event, const char *data, size_t length, void *user);

void sse_begin (struct sse *sse);
void sse_end (struct sse *sse);
bool sse_feed (struct sse *sse, const char *bytes, size_t length, sse_event_function *function,
               void *user);
