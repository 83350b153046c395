/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "wire-stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
wire_event_clear (WireEvent *event)
{
  g_clear_pointer (&event->text, g_free);
}

WireStream *
wire_stream_new (int fd, const char *device, const char *headers)
{
  WireStream *self = g_new0 (WireStream, 1);

  self->fd = fd;
  self->bytes = g_string_new (NULL);
  wire_subscribe_on (fd, device, headers);
  return self;
}

WireStream *
wire_stream_open (Wire *wire, const char *device, const char *headers)
{
  return wire_stream_new (wire_connect (wire), device, headers);
}

void
wire_stream_close (WireStream *self)
{
  close (self->fd);
  g_string_free (self->bytes, TRUE);
  g_free (self);
}

void
wire_stream_reset (WireStream *self)
{
  const struct linger at_once = { .l_onoff = 1 };

  setsockopt (self->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  wire_stream_close (self);
}

/* FALSE: the connection has ended, one way or another. */
static gboolean
receive (WireStream *self)
{
  char bytes[16 * 1024];
  gssize got = recv (self->fd, bytes, sizeof bytes, 0);

  /* The time limit is a hang. */
  g_assert_true (got >= 0 || errno != EAGAIN);
  if (got > 0)
    g_string_append_len (self->bytes, bytes, got);
  return got > 0;
}

/* Up to and without the blank line; NULL: there was none. (transfer full) */
static char *
dup_block (WireStream *self)
{
  gsize looked_at = 0;
  const char *end;
  char *block;

  while ((end = strstr (self->bytes->str + looked_at, "\n\n")) == NULL)
    {
      looked_at = MAX (self->bytes->len, 1) - 1;
      if (!receive (self))
        return NULL;
    }
  block = g_strndup (self->bytes->str, end - self->bytes->str);
  g_string_erase (self->bytes, 0, end + 2 - self->bytes->str);
  return block;
}

static void
parse_snapshot (const char *block, WireEvent *event)
{
  g_auto (GStrv) lines = g_strsplit (block, "\n", -1);
  g_autofree char *data = NULL;

  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_true (g_str_has_prefix (lines[1], "id: "));
  g_assert_true (g_ascii_string_to_unsigned (lines[1] + strlen ("id: "), 10, 1, G_MAXUINT64,
                                             &event->version, NULL));
  data = g_strdup_printf ("data: {\"version\":%" G_GUINT64_FORMAT ",\"values\":{", event->version);
  g_assert_true (g_str_has_prefix (lines[2], data));
  g_assert_true (g_str_has_suffix (lines[2], "}}"));
}

void
wire_stream_next (WireStream *self, WireEvent *event)
{
  g_autofree char *block = NULL;

  *event = (WireEvent){ .kind = WIRE_EVENT_CUT };
  while ((block = dup_block (self)) != NULL && g_str_equal (block, ": heartbeat"))
    g_clear_pointer (&block, g_free);
  if (block == NULL)
    {
      event->text = g_strdup (self->bytes->str);
      return;
    }
  g_assert_true (g_str_has_prefix (block, "event: "));
  if (g_str_has_prefix (block, "event: snapshot\n"))
    {
      event->kind = WIRE_EVENT_SNAPSHOT;
      parse_snapshot (block, event);
      return;
    }
  event->kind = WIRE_EVENT_FAREWELL;
  event->text = g_strndup (block + strlen ("event: "), strcspn (block + strlen ("event: "), "\n"));
}

guint64
wire_stream_read_snapshot (WireStream *self)
{
  g_auto (WireEvent) event = { WIRE_EVENT_CUT };

  wire_stream_next (self, &event);
  if (event.kind != WIRE_EVENT_SNAPSHOT)
    g_error ("no snapshot came, but: %s", event.text);
  return event.version;
}

char *
wire_stream_read_end (WireStream *self, guint64 *last)
{
  g_autofree char *farewell = g_strdup ("");

  *last = 0;
  while (TRUE)
    {
      g_auto (WireEvent) event = { WIRE_EVENT_CUT };

      wire_stream_next (self, &event);
      if (event.kind == WIRE_EVENT_CUT)
        return g_steal_pointer (&farewell);
      /* Nothing comes after a farewell. */
      g_assert_cmpstr (farewell, ==, "");
      if (event.kind == WIRE_EVENT_FAREWELL)
        {
          g_free (farewell);
          farewell = g_steal_pointer (&event.text);
          continue;
        }
      g_assert_cmpuint (event.version, >, *last);
      *last = event.version;
    }
}

void
wire_stream_pass (WireStream *self, Wire *wire, const char *device)
{
  for (guint i = 0; i < 2; i++)
    {
      guint64 version = memory_directory_set (wire->directory, device, 1);

      g_assert_cmpuint (wire_stream_read_snapshot (self), ==, version);
    }
}

/* The peer has its first bytes while the thread that began the stream has still to hand it on; only
 * then does the streams' thread look at it. */
guint64
wire_fill (Wire *wire, const char *device, WireStream *other, const char *other_device)
{
  guint64 version;

  g_free (wire_ask (wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n"));
  version = memory_directory_set (wire->directory, device, WIRE_TOO_MUCH);
  wire_stream_pass (other, wire, other_device);
  return version;
}

guint64
wire_block (Wire *wire, const char *device, WireStream *other, const char *other_device)
{
  guint64 before, after, version;

  wire_fill (wire, device, other, other_device);
  before = wire_get_count (wire, "vmd_channel_snapshots_total");
  version = wire_fill (wire, device, other, other_device);
  after = wire_get_count (wire, "vmd_channel_snapshots_total");
  /* Those of the other one, and nothing else. */
  g_assert_cmpuint (after - before, ==, 2);
  return version;
}
