/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* vmd-guest's side of the port that several connections share: built from its sources, with this
 * build's sanitizers. */

#include "mux.h"

#include <glib.h>
#include <string.h>

#define MARK                                                                                       \
  "\xf5\xff"                                                                                       \
  "vmd-channel"                                                                                    \
  "\xff\xfe\xfd"
#define HELLO MARK "\1\2\3\4\5\6\7\x8"
#define OTHER_HELLO MARK "\xf5\xff\xf5\xff\xf5\xff\xf5\xff"
#define ASK MARK "\0\0\0\0\0\0\0\0"

/* A connection's user, who notes what he is told. */
typedef struct
{
  GString *data;
  guint n_writable;
  guint n_ended;
  struct mux_connection *connection; /* closed at the first byte, where it is set */
} User;

typedef struct
{
  struct mux mux;
  guint n_sessions;
  User users[MUX_MAX_CONNECTIONS + 1];
} Fixture;

static void
note_data (void *data, const char *bytes, size_t length)
{
  User *user = data;

  g_assert_cmpuint (user->n_ended, ==, 0);
  g_string_append_len (user->data, bytes, (gssize) length);
  if (user->connection != NULL)
    mux_close (g_steal_pointer (&user->connection));
}

static void
note_writable (void *data)
{
  ((User *) data)->n_writable++;
}

static void
note_end (void *data)
{
  ((User *) data)->n_ended++;
}

static const struct mux_user functions = { note_data, note_writable, note_end };

static void
note_session (void *data)
{
  ((Fixture *) data)->n_sessions++;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  mux_begin (&fixture->mux, note_session, fixture);
  for (guint i = 0; i < G_N_ELEMENTS (fixture->users); i++)
    fixture->users[i].data = g_string_new (NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (fixture->users); i++)
    g_string_free (fixture->users[i].data, TRUE);
}

/* In pieces, each with memory of its own, so that reading beyond it is seen. */
static void
take_in_pieces (Fixture *fixture, const char *bytes, gsize length, gsize size)
{
  for (gsize at = 0; at < length; at += size)
    {
      g_autofree char *piece = g_memdup2 (bytes + at, MIN (size, length - at));

      mux_take (&fixture->mux, piece, MIN (size, length - at));
    }
}

#define take(fixture, text) take_in_pieces (fixture, text, sizeof (text) - 1, sizeof (text))

/* What is to go, and goes. */
static void
assert_output (Fixture *fixture, const char *bytes, gsize length)
{
  struct mux *mux = &fixture->mux;

  g_assert_cmpmem (mux->output + mux->output_start, mux->output_length, bytes, length);
  mux_sent (mux, mux->output_length);
}

#define assert_goes(fixture, text) assert_output (fixture, text, sizeof (text) - 1)

static struct mux_connection *
open_connection (Fixture *fixture, guint i)
{
  return mux_open (&fixture->mux, &functions, &fixture->users[i]);
}

static void
begin_session (Fixture *fixture)
{
  take (fixture, HELLO);
  assert_goes (fixture, HELLO);
}

static void
test_session (Fixture *fixture, gconstpointer data)
{
  User *user = &fixture->users[0];
  struct mux_connection *connection;

  mux_ask (&fixture->mux);
  assert_goes (fixture, ASK);
  g_assert_null (open_connection (fixture, 0));
  take (fixture, "something that a session before this one has left\0\0\0\1\2\0\0\0\1x");
  take (fixture, ASK);
  assert_goes (fixture, "");
  g_assert_cmpuint (fixture->n_sessions, ==, 0);
  begin_session (fixture);
  g_assert_cmpuint (fixture->n_sessions, ==, 1);
  connection = open_connection (fixture, 0);
  g_assert_nonnull (connection);
  g_assert_cmpuint (mux_send (connection, "request", 7), ==, 7);
  assert_goes (fixture, "\0\0\0\1\1\0\0\0\0"
                        "\0\0\0\1\2\0\0\0\7request");
  take (fixture, "\0\0\0\1\2\0\0\0\3one\0\0\0\1\2\0\0\0\1!");
  g_assert_cmpstr (user->data->str, ==, "one!");
  take (fixture, "\0\0\0\1\4\0\0\0\0");
  g_assert_cmpuint (user->n_ended, ==, 1);
  /* It has been gone already when these come. */
  take (fixture, "\0\0\0\1\2\0\0\0\3two\0\0\0\1\3\0\0\0\4\0\0\0\1\0\0\0\1\4\0\0\0\0");
  g_assert_cmpuint (user->n_ended, ==, 1);
  assert_goes (fixture, "");
  g_assert_true (fixture->mux.has_session);
}

/* A daemon dies within a frame, wherever, and the next one says hello there; in pieces of any
 * size. */
static void
test_hello_within_a_frame (Fixture *fixture, gconstpointer data)
{
  static const char frames[] =
      "\0\0\0\1\2\0\0\0\5abcde\0\0\0\1\3\0\0\0\4\0\0\0\1\0\0\0\1\2\0\0\0\x20"
      "0123456789abcdef0123456789abcde" MARK;

  for (gsize cut = 0; cut < sizeof frames; cut++)
    for (gsize size = 1; size < sizeof OTHER_HELLO + 1; size++)
      {
        g_autoptr (GString) stream = g_string_new_len (frames, (gssize) cut);
        guint n_sessions;

        begin_session (fixture);
        fixture->users[0].n_ended = 0;
        g_assert_nonnull (open_connection (fixture, 0));
        assert_goes (fixture, "\0\0\0\1\1\0\0\0\0");
        n_sessions = fixture->n_sessions;
        g_string_append_len (stream, OTHER_HELLO, sizeof OTHER_HELLO - 1);
        take_in_pieces (fixture, stream->str, stream->len, size);
        g_assert_cmpuint (fixture->n_sessions, >, n_sessions);
        g_assert_cmpuint (fixture->users[0].n_ended, ==, 1);
        g_assert_true (fixture->mux.has_session);
        /* What was queued before it is gone. */
        assert_goes (fixture, OTHER_HELLO);
        g_assert_nonnull (open_connection (fixture, 1));
        assert_goes (fixture, "\0\0\0\1\1\0\0\0\0");
      }
}

/* One that died within a hello. */
static void
test_hello_within_a_hello (Fixture *fixture, gconstpointer data)
{
  for (gsize cut = 1; cut < sizeof HELLO - 1; cut++)
    for (gsize size = 1; size < 2 * sizeof HELLO; size++)
      {
        g_autoptr (GString) stream = g_string_new_len (HELLO, (gssize) cut);

        g_string_append_len (stream, OTHER_HELLO, sizeof OTHER_HELLO - 1);
        take_in_pieces (fixture, stream->str, stream->len, size);
        assert_goes (fixture, OTHER_HELLO);
        g_assert_nonnull (open_connection (fixture, 0));
        assert_goes (fixture, "\0\0\0\1\1\0\0\0\0");
        mux_reset (&fixture->mux);
      }
}

static void
test_broken_hosts (Fixture *fixture, gconstpointer data)
{
#define FRAME(text)                                                                                \
  {                                                                                                \
    text, sizeof (text) - 1                                                                        \
  }
  static const struct
  {
    const char *bytes;
    gsize length;
  } cases[] = {
    FRAME ("\0\0\0\1\0\0\0\0\0"),
    FRAME ("\0\0\0\1\1\0\0\0\0"),
    FRAME ("\0\0\0\2\1\0\0\0\0"),
    FRAME ("\0\0\0\1\5\0\0\0\0"),
    FRAME ("\0\0\0\1\xff\0\0\0\0"),
    FRAME ("\0\0\0\0\2\0\0\0\1"),
    FRAME ("\0\0\0\2\2\0\0\0\1"),
    FRAME ("\0\0\0\2\4\0\0\0\0"),
    FRAME ("\xff\xff\xff\xff\4\0\0\0\0"),
    FRAME ("\0\0\0\1\2\0\0\0\0"),
    FRAME ("\0\0\0\1\2\0\0\x40\1"),
    FRAME ("\0\0\0\1\2\xff\xff\xff\xff"),
    FRAME ("\0\0\0\1\3\0\0\0\3"),
    FRAME ("\0\0\0\1\3\0\0\0\0"),
    FRAME ("\0\0\0\1\4\0\0\0\1"),
    FRAME ("\0\0\0\1\3\0\0\0\4\0\x10\0\1"),
    FRAME ("\0\0\0\1\3\0\0\0\4\0\x0f\0\1"), /* it has 64 KiB already */
    FRAME ("\0\0\0\1\3\0\0\0\4\xff\xff\xff\xff"),
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      begin_session (fixture);
      fixture->users[0].n_ended = 0;
      g_assert_nonnull (open_connection (fixture, 0));
      assert_goes (fixture, "\0\0\0\1\1\0\0\0\0");
      take_in_pieces (fixture, cases[i].bytes, cases[i].length, cases[i].length);
      g_assert_false (fixture->mux.has_session);
      g_assert_cmpuint (fixture->users[0].n_ended, ==, 1);
      take (fixture, "\0\0\0\1\2\0\0\0\1x");
      assert_goes (fixture, ASK);
    }
  g_assert_cmpuint (fixture->users[0].data->len, ==, 0);
}

static void
put_frame (GByteArray *frames, gsize length)
{
  guint8 header[] = { 0, 0, 0, 1, 2, 0, 0, (guint8) (length >> 8), (guint8) length };
  gsize at = frames->len + sizeof header;

  g_byte_array_append (frames, header, sizeof header);
  g_byte_array_set_size (frames, (guint) (at + length));
  memset (frames->data + at, 'x', length);
}

/* What the host sends counts against its credit, which it gets again in portions. */
static void
test_incoming_credit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) frames = g_byte_array_new ();
  struct mux_connection *connection;

  begin_session (fixture);
  connection = open_connection (fixture, 0);
  assert_goes (fixture, "\0\0\0\1\1\0\0\0\0");
  put_frame (frames, 16384);
  take_in_pieces (fixture, (char *) frames->data, frames->len, 1000);
  assert_goes (fixture, "");
  g_assert_cmpuint (connection->may_come, ==, 3 * 16384);
  take_in_pieces (fixture, (char *) frames->data, frames->len, 1000);
  assert_goes (fixture, "\0\0\0\1\3\0\0\0\4\0\0\x80\0");
  g_assert_cmpuint (connection->may_come, ==, 4 * 16384);

  /* One that takes more than it was given. */
  connection->may_come = 16383;
  take_in_pieces (fixture, (char *) frames->data, frames->len, 1000);
  g_assert_cmpuint (fixture->users[0].data->len, ==, 2 * 16384);
  assert_goes (fixture, ASK);
}

/* When nothing more comes, what came is acknowledged, once, and whole frames only. */
static void
test_acknowledge (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) frames = g_byte_array_new ();

  mux_acknowledge (&fixture->mux);
  assert_goes (fixture, "");
  begin_session (fixture);
  open_connection (fixture, 0);
  open_connection (fixture, 1);
  assert_goes (fixture, "\0\0\0\1\1\0\0\0\0\0\0\0\2\1\0\0\0\0");
  mux_acknowledge (&fixture->mux);
  assert_goes (fixture, "");
  put_frame (frames, 13);
  mux_take (&fixture->mux, (char *) frames->data, frames->len - 1);
  mux_acknowledge (&fixture->mux);
  assert_goes (fixture, "");
  mux_take (&fixture->mux, (char *) frames->data + frames->len - 1, 1);
  mux_acknowledge (&fixture->mux);
  assert_goes (fixture, "\0\0\0\1\3\0\0\0\4\0\0\0\x0d");
  mux_acknowledge (&fixture->mux);
  assert_goes (fixture, "");
}

/* We send no more than a slow host has given credit for, and all of it as it gives more. */
static void
test_outgoing_credit (Fixture *fixture, gconstpointer data)
{
  g_autofree char *bytes = g_strnfill (100000, 'x');
  struct mux_connection *connection;
  gsize sent = 0;

  begin_session (fixture);
  connection = open_connection (fixture, 0);
  for (guint i = 0; i < 10; i++)
    {
      sent += mux_send (connection, bytes + sent, 100000 - sent);
      mux_sent (&fixture->mux, fixture->mux.output_length);
    }
  g_assert_cmpuint (sent, ==, MUX_FIRST_CREDIT);
  g_assert_cmpuint (fixture->users[0].n_writable, >=, 1);
  fixture->users[0].n_writable = 0;
  g_assert_cmpuint (mux_send (connection, bytes, 1), ==, 0);
  mux_sent (&fixture->mux, 0);
  g_assert_cmpuint (fixture->users[0].n_writable, ==, 0);
  take (fixture, "\0\0\0\1\3\0\0\0\4\0\0\0\3");
  g_assert_cmpuint (fixture->users[0].n_writable, ==, 1);
  g_assert_cmpuint (mux_send (connection, "abcdef", 6), ==, 3);
  assert_goes (fixture, "\0\0\0\1\2\0\0\0\3"
                        "abc");
}

/* Also where the output is full, there is room to say that a connection is over. */
static void
test_full_output (Fixture *fixture, gconstpointer data)
{
  g_autofree char *bytes = g_strnfill (100000, 'x');
  struct mux_connection *connections[MUX_MAX_CONNECTIONS];
  gsize length;

  begin_session (fixture);
  for (guint i = 0; i < MUX_MAX_CONNECTIONS; i++)
    {
      connections[i] = open_connection (fixture, i);
      g_assert_nonnull (connections[i]);
    }
  g_assert_null (open_connection (fixture, MUX_MAX_CONNECTIONS));
  for (guint i = 0; i < MUX_MAX_CONNECTIONS; i++)
    mux_send (connections[i], bytes, 100000);
  g_assert_cmpuint (mux_send (connections[0], bytes, 1), ==, 0);
  length = fixture->mux.output_length;
  mux_sent (&fixture->mux, 100);
  for (guint i = 0; i < MUX_MAX_CONNECTIONS; i++)
    mux_close (connections[i]);
  g_assert_true (fixture->mux.has_session);
  g_assert_cmpuint (fixture->mux.output_length, ==,
                    length - 100 + MUX_MAX_CONNECTIONS * MUX_HEADER_LENGTH);
  for (guint i = 0; i < MUX_MAX_CONNECTIONS; i++)
    g_assert_cmpuint (fixture->users[i].n_ended, ==, 0);
}

/* A host that has us write for ever and reads nothing costs no more than the output. */
static void
test_host_that_does_not_read (Fixture *fixture, gconstpointer data)
{
  begin_session (fixture);
  for (guint i = 0; i < MUX_OUTPUT_SIZE && fixture->mux.has_session; i++)
    mux_close (open_connection (fixture, 0));
  g_assert_false (fixture->mux.has_session);
  assert_goes (fixture, ASK);
}

/* Its user closes it within the first of its bytes, and has not closed another. */
static void
test_closed_within_data (Fixture *fixture, gconstpointer data)
{
  begin_session (fixture);
  fixture->users[0].connection = open_connection (fixture, 0);
  g_assert_nonnull (open_connection (fixture, 1));
  take_in_pieces (fixture, "\0\0\0\1\2\0\0\0\3abc\0\0\0\2\2\0\0\0\1x", 22, 10);
  g_assert_cmpstr (fixture->users[0].data->str, ==, "a");
  g_assert_cmpstr (fixture->users[1].data->str, ==, "x");
  g_assert_cmpuint (fixture->users[0].n_ended, ==, 0);
  assert_goes (fixture, "\0\0\0\1\1\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0\0\1\4\0\0\0\0");
}

/* Frames and hellos in any order, cut and changed: no state is left that does not hold. */
static void
test_random (Fixture *fixture, gconstpointer data)
{
  static const char pieces[][2][32] = {
    { HELLO, "\x18" },
    { OTHER_HELLO, "\x18" },
    { "\0\0\0\1\2\0\0\0\3abc", "\xc" },
    { "\0\0\0\2\2\0\0\0\1x", "\xa" },
    { "\0\0\0\1\3\0\0\0\4\0\0\1\0", "\xd" },
    { "\0\0\0\1\4\0\0\0\0", "\x9" },
    { "\0\0\0\3\4\0\0\0\0", "\x9" },
  };
  struct mux *mux = &fixture->mux;

  for (guint i = 0; i < 200000; i++)
    {
      const char (*piece)[32] = pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))];
      gsize length = (gsize) piece[1][0];
      g_autofree char *bytes = g_memdup2 (piece[0], length);

      if (g_test_rand_int_range (0, 8) == 0)
        bytes[g_test_rand_int_range (0, (gint32) length)] = (char) g_test_rand_int_range (0, 256);
      if (g_test_rand_int_range (0, 8) == 0)
        length = (gsize) g_test_rand_int_range (0, (gint32) length);
      for (guint j = 0; j < G_N_ELEMENTS (fixture->users); j++)
        fixture->users[j].n_ended = 0;
      take_in_pieces (fixture, bytes, length, (gsize) g_test_rand_int_range (1, 32));
      g_assert_cmpuint (mux->output_start + mux->output_length, <=, sizeof mux->output);
      mux_sent (mux, (gsize) g_test_rand_int_range (0, (gint32) mux->output_length + 1));
      if (g_test_rand_bit ())
        open_connection (fixture, (guint) g_test_rand_int_range (0, MUX_MAX_CONNECTIONS));
      for (guint j = 0; j < MUX_MAX_CONNECTIONS; j++)
        if (mux->connections[j].id != 0)
          {
            g_assert_true (mux->has_session);
            g_assert_cmpuint (mux->connections[j].may_send, <=, MUX_MAX_CREDIT);
            g_assert_cmpuint (mux->connections[j].may_come, <=, MUX_FIRST_CREDIT);
            if (g_test_rand_int_range (0, 4) == 0)
              mux_close (&mux->connections[j]);
          }
    }
  g_assert_cmpuint (fixture->n_sessions, >, 1000);
}

#define add(path, function)                                                                        \
  g_test_add ("/guest-mux/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("session", test_session);
  add ("hello/frame", test_hello_within_a_frame);
  add ("hello/hello", test_hello_within_a_hello);
  add ("broken", test_broken_hosts);
  add ("credit/incoming", test_incoming_credit);
  add ("credit/outgoing", test_outgoing_credit);
  add ("credit/acknowledge", test_acknowledge);
  add ("full", test_full_output);
  add ("unread", test_host_that_does_not_read);
  add ("closed", test_closed_within_data);
  add ("random", test_random);
  return g_test_run ();
}
