/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire-stream.h"

/* 55: a change between the snapshot and the subscription was lost, or sent twice, or out of order.
 * There is one change for each connection, at some moment of its making, so that one that is lost
 * is not made good by the next. */

typedef struct
{
  Wire wire;
  GAsyncQueue *orders; /* of microseconds to wait before a set, and one */
  GAsyncQueue *versions; /* of what was set */
  GThread *setter;
  gint64 duration; /* of the last opening; microseconds */
} Fixture;

#define NO_MORE_ORDERS G_MAXUINT

static gpointer
set_when_ordered (gpointer data)
{
  Fixture *fixture = data;
  guint order;

  while ((order = GPOINTER_TO_UINT (g_async_queue_pop (fixture->orders))) != NO_MORE_ORDERS)
    {
      gint64 moment = g_get_monotonic_time () + order - 1;

      while (g_get_monotonic_time () < moment)
        continue;
      g_async_queue_push (fixture->versions, GSIZE_TO_POINTER (memory_directory_set (
                                                 fixture->wire.directory, "d", 100)));
    }
  return NULL;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VmdChannelOptions options;

  wire_options_init (&options);
  /* So that what does not come is missed. */
  options.heartbeat = 2 * WIRE_LIMIT;
  wire_start (&fixture->wire, &options);
  memory_directory_add (fixture->wire.directory, "d");
  fixture->orders = g_async_queue_new ();
  fixture->versions = g_async_queue_new ();
  fixture->setter = g_thread_new ("setter", set_when_ordered, fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_async_queue_push (fixture->orders, GUINT_TO_POINTER (NO_MORE_ORDERS));
  g_thread_join (fixture->setter);
  g_async_queue_unref (fixture->orders);
  g_async_queue_unref (fixture->versions);
  wire_stop (&fixture->wire);
}

/* *@version: what was set meanwhile. */
static WireStream *
open_while_setting (Fixture *fixture, const char *headers, guint64 *version)
{
  gint64 begin = g_get_monotonic_time ();
  gint32 wait = g_random_int_range (0, CLAMP (fixture->duration, 1, G_USEC_PER_SEC));
  WireStream *stream;

  g_async_queue_push (fixture->orders, GUINT_TO_POINTER (wait + 1));
  stream = wire_stream_open (&fixture->wire, "d", headers);
  fixture->duration = g_get_monotonic_time () - begin;
  *version = GPOINTER_TO_SIZE (g_async_queue_pop (fixture->versions));
  return stream;
}

/* Reads until it has @version, and nothing on the way that was there before; then ends it, and
 * nothing has come after it. */
static void
follow (Fixture *fixture, WireStream *stream, guint64 last, guint64 version)
{
  g_autofree char *farewell = NULL;

  while (last < version)
    {
      guint64 next = wire_stream_read_snapshot (stream);

      g_assert_cmpuint (next, >, last);
      last = next;
    }
  g_assert_cmpuint (last, ==, version);
  vmd_broker_end_device (fixture->wire.broker, "d", NULL, VMD_SUBSCRIPTION_REVOKED);
  farewell = wire_stream_read_end (stream, &last);
  g_assert_cmpuint (last, ==, 0);
  wire_stream_close (stream);
}

static void
test_connecting (Fixture *fixture, gconstpointer data)
{
  guint64 before = 1;

  for (guint i = 0; i < scaled (1000); i++)
    {
      guint64 version;
      WireStream *stream = open_while_setting (fixture, "", &version);
      guint64 first = wire_stream_read_snapshot (stream);

      g_assert_cmpuint (first, >=, before);
      follow (fixture, stream, first, version);
      before = version;
    }
}

/* The same by a client that says what it has: so there is nothing to send, or there is. */
static void
test_reconnecting (Fixture *fixture, gconstpointer data)
{
  guint64 before = 1;

  for (guint i = 0; i < scaled (1000); i++)
    {
      g_autofree char *headers =
          g_strdup_printf ("Last-Event-ID: %" G_GUINT64_FORMAT "\r\n", before);
      guint64 version;
      WireStream *stream = open_while_setting (fixture, headers, &version);

      follow (fixture, stream, before, version);
      before = version;
    }
}

/* The same with the change where it hurts: after the snapshot was read, before it is offered. */
static void
test_changed_meanwhile (Fixture *fixture, gconstpointer data)
{
  g_autofree char *headers = NULL;
  WireStream *stream;
  guint64 version;

  version = memory_directory_set (fixture->wire.directory, "d", 100);
  memory_directory_make_restless (fixture->wire.directory, TRUE);
  stream = wire_stream_open (&fixture->wire, "d", "");
  follow (fixture, stream, version, version + 1);

  headers = g_strdup_printf ("Last-Event-ID: %" G_GUINT64_FORMAT "\r\n", version + 1);
  stream = wire_stream_open (&fixture->wire, "d", headers);
  follow (fixture, stream, version + 1, version + 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, test)                                                                            \
  g_test_add ("/channel-updates/lesson-55-" path, Fixture, NULL, set_up, test, tear_down)
  ADD ("changed-meanwhile", test_changed_meanwhile);
  ADD ("connecting", test_connecting);
  ADD ("reconnecting", test_reconnecting);
  return g_test_run ();
}
