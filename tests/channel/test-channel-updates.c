/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire-stream.h"

/* 55: a change between the snapshot and the subscription was lost, or sent twice, or out of order.
 * One thread sets without a pause; meanwhile a device connects, again and again, at whatever moment
 * that is. */

typedef struct
{
  Wire wire;
  guint64 newest; /* atomic; the last one whose set has returned */
  gboolean is_over; /* atomic */
  GThread *setter;
} Fixture;

static void
note (Fixture *fixture, guint64 version)
{
  __atomic_store_n (&fixture->newest, version, __ATOMIC_SEQ_CST);
}

static guint64
get_newest (Fixture *fixture)
{
  return __atomic_load_n (&fixture->newest, __ATOMIC_SEQ_CST);
}

static gpointer
set_without_pause (gpointer data)
{
  Fixture *fixture = data;

  while (!g_atomic_int_get (&fixture->is_over))
    {
      note (fixture, memory_directory_set (fixture->wire.directory, "d", 100));
      g_thread_yield ();
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
  note (fixture, memory_directory_set (fixture->wire.directory, "d", 100));
  fixture->setter = g_thread_new ("setter", set_without_pause, fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  wire_stop (&fixture->wire);
}

/* Reads on until it has @version, and nothing on the way that was there before. */
static void
follow (WireStream *stream, guint64 last, guint64 version)
{
  while (last < version)
    {
      guint64 next = wire_stream_read_snapshot (stream);

      g_assert_cmpuint (next, >, last);
      last = next;
    }
}

/* What was set before it asked is in the first snapshot, what has been set since comes. */
static void
test_connecting (Fixture *fixture, gconstpointer data)
{
  WireStream *stream = NULL;

  for (guint i = 0; i < scaled (2000); i++)
    {
      guint64 before = get_newest (fixture);
      guint64 first;

      g_clear_pointer (&stream, wire_stream_close);
      stream = wire_stream_open (&fixture->wire, "d", "Vmd-Instance: same\r\n");
      first = wire_stream_read_snapshot (stream);
      g_assert_cmpuint (first, >=, before);
      follow (stream, first, get_newest (fixture));
      /* The last one: what was set last is there, and then nothing more is to come. */
      if (i + 1 == scaled (2000))
        {
          g_atomic_int_set (&fixture->is_over, TRUE);
          g_thread_join (fixture->setter);
        }
    }
  note (fixture, memory_directory_set (fixture->wire.directory, "d", 100));
  follow (stream, 0, get_newest (fixture));
  wire_stream_close (stream);
}

/* The same, by a client that says what it has: now and then it is the current one. */
static void
test_reconnecting (Fixture *fixture, gconstpointer data)
{
  guint64 last = 0;

  for (guint i = 0; i < scaled (2000); i++)
    {
      g_autofree char *headers = NULL;
      WireStream *stream;
      guint64 before;

      before = get_newest (fixture);
      last = MAX (last, before);
      headers =
          g_strdup_printf ("Vmd-Instance: same\r\nLast-Event-ID: %" G_GUINT64_FORMAT "\r\n", last);
      stream = wire_stream_open (&fixture->wire, "d", headers);
      before = get_newest (fixture);
      /* A setter that is faster than all of this would make the header useless. */
      follow (stream, last, before);
      last = MAX (last, before);
      wire_stream_close (stream);
    }
  g_atomic_int_set (&fixture->is_over, TRUE);
  g_thread_join (fixture->setter);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, test)                                                                            \
  g_test_add ("/channel-updates/lesson-55-" path, Fixture, NULL, set_up, test, tear_down)
  ADD ("connecting", test_connecting);
  ADD ("reconnecting", test_reconnecting);
  return g_test_run ();
}
