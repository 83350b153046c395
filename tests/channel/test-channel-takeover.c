/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire-network.h"
#include "wire-stream.h"

#include <string.h>
#include <unistd.h>

/* A new connection takes over, on real sockets: most of the old ones here have a peer that reads
 * nothing any more, so that the server is in the middle of a snapshot that it cannot send. Device
 * "d" is fought for; "other" is to notice nothing. */

#define SAME "Vmd-Instance: same\r\n"

typedef struct
{
  Wire wire;
  WireStream *other;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VmdChannelOptions options;

  wire_options_init (&options);
  /* So that what does not come is missed. */
  options.heartbeat = 2 * WIRE_LIMIT;
  wire_start (&fixture->wire, &options);
  memory_directory_add (fixture->wire.directory, "d");
  memory_directory_add (fixture->wire.directory, "other");
  fixture->other = wire_stream_open (&fixture->wire, "other", "");
  wire_stream_read_snapshot (fixture->other);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  wire_stream_close (fixture->other);
  wire_stop (&fixture->wire);
}

static WireStream *
open_stream (Fixture *fixture, const char *headers)
{
  return wire_stream_open (&fixture->wire, "d", headers);
}

static guint64
block (Fixture *fixture)
{
  return wire_block (&fixture->wire, "d", fixture->other, "other");
}

/* The end of @old, up to the last byte that was sent to it. (transfer full) */
static char *
read_end (WireStream *old)
{
  guint64 last;

  return wire_stream_read_end (old, &last);
}

/* A change reaches @stream: it lives. */
static void
assert_lives (Fixture *fixture, WireStream *stream)
{
  guint64 version = memory_directory_set (fixture->wire.directory, "d", 100);

  g_assert_cmpuint (wire_stream_read_snapshot (stream), ==, version);
}

/* 49: the newcomer read the close request that was meant for the old one. Each time the old one is
 * told and ends, and the newcomer neither is nor does. */
static void
test_close_request_of_the_old (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) live = open_stream (fixture, SAME);

  wire_stream_read_snapshot (live);
  for (guint i = 0; i < scaled (100); i++)
    {
      g_autoptr (WireStream) old = g_steal_pointer (&live);
      g_autofree char *farewell = NULL;

      live = open_stream (fixture, SAME);
      farewell = read_end (old);
      g_assert_cmpstr (farewell, ==, "superseded");
      wire_stream_read_snapshot (live);
      assert_lives (fixture, live);
    }
  g_assert_cmpuint (vmd_broker_get_n_live (fixture->wire.broker), ==, 2);
}

/* 50: a failed write left a request behind that ended whoever came next. Here the peer resets the
 * connection with a snapshot half written, again and again, and the next one always lives. */
static void
test_failed_writes (Fixture *fixture, gconstpointer data)
{
  const guint n = scaled (50);

  for (guint i = 0; i < n; i++)
    {
      WireStream *stream = open_stream (fixture, SAME);

      wire_stream_read_snapshot (stream);
      assert_lives (fixture, stream);
      block (fixture);
      wire_stream_reset (stream);
      wire_wait_for_cleanings (&fixture->wire, i + 1);
      /* The next one's first snapshot is small. */
      memory_directory_set (fixture->wire.directory, "d", 1);
    }
  wire_wait_for_connected (&fixture->wire, 1);
  /* What ended last is counted then. */
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  g_assert_cmpuint (
      wire_get_count (&fixture->wire, "vmd_channel_streams_ended_total{reason=\"left\"}"), ==, n);
}

/* 51: the third connection blocked, mutex in hand, and every device stood still. */
static void
test_third_connection (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) first = open_stream (fixture, SAME);
  g_autoptr (WireStream) second = NULL;
  g_autoptr (WireStream) third = NULL;
  g_autofree char *first_end = NULL;
  g_autofree char *second_end = NULL;
  guint64 newest;

  block (fixture);
  second = open_stream (fixture, SAME);
  newest = block (fixture);
  third = open_stream (fixture, SAME);
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  g_assert_cmpuint (wire_stream_read_snapshot (third), ==, newest);
  assert_lives (fixture, third);
  /* There was no room to tell them. */
  first_end = read_end (first);
  second_end = read_end (second);
  g_assert_cmpstr (first_end, ==, "");
  g_assert_cmpstr (second_end, ==, "");
}

/* 52: the old connection's late clean-up unsubscribed the newcomer, in memory and in the store.
 * Here it is waited for, and both still have the newcomer. */
static void
test_late_clean_up (Fixture *fixture, gconstpointer data)
{
  const guint n = scaled (50);
  WireStream *live = open_stream (fixture, SAME);

  for (guint i = 0; i < n; i++)
    {
      WireStream *old = live;
      g_auto (VmdBrokerStatus) status = { 0 };
      guint64 generation = 0;

      block (fixture);
      live = open_stream (fixture, SAME);
      wire_wait_for_cleanings (&fixture->wire, i + 1);
      vmd_broker_get_status (fixture->wire.broker, "d", &status);
      g_assert_true (status.connected);
      g_assert_true (vmd_memory_storage_is_connected (fixture->wire.storage, "d", &generation));
      g_assert_cmpuint (generation, ==, status.generation);
      wire_stream_read_snapshot (live);
      wire_stream_close (old);
    }
  /* What ended last is counted then. */
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  g_assert_cmpuint (
      wire_get_count (&fixture->wire, "vmd_channel_streams_ended_total{reason=\"superseded\"}"), ==,
      n);
  assert_lives (fixture, live);
  wire_stream_close (live);
}

/* 53: the old handler took an event and wrote it into a dead socket, or wrote an old one after the
 * newcomer's snapshot. What the old one had taken the newcomer has, and once it has, nothing more
 * goes to the old one: there is not one whole event of it, however long one reads. */
static void
test_old_events (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < scaled (50); i++)
    {
      g_autoptr (WireStream) old = open_stream (fixture, SAME);
      g_autoptr (WireStream) new = NULL;
      g_autofree char *farewell = NULL;
      guint64 current = wire_stream_read_snapshot (old);
      guint64 newest = block (fixture);
      guint64 last;

      new = open_stream (fixture, SAME);
      g_assert_cmpuint (wire_stream_read_snapshot (new), ==, newest);
      assert_lives (fixture, new);
      farewell = wire_stream_read_end (old, &last);
      g_assert_cmpuint (last, ==, 0);
      g_assert_cmpuint (current, <, newest);
      g_assert_cmpstr (farewell, ==, "");
    }
}

/* As text, since it is refused. (transfer full) */
static char *
ask_for_stream (Fixture *fixture, const char *token, const char *headers)
{
  g_autofree char *request =
      g_strdup_printf ("GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\n"
                       "Connection: close\r\nAuthorization: %s\r\n%s\r\n",
                       token, headers);

  return wire_ask (&fixture->wire, request);
}

/* 56: two with one identity evicted each other for ever, and nobody was told. After five times the
 * one that is there stays, and it can be seen who tried. */
static void
test_contest (Fixture *fixture, gconstpointer data)
{
  static const char *const headers[] = { "Vmd-Instance: a\r\n", "Vmd-Instance: b\r\n" };
  WireStream *live = open_stream (fixture, headers[0]);
  g_auto (VmdBrokerStatus) status = { 0 };
  g_auto (VmdBrokerStatus) settled = { 0 };
  g_autofree char *refusal = NULL;

  for (guint i = 1; i <= 5; i++)
    {
      WireStream *newcomer = open_stream (fixture, headers[i % 2]);
      g_autofree char *farewell = read_end (live);

      g_assert_cmpstr (farewell, ==, "superseded");
      wire_stream_close (live);
      live = newcomer;
    }
  refusal = ask_for_stream (fixture, "Bearer token-d", headers[0]);
  g_assert_cmpuint (wire_get_status (refusal), ==, 409);
  g_assert_nonnull (strstr (refusal, "\r\nRetry-After: 10\r\n"));
  vmd_broker_get_status (fixture->wire.broker, "d", &status);
  g_assert_true (status.contested);
  g_assert_true (g_str_has_prefix (status.rival, "127.0.0.1:"));
  g_assert_cmpstr (status.rival, !=, status.peer);
  wire_stream_read_snapshot (live);
  assert_lives (fixture, live);

  /* The one that is there may reconnect, as often as it has to. */
  for (guint i = 0; i < 10; i++)
    {
      WireStream *again = open_stream (fixture, headers[1]);

      wire_stream_read_snapshot (again);
      wire_stream_close (live);
      live = again;
    }
  /* And once it has gone, it is nobody's. */
  wire_stream_close (live);
  wire_wait_for_connected (&fixture->wire, 1);
  live = open_stream (fixture, headers[0]);
  vmd_broker_get_status (fixture->wire.broker, "d", &settled);
  g_assert_false (settled.contested);
  wire_stream_close (live);
}

/* 57: whoever knew the id took over. Nothing but the device's own token does. */
static void
test_authentication_first (Fixture *fixture, gconstpointer data)
{
  /* NULL: the administrator's. */
  static const char *const tokens[] = { "Bearer wrong",  "Bearer ", "token-d",
                                        "Basic token-d", NULL,      "Bearer token-other" };
  g_autoptr (WireStream) live = open_stream (fixture, SAME);
  guint64 generation = 0, generation_then = 0;

  wire_stream_read_snapshot (live);
  vmd_memory_storage_is_connected (fixture->wire.storage, "d", &generation);
  for (guint i = 0; i < G_N_ELEMENTS (tokens); i++)
    {
      const char *token = tokens[i] != NULL ? tokens[i] : "Bearer " MEMORY_ADMIN_TOKEN;
      g_autofree char *answer = ask_for_stream (fixture, token, SAME);

      g_assert_cmpuint (wire_get_status (answer), ==, 401);
      assert_lives (fixture, live);
    }
  g_assert_true (vmd_memory_storage_is_connected (fixture->wire.storage, "d", &generation_then));
  g_assert_cmpuint (generation_then, ==, generation);
}

/* 57: a token that is revoked between the look at it and the takeover opens nothing that lasts: it
 * is looked at once more when a revocation would find the stream. */
static void
test_revoked_on_the_way (Fixture *fixture, gconstpointer data)
{
  WireStream *stream;
  g_autofree char *farewell = NULL;
  g_autofree char *refusal = NULL;
  guint64 last;

  memory_directory_revoke_after (fixture->wire.directory, 1);
  stream = open_stream (fixture, SAME);
  farewell = wire_stream_read_end (stream, &last);
  g_assert_cmpstr (farewell, ==, "revoked");
  g_assert_cmpuint (last, ==, 0);
  wire_stream_close (stream);
  wire_wait_for_connected (&fixture->wire, 1);
  refusal = ask_for_stream (fixture, "Bearer token-d", SAME);
  g_assert_cmpuint (wire_get_status (refusal), ==, 401);
}

/* 60: a thousand takeovers, each from one that is blocked: the newest always lives, and the other
 * device has its own changes between any two. Half of the newcomers read what they are sent. */
static void
test_thousand_takeovers (Fixture *fixture, gconstpointer data)
{
  const guint n = scaled (1000);
  WireStream *live = open_stream (fixture, SAME);

  for (guint i = 0; i < n; i++)
    {
      WireStream *old = live;
      guint64 newest = wire_fill (&fixture->wire, "d", fixture->other, "other");
      g_autofree char *farewell = NULL;

      live = open_stream (fixture, SAME);
      wire_stream_pass (fixture->other, &fixture->wire, "other");
      if ((n - i) % 2 == 0)
        g_assert_cmpuint (wire_stream_read_snapshot (live), ==, newest);
      g_assert_cmpuint (vmd_broker_get_n_live (fixture->wire.broker), ==, 2);
      /* It was in the middle of something, else it would have been told. */
      farewell = read_end (old);
      g_assert_cmpstr (farewell, ==, "");
      wire_stream_close (old);
    }
  wire_wait_for_cleanings (&fixture->wire, n);
  wire_stream_read_snapshot (live);
  assert_lives (fixture, live);
  wire_stream_close (live);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  wire_network_enter ();
#define ADD(path, test)                                                                            \
  g_test_add ("/channel-takeover/" path, Fixture, NULL, set_up, test, tear_down)
  ADD ("lesson-49-close-request-of-the-old", test_close_request_of_the_old);
  ADD ("lesson-50-failed-writes", test_failed_writes);
  ADD ("lesson-51-third-connection", test_third_connection);
  ADD ("lesson-52-late-clean-up", test_late_clean_up);
  ADD ("lesson-53-old-events", test_old_events);
  ADD ("lesson-56-contest", test_contest);
  ADD ("lesson-57-authentication-first", test_authentication_first);
  ADD ("lesson-57-revoked-on-the-way", test_revoked_on_the_way);
  ADD ("lesson-60-thousand-takeovers", test_thousand_takeovers);
  return g_test_run ();
}
