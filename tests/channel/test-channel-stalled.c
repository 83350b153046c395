/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire-network.h"
#include "wire-stream.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Peers that read nothing any more, or a byte at a time, or that have gone without a word. */

typedef struct
{
  Wire wire;
  WireStream *other; /* follows device "other", and notices nothing */
} Fixture;

typedef struct
{
  guint heartbeat; /* seconds */
  guint lease;
} Pace;

/* Nothing comes of itself, so what does not come is missed; and it is no lease that helps. */
static const Pace slow = { 2 * WIRE_LIMIT, 4 * WIRE_LIMIT };
static const Pace quick = { 1, 1 };

static void
set_up (Fixture *fixture, gconstpointer data)
{
  const Pace *pace = data;
  VmdChannelOptions options;

  wire_options_init (&options);
  options.listen = WIRE_NETWORK_LISTEN;
  options.heartbeat = pace->heartbeat;
  options.lease = pace->lease;
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

static guint64
block (Fixture *fixture)
{
  return wire_block (&fixture->wire, "d", fixture->other, "other");
}

static guint64
get_ends (Fixture *fixture, const char *reason)
{
  g_autofree char *name =
      g_strdup_printf ("vmd_channel_streams_ended_total{reason=\"%s\"}", reason);

  /* What ended last is counted then. */
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  return wire_get_count (&fixture->wire, name);
}

/* -- Whoever reads nothing -- */

/* 54: a handler that sat in a write never saw that it was to end. */
static void
test_revoked_while_blocked (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) stream = wire_stream_open (&fixture->wire, "d", "");
  g_autofree char *farewell = NULL;
  guint64 last;

  block (fixture);
  g_assert_true (
      vmd_broker_end_device (fixture->wire.broker, "d", "first", VMD_SUBSCRIPTION_REVOKED));
  wire_wait_for_connected (&fixture->wire, 1);
  g_assert_cmpuint (get_ends (fixture, "revoked"), ==, 1);
  /* What came of the snapshot is all that comes. */
  farewell = wire_stream_read_end (stream, &last);
  g_assert_cmpstr (farewell, ==, "");
  g_assert_cmpuint (last, ==, 1);
}

static void
test_deleted_while_blocked (Fixture *fixture, gconstpointer data)
{
  WireStream *stream = wire_stream_open (&fixture->wire, "d", "");

  block (fixture);
  memory_directory_remove (fixture->wire.directory, "d");
  wire_wait_for_connected (&fixture->wire, 1);
  g_assert_cmpuint (get_ends (fixture, "deleted"), ==, 1);
  wire_stream_close (stream);
}

/* 54: nobody had a deadline. Nobody ends this one: its lease does. */
static void
test_blocked_until_lease (Fixture *fixture, gconstpointer data)
{
  WireStream *stream = wire_stream_open (&fixture->wire, "d", "");

  block (fixture);
  wire_wait_for_connected (&fixture->wire, 1);
  g_assert_cmpuint (get_ends (fixture, "silent"), ==, 1);
  wire_stream_close (stream);
}

/* 58: streams that were left after a shutdown. One is idle, one blocked, one has asked for half of
 * a thing, one for nothing yet; wire_stop() looks at the time, and at what is left. */
static void
test_shutdown (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) blocked = wire_stream_open (&fixture->wire, "d", "");
  g_autofree char *blocked_end = NULL;
  g_autofree char *other_end = NULL;
  g_autofree char *half_end = NULL;
  g_autofree char *mute_end = NULL;
  int half = wire_connect (&fixture->wire);
  int mute = wire_connect (&fixture->wire);
  guint64 last;

  block (fixture);
  wire_send (half, "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: v");
  vmd_channel_server_stop (fixture->wire.server);
  blocked_end = wire_stream_read_end (blocked, &last);
  g_assert_cmpstr (blocked_end, ==, "");
  other_end = wire_stream_read_end (fixture->other, &last);
  g_assert_cmpstr (other_end, ==, "shutdown");
  half_end = wire_read_all (half);
  mute_end = wire_read_all (mute);
  g_assert_cmpstr (half_end, ==, "");
  g_assert_cmpstr (mute_end, ==, "");
  close (half);
  close (mute);
}

/* 58: streams that were left when what they were opened with was no longer good. This one ends by
 * itself, at the first heartbeat after that. */
static void
test_expired (Fixture *fixture, gconstpointer data)
{
  g_autofree char *farewell = NULL;
  WireStream *stream;
  guint64 last;

  memory_directory_let_expire (fixture->wire.directory, g_get_real_time () + G_USEC_PER_SEC);
  stream = wire_stream_open (&fixture->wire, "d", "");
  farewell = wire_stream_read_end (stream, &last);
  g_assert_cmpstr (farewell, ==, "revoked");
  g_assert_cmpuint (last, ==, 1);
  wire_stream_close (stream);
  wire_wait_for_connected (&fixture->wire, 1);
}

/* -- Whoever reads slowly -- */

/* Payloads that there are; atomic. */
static int n_payloads;

static void
free_payload (gpointer data)
{
  g_atomic_int_add (&n_payloads, -1);
  g_free (data);
}

static void
publish (Fixture *fixture, guint64 version)
{
  g_autofree char *value = g_strnfill (WIRE_TOO_MUCH, 'x');
  char *text = g_strdup_printf ("{\"version\":%" G_GUINT64_FORMAT ",\"values\":{\"key\":\"%s\"}}",
                                version, value);
  g_autoptr (GBytes) payload = g_bytes_new_with_free_func (text, strlen (text), free_payload, text);
  g_autoptr (VmdConfigSnapshot) snapshot = vmd_config_snapshot_new (version, payload);

  g_atomic_int_inc (&n_payloads);
  vmd_broker_publish (fixture->wire.broker, "d", snapshot);
}

/* 59: an unbounded queue, or a publisher that waits, or a newest value that is dropped. The server
 * keeps the one that it is writing and the newest, however many there were; and whoever reads again
 * has the newest, without anything else having to happen. */
static void
test_stopped_reader (Fixture *fixture, gconstpointer data)
{
  const guint64 first = 1000000;
  const guint64 newest = first + scaled (2000);
  g_autoptr (WireStream) stream = wire_stream_open (&fixture->wire, "d", "");
  guint64 version;
  guint n_read = 1;

  wire_stream_read_snapshot (stream);
  publish (fixture, first);
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  for (guint64 i = first + 1; i <= newest; i++)
    {
      publish (fixture, i);
      /* Those two, and the one that publish() had. */
      g_assert_cmpint (g_atomic_int_get (&n_payloads), <=, 3);
    }
  for (version = wire_stream_read_snapshot (stream); version != newest; n_read++)
    {
      guint64 next = wire_stream_read_snapshot (stream);

      g_assert_cmpuint (next, >, version);
      version = next;
    }
  /* The one that was under way, which may have been replaced before it was, and the newest. */
  g_assert_cmpuint (n_read, <=, 2);
}

/* Reads @n bytes, one by one. */
static void
read_slowly (WireStream *stream, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      char byte;

      g_assert_cmpint (recv (stream->fd, &byte, 1, 0), ==, 1);
      g_string_append_c (stream->bytes, byte);
    }
}

/* 59: a request that comes byte by byte, and a reader that takes a hundred bytes of each version:
 * neither holds anybody up, what it reads is whole, and in the end it has the newest. */
static void
test_trickling (Fixture *fixture, gconstpointer data)
{
  static const char request[] = "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\n"
                                "Authorization: Bearer token-d\r\n\r\n";
  WireStream stream = { wire_connect (&fixture->wire), g_string_new (NULL) };
  g_autofree char *header = NULL;
  guint64 newest = 0;
  guint64 version = 0;

  for (const char *next = request; *next != '\0'; next++)
    {
      const char byte[] = { *next, '\0' };

      wire_send (stream.fd, byte);
    }
  header = wire_read_until (stream.fd, ": heartbeat\n\n");
  g_assert_cmpuint (wire_get_status (header), ==, 200);
  for (guint i = 0; i < scaled (400); i++)
    {
      newest = wire_fill (&fixture->wire, "d", fixture->other, "other");
      read_slowly (&stream, 100);
    }
  while (version != newest)
    {
      guint64 next = wire_stream_read_snapshot (&stream);

      g_assert_cmpuint (next, >, version);
      version = next;
    }
  close (stream.fd);
  g_string_free (stream.bytes, TRUE);
}

/* -- Whoever is gone -- */

/* 54, 58: the peer's power goes, or its cable. A heartbeat finds out, and the device is not
 * connected any more; those that are there are not concerned, and when the cable is back, the
 * device has what it missed. */
static void
test_vanished (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) lost = NULL;
  g_autoptr (WireStream) back = NULL;
  guint64 newest;

  lost = wire_stream_new (wire_network_connect_from_afar (&fixture->wire), "d", "");
  wire_stream_read_snapshot (lost);
  g_assert_true (vmd_memory_storage_is_connected (fixture->wire.storage, "d", NULL));
  wire_network_unplug ();
  wire_wait_for_connected (&fixture->wire, 1);
  g_assert_false (vmd_memory_storage_is_connected (fixture->wire.storage, "d", NULL));
  g_assert_cmpuint (get_ends (fixture, "silent"), ==, 1);
  newest = memory_directory_set (fixture->wire.directory, "d", 100);

  wire_network_plug ();
  back = wire_stream_new (wire_network_connect_from_afar (&fixture->wire), "d", "");
  g_assert_cmpuint (wire_stream_read_snapshot (back), ==, newest);
  newest = memory_directory_set (fixture->wire.directory, "d", 100);
  g_assert_cmpuint (wire_stream_read_snapshot (back), ==, newest);
}

/* The same in the middle of a snapshot. */
static void
test_vanished_while_blocked (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) lost = NULL;

  lost = wire_stream_new (wire_network_connect_from_afar (&fixture->wire), "d", "");
  block (fixture);
  wire_network_unplug ();
  wire_wait_for_connected (&fixture->wire, 1);
  g_assert_cmpuint (get_ends (fixture, "silent"), ==, 1);
  wire_network_plug ();
}

/* Whoever comes back by another way does not wait for the lease of what it was. */
static void
test_vanished_and_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) lost = NULL;
  g_autoptr (WireStream) back = NULL;
  guint64 newest;

  lost = wire_stream_new (wire_network_connect_from_afar (&fixture->wire), "d",
                          "Vmd-Instance: same\r\n");
  wire_stream_read_snapshot (lost);
  wire_network_unplug ();
  newest = memory_directory_set (fixture->wire.directory, "d", 100);
  back = wire_stream_open (&fixture->wire, "d", "Vmd-Instance: same\r\n");
  g_assert_cmpuint (wire_stream_read_snapshot (back), ==, newest);
  wire_wait_for_cleanings (&fixture->wire, 1);
  g_assert_true (vmd_memory_storage_is_connected (fixture->wire.storage, "d", NULL));
  g_assert_cmpuint (get_ends (fixture, "superseded"), ==, 1);
  wire_network_plug ();
}

/* 58: nobody answers the shutdown. */
static void
test_vanished_at_shutdown (Fixture *fixture, gconstpointer data)
{
  g_autoptr (WireStream) lost = NULL;

  lost = wire_stream_new (wire_network_connect_from_afar (&fixture->wire), "d", "");
  block (fixture);
  wire_network_unplug ();
  vmd_channel_server_stop (fixture->wire.server);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (fixture->wire.storage), ==, 0);
  wire_network_plug ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  wire_network_enter ();
#define ADD(path, pace, test)                                                                      \
  g_test_add ("/channel-stalled/" path, Fixture, &pace, set_up, test, tear_down)
  ADD ("lesson-54-revoked-while-blocked", slow, test_revoked_while_blocked);
  ADD ("lesson-54-deleted-while-blocked", slow, test_deleted_while_blocked);
  ADD ("lesson-54-blocked-until-lease", quick, test_blocked_until_lease);
  ADD ("lesson-54-vanished", quick, test_vanished);
  ADD ("lesson-54-vanished-while-blocked", quick, test_vanished_while_blocked);
  ADD ("lesson-54-vanished-and-back", slow, test_vanished_and_back);
  ADD ("lesson-58-vanished-at-shutdown", slow, test_vanished_at_shutdown);
  ADD ("lesson-58-expired", quick, test_expired);
  ADD ("lesson-58-shutdown", slow, test_shutdown);
  ADD ("lesson-59-stopped-reader", slow, test_stopped_reader);
  ADD ("lesson-59-trickling", slow, test_trickling);
  return g_test_run ();
}
