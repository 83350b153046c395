/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server that is gone does not always say so: a stream on which nothing has come for the lease,
 * not even a heartbeat, is given up. That time runs from the beginning on, so it bounds connecting
 * and the answer too. */

#include "config-stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEASE (25 * 1000) /* milliseconds */

/* Always returns false, so that `return end_stream (…)` reads well. The first reason counts. */
static bool __attribute__ ((format (printf, 2, 3)))
end_stream (struct config_stream *stream, const char *format, ...)
{
  va_list arguments;

  if (stream->why[0] != '\0')
    return false;
  va_start (arguments, format);
  vsnprintf (stream->why, sizeof stream->why, format, arguments);
  va_end (arguments);
  return false;
}

static bool
take_snapshot (struct config_stream *stream, const char *data, size_t length)
{
  struct config_snapshot *snapshot = config_snapshot_parse (data, length);
  uint64_t version;

  if (snapshot == NULL)
    return end_stream (stream, errno == EBADMSG ? "the server sent values that are none"
                                                : "there is no memory for the values");
  version = snapshot->version;
  if (version <= stream->version)
    {
      config_snapshot_free (snapshot);
      return end_stream (stream, "the server sent version %" PRIu64 " after %" PRIu64, version,
                         stream->version);
    }

  stream->version = version;
  stream->snapshot (stream->user, snapshot);
  return true;
}

/* Events that are not known are for clients of another day. */
static bool
take_event (const char *event, const char *data, size_t length, void *user)
{
  static const char *const ends[] = { "revoked", "deleted", "shutdown" };
  struct config_stream *stream = user;

  if (strcmp (event, "snapshot") == 0)
    return take_snapshot (stream, data, length);
  if (strcmp (event, "superseded") == 0)
    {
      stream->end = CONFIG_STREAM_SUPERSEDED;
      return end_stream (stream, "superseded: another client has connected as this device");
    }
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
    if (strcmp (event, ends[i]) == 0)
      {
        stream->end = CONFIG_STREAM_TOLD;
        return end_stream (stream, "the server ended the stream: %s", ends[i]);
      }

  return true;
}

static bool
take_head (void *user)
{
  struct config_stream *stream = user;
  const struct http_answer *answer = &stream->exchange.answer;

  if (answer->status != 200)
    return end_stream (stream, "the server answered with the status %u", answer->status);
  if (!answer->is_event_stream)
    return end_stream (stream, "the server answered with something that is no event stream");

  stream->opened_at = loop_now ();
  stream->opened (stream->user);
  return true;
}

static bool
take_body (void *user, const char *bytes, size_t length)
{
  struct config_stream *stream = user;

  if (sse_feed (&stream->sse, bytes, length, take_event, stream))
    return true;

  return stream->sse.problem != NULL &&
         end_stream (stream, "the server sent %s", stream->sse.problem);
}

static void
ended (void *user, enum exchange_end end)
{
  struct config_stream *stream = user;

  sse_end (&stream->sse);
  if (end == EXCHANGE_SILENT)
    end_stream (stream, "the server has been silent for too long");
  else if (end == EXCHANGE_BROKEN)
    end_stream (stream, "the server sent %s", stream->exchange.answer.problem);
  else
    end_stream (stream,
                stream->opened_at != 0 ? "the stream was cut" : "the server could not be reached");
  stream->ended (stream->user);
}

/* @last_version: received before, 0: none. Its end may be told before this returns. */
void
config_stream_begin (struct config_stream *stream, uint64_t last_version)
{
  static const struct exchange_functions functions = { take_head, take_body, ended };
  struct exchange *exchange = &stream->exchange;

  sse_begin (&stream->sse);
  stream->version = 0;
  stream->opened_at = 0;
  stream->end = CONFIG_STREAM_CUT;
  stream->why[0] = '\0';
  exchange->is_renewed = true;
  exchange->lease_milliseconds = config_settings_scale (stream->settings, LEASE);
  exchange->has_told_head = false;
  if (!config_settings_write_head (stream->settings, exchange, "GET", "config/stream"))
    {
      end_stream (stream, "there is no id and no token to connect with");
      stream->ended (stream->user);
      return;
    }

  exchange_write (exchange, "Accept: text/event-stream\r\n");
  if (last_version != 0)
    exchange_write (exchange, "Last-Event-ID: %" PRIu64 "\r\n", last_version);
  exchange_write (exchange, "\r\n");
  exchange_begin (exchange, &stream->settings->route, &functions, stream);
}

/* Its end is not told. */
void
config_stream_stop (struct config_stream *stream)
{
  exchange_stop (&stream->exchange);
  sse_end (&stream->sse);
}

/* Milliseconds that it was open. */
int64_t
config_stream_get_duration (const struct config_stream *stream)
{
  return stream->opened_at != 0 ? loop_now () - stream->opened_at : 0;
}
