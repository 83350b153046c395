/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest-mux.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The host's side of a guest's port, with guests that keep to the rules and others that do not. */

/* Both ways, on several at once, and each ends by itself. */
static void
test_connections (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  vmd_autofd int first = guest_open (fixture, guest, 1);
  vmd_autofd int second = guest_open (fixture, guest, 7);

  guest_send_text (guest, 7, "seven");
  guest_send_text (guest, 1, "one");
  server_expect_text (first, "one");
  server_expect_text (second, "seven");
  send_all (second, "to seven", 8);
  guest_expect_text (guest, 7, "to seven");
  send_all (first, "to one", 6);
  guest_expect_text (guest, 1, "to one");

  /* The server ends one, behind its last word. */
  send_all (first, "bye", 3);
  vmd_clear_fd (&first);
  guest_expect_text (guest, 1, "bye");
  guest_expect (guest, 1, VMD_MUX_CLOSE);
  /* What the guest had under way is nothing that matters. */
  guest_send_text (guest, 1, "late");
  guest_send_credit (guest, 1, 5);
  guest_send_frame (guest, 1, VMD_MUX_CLOSE, NULL, 0);

  /* The guest ends the other, behind its last word. */
  guest_send_text (guest, 7, "bye");
  guest_send_frame (guest, 7, VMD_MUX_CLOSE, NULL, 0);
  server_expect_text (second, "bye");
  server_expect_end (second);
}

/* There and back, past whatever the guest has been sent before; counts the credit for others. */
static gsize
echo (Guest *guest, guint32 id, int server)
{
  gsize credit = 0;
  VmdMuxFound found;

  guest_send_text (guest, id, "ping");
  server_expect_text (server, "ping");
  send_all (server, "pong", 4);
  while (guest_next (guest, &found) && guest->decoder.frame.kind == VMD_MUX_CREDIT)
    credit += vmd_mux_frame_get_credit (&guest->decoder.frame);
  g_assert_cmpint (found, ==, VMD_MUX_FOUND_FRAME);
  g_assert_cmpuint (guest->decoder.frame.connection, ==, id);
  g_assert_cmpmem (guest->decoder.frame.payload, guest->decoder.frame.length, "pong", 4);
  return credit;
}

/* The server takes nothing: the guest may send a window and no more, and gets the credit back when
 * it does. Meanwhile the other connection goes on. */
static void
test_stalled_server (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autofree guint8 *block = g_malloc0 (GUEST_BLOCK);
  vmd_autofd int stalled = guest_open (fixture, guest, 1);
  vmd_autofd int other = guest_open (fixture, guest, 2);
  gsize credit = VMD_MUX_WINDOW, sent = 0, taken = 0;

  while (credit >= GUEST_BLOCK)
    {
      for (; credit >= GUEST_BLOCK; credit -= GUEST_BLOCK, sent += GUEST_BLOCK)
        guest_send_frame (guest, 1, VMD_MUX_DATA, block, GUEST_BLOCK);
      credit += echo (guest, 2, other);
    }
  g_assert_cmpuint (sent, >=, VMD_MUX_WINDOW);
  g_assert_cmpuint (sent, <=, 4 * VMD_MUX_WINDOW);

  while (taken < sent)
    {
      gssize n = recv (stalled, block, GUEST_BLOCK, 0);

      g_assert_cmpint (n, >, 0);
      taken += n;
    }
  g_assert_cmpuint (vmd_mux_frame_get_credit (guest_expect (guest, 1, VMD_MUX_CREDIT)), >, 0);
}

/* The guest gives no credit: a window comes, and no more, and nothing is lost when it gives some.
 */
static void
test_stalled_guest (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  vmd_autofd int server = guest_open (fixture, guest, 1);
  vmd_autofd int other = guest_open (fixture, guest, 2);
  g_autofree guint8 *block = g_malloc0 (VMD_MUX_WINDOW);
  gsize sent = 0, received = 0;
  gssize n;

  while ((n = send (server, block, VMD_MUX_WINDOW, MSG_DONTWAIT)) > 0)
    sent += n;
  while (received < VMD_MUX_WINDOW)
    {
      received += guest_expect (guest, 1, VMD_MUX_DATA)->length;
      while ((n = send (server, block, VMD_MUX_WINDOW, MSG_DONTWAIT)) > 0)
        sent += n;
    }
  g_assert_cmpuint (received, ==, VMD_MUX_WINDOW);
  g_assert_cmpuint (sent, >, received);
  send_all (other, "other", 5);
  guest_expect_text (guest, 2, "other");

  /* The server goes before the guest has had it all. */
  vmd_clear_fd (&server);
  while (received < sent)
    {
      guest_send_credit (guest, 1, 1000);
      received += guest_expect (guest, 1, VMD_MUX_DATA)->length;
    }
  guest_send_credit (guest, 1, 1);
  guest_expect (guest, 1, VMD_MUX_CLOSE);
}

/* As much as goes. */
static gsize
flood (Guest *guest, guint32 *id)
{
  gsize sent = 0;
  gssize n;

  do
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      /* Whole ones only, so that a part of them is no garbage. */
      vmd_mux_put_frame (bytes, *id, VMD_MUX_OPEN, NULL, 0);
      n = send (guest->fd, bytes->data, bytes->len, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0)
        g_assert_cmpint (n, ==, bytes->len);
      if (n > 0)
        ++*id;
      sent += MAX (n, 0);
    }
  while (n > 0);
  g_assert_cmpint (errno, ==, EAGAIN);
  return sent;
}

/* A guest that reads nothing at all is not read from any more, and holds up nobody. */
static void
test_guest_reads_nothing (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autoptr (Guest) neighbour = NULL;
  int servers[VMD_MUX_MAX_CONNECTIONS];
  vmd_autofd int server = -1;
  guint32 id = 1;
  gsize sent;

  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    servers[i] = guest_open (fixture, guest, id++);
  vmd_guest_link_loop_add (fixture->loop, "vm-neighbour", fixture->path);
  neighbour = guest_accept (fixture);
  guest_begin (neighbour);
  server = guest_open (fixture, neighbour, 1);
  /* Each is answered, up to when that goes nowhere. Where the flood could go on, it would within a
   * few turns of the loop, and each echo is two. */
  do
    {
      sent = flood (guest, &id);
      for (guint i = 0; i < 5; i++)
        echo (neighbour, 1, server);
      g_assert_cmpuint (id, <, 1000 * 1000);
    }
  while (sent > 0);
  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    close (servers[i]);
}

/* More than there may be are refused, and places are free again once the server has let go. */
static void
test_open_flood (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  int servers[VMD_MUX_MAX_CONNECTIONS];
  guint32 id = 1;

  for (guint i = 0; i < VMD_MUX_MAX_CONNECTIONS; i++)
    servers[i] = guest_open (fixture, guest, id++);
  for (guint i = 0; i < 100; i++)
    {
      guest_send_frame (guest, id, VMD_MUX_OPEN, NULL, 0);
      guest_expect (guest, id++, VMD_MUX_CLOSE);
    }
  /* Closed by the guest alone, it is the server's still. */
  guest_send_frame (guest, 1, VMD_MUX_CLOSE, NULL, 0);
  server_expect_end (servers[0]);
  guest_send_frame (guest, id, VMD_MUX_OPEN, NULL, 0);
  guest_expect (guest, id++, VMD_MUX_CLOSE);
  g_assert_cmpint (g_async_queue_length (fixture->opened), ==, 0);

  close (servers[1]);
  guest_expect (guest, 2, VMD_MUX_CLOSE);
  close (guest_open (fixture, guest, id++));
  close (servers[0]);
  for (guint i = 2; i < VMD_MUX_MAX_CONNECTIONS; i++)
    close (servers[i]);
}

/* What the guest had sent before it closed arrives, though the server takes it late. */
static void
test_close_in_flight (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autofree char *text = g_strnfill (VMD_MUX_WINDOW, 'x');
  vmd_autofd int server = guest_open (fixture, guest, 1);
  vmd_autofd int other = -1;

  for (gsize i = 0; i < VMD_MUX_WINDOW; i += GUEST_BLOCK)
    guest_send_frame (guest, 1, VMD_MUX_DATA, text + i, GUEST_BLOCK);
  guest_send_frame (guest, 1, VMD_MUX_CLOSE, NULL, 0);
  /* By now the close has been seen. */
  other = guest_open (fixture, guest, 2);
  server_expect_text (server, text);
  server_expect_end (server);
}

/* The server ends a connection whose guest sends on: what it said last arrives. */
static void
test_refused_body (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autofree char *block = g_strnfill (GUEST_BLOCK, 'x');
  vmd_autofd int server = guest_open (fixture, guest, 1);

  guest_send_frame (guest, 1, VMD_MUX_DATA, block, GUEST_BLOCK);
  server_expect_text (server, "x");
  send_all (server, "413", 3);
  vmd_clear_fd (&server);
  guest_send_frame (guest, 1, VMD_MUX_DATA, block, GUEST_BLOCK);
  for (;;)
    {
      VmdMuxFound found;

      g_assert_true (guest_next (guest, &found));
      if (guest->decoder.frame.kind == VMD_MUX_DATA)
        break;
      g_assert_cmpint (guest->decoder.frame.kind, ==, VMD_MUX_CREDIT);
    }
  g_assert_cmpmem (guest->decoder.frame.payload, guest->decoder.frame.length, "413", 3);
  guest_expect (guest, 1, VMD_MUX_CLOSE);
}

/* The same, while the guest takes nothing: what it sends is as good as delivered. */
static void
test_deaf_server (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autofree guint8 *block = g_malloc0 (VMD_MUX_WINDOW);
  vmd_autofd int server = guest_open (fixture, guest, 1);
  gsize received = 0, credit = VMD_MUX_WINDOW;

  send_all (server, block, VMD_MUX_WINDOW);
  while (received < VMD_MUX_WINDOW)
    received += guest_expect (guest, 1, VMD_MUX_DATA)->length;
  send_all (server, "last", 4);
  vmd_clear_fd (&server);
  for (gsize sent = 0; sent < 4 * VMD_MUX_WINDOW; sent += GUEST_BLOCK, credit -= GUEST_BLOCK)
    {
      while (credit < GUEST_BLOCK)
        credit += vmd_mux_frame_get_credit (guest_expect (guest, 1, VMD_MUX_CREDIT));
      guest_send_frame (guest, 1, VMD_MUX_DATA, block, GUEST_BLOCK);
    }
  guest_send_credit (guest, 1, 100);
  for (VmdMuxFound found; guest_next (guest, &found);)
    if (guest->decoder.frame.kind == VMD_MUX_DATA)
      break;
  g_assert_cmpmem (guest->decoder.frame.payload, guest->decoder.frame.length, "last", 4);
}

/* The guest's agent starts again in the middle of whatever it was writing. */
static void
test_ask (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  guint8 byte = 0xf5;

  vmd_mux_put_frame (whole, 2, VMD_MUX_DATA, "0123456789", 10);
  for (gsize length = 0; length < whole->len; length++)
    {
      vmd_autofd int server = guest_open (fixture, guest, 1);
      vmd_autofd int again = -1;

      guest_send_text (guest, 1, "before");
      server_expect_text (server, "before");
      send_all (guest->fd, whole->data, length);
      guest_send_hello (guest, 0);
      server_expect_end (server);
      vmd_clear_fd (&server);
      guest_await_hello (guest);
      /* What was under way is skipped, cut hellos too. */
      guest_send_text (guest, 1, "void");
      send_all (guest->fd, &byte, 1);
      guest_send_hello (guest, 0);
      guest_await_hello (guest);
      guest_send_hello (guest, guest->decoder.nonce ^ 2);
      guest_send_frame (guest, 5, VMD_MUX_OPEN, NULL, 0);
      guest_send_hello (guest, 0);
      guest_begin (guest);
      again = guest_open (fixture, guest, 1);
      guest_send_text (guest, 1, "after");
      server_expect_text (again, "after");
      g_assert_cmpint (g_async_queue_length (fixture->opened), ==, 0);
      vmd_clear_fd (&again);
      guest_expect (guest, 1, VMD_MUX_CLOSE);
      guest_send_hello (guest, 0);
      guest_begin (guest);
    }
}

/* Each of them costs the guest its connections, and the port comes again. */
static void
test_broken_guests (GuestFixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *bytes;
    gsize length;
  } table[] = {
    { "\0\0\0\x02\x05\0\0\0\0", 9 }, /* no such kind */
    { "\0\0\0\x02\0\0\0\0\0", 9 },
    { "\0\0\0\x02\x01\0\0\0\x01x", 10 }, /* no such length */
    { "\0\0\0\x02\x02\0\0\0\0", 9 },
    { "\0\0\0\x02\x02\0\0\x40\x01", 9 },
    { "\0\0\0\x02\x02\xff\xff\xff\xff", 9 },
    { "\0\0\0\x02\x03\0\0\0\0", 9 },
    { "\0\0\0\x02\x03\0\0\0\x05", 9 },
    { "\0\0\0\x01\x01\0\0\0\0", 9 }, /* opened already */
    { "\0\0\0\0\x01\0\0\0\0", 9 },
    { "\0\0\0\x01\x03\0\0\0\x04\0\x0f\0\x01", 13 }, /* more credit than there may be */
    { "\0\0\0\x01\x03\0\0\0\x04\xff\xff\xff\xff", 13 },
    { "\xf5\xffvmd-cHATTER", 13 }, /* a header that is none, and no hello after all */
    { "GET / HTTP/1.1\r\n\r\n", 18 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (Guest) guest = guest_start (fixture);
      g_autoptr (Guest) again = NULL;
      vmd_autofd int server = guest_open (fixture, guest, 1);

      send_all (guest->fd, table[i].bytes, table[i].length);
      server_expect_end (server);
      guest_expect_closed (guest);
      if (i > 1)
        continue;
      /* Without being asked to. */
      again = guest_accept (fixture);
      guest_begin (again);
    }
}

/* More than the credit: with a server that takes nothing. */
static void
test_beyond_credit (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autofree guint8 *block = g_malloc0 (GUEST_BLOCK);
  vmd_autofd int server = guest_open (fixture, guest, 1);
  gssize n = 1;

  for (guint i = 0; n > 0 && i < 1000; i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      vmd_mux_put_frame (bytes, 1, VMD_MUX_DATA, block, GUEST_BLOCK);
      n = send (guest->fd, bytes->data, bytes->len, MSG_NOSIGNAL);
    }
  g_assert_cmpint (n, <, 0);
  guest_expect_closed (guest);
}

/* The host goes and comes again: the guest's socket is the same. */
static void
test_host_restart (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  g_autoptr (Guest) again = NULL;
  vmd_autofd int server = guest_open (fixture, guest, 1);
  vmd_autofd int other = -1;

  g_clear_pointer (&fixture->loop, vmd_guest_link_loop_free);
  guest_expect_closed (guest);
  server_expect_end (server);
  guest_fixture_start_loop (fixture);
  again = guest_start (fixture);
  other = guest_open (fixture, again, 1);
}

/* The guest's socket goes and comes again, and the VM ends. */
static void
test_socket_gone (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = NULL;
  g_autoptr (Guest) again = NULL;
  g_autoptr (Guest) last = NULL;
  vmd_autofd int server = -1;

  /* Not there yet. */
  vmd_clear_fd (&fixture->listen_fd);
  g_unlink (fixture->path);
  vmd_guest_link_loop_add (fixture->loop, "vm", fixture->path);
  fixture->listen_fd = guest_fixture_listen (fixture->path);
  guest = guest_accept (fixture);
  guest_begin (guest);
  server = guest_open (fixture, guest, 1);
  /* Its end is the end of its connections. */
  vmd_clear_fd (&guest->fd);
  server_expect_end (server);
  vmd_clear_fd (&server);
  again = guest_accept (fixture);
  guest_begin (again);
  server = guest_open (fixture, again, 1);

  /* Another one in its place; then none. */
  vmd_guest_link_loop_add (fixture->loop, "vm", fixture->path);
  last = guest_accept (fixture);
  guest_expect_closed (again);
  server_expect_end (server);
  guest_begin (last);
  vmd_guest_link_loop_remove (fixture->loop, "vm");
  vmd_guest_link_loop_remove (fixture->loop, "vm-unknown");
  guest_expect_closed (last);
}

/* As many as there may be VMs. */
static void
test_many (GuestFixture *fixture, gconstpointer data)
{
  const guint n_guests = 400;
  g_autoptr (GPtrArray) guests = g_ptr_array_new_with_free_func ((GDestroyNotify) guest_free);

  for (guint i = 0; i < n_guests; i++)
    {
      g_autofree char *id = g_strdup_printf ("vm-%u", i);

      vmd_guest_link_loop_add (fixture->loop, id, fixture->path);
      g_ptr_array_add (guests, guest_accept (fixture));
      guest_begin (guests->pdata[i]);
    }
  for (guint i = 0; i < n_guests; i++)
    {
      g_autofree char *text = g_strdup_printf ("to %u", i);
      vmd_autofd int server = guest_open (fixture, guests->pdata[i], 1);

      send_all (server, text, strlen (text));
      guest_expect_text (guests->pdata[i], 1, text);
    }
}

#define ADD(name, function)                                                                        \
  g_test_add ("/guest-link/" name, GuestFixture, NULL, guest_fixture_set_up, function,             \
              guest_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("connections", test_connections);
  ADD ("stalled-server", test_stalled_server);
  ADD ("stalled-guest", test_stalled_guest);
  ADD ("guest-reads-nothing", test_guest_reads_nothing);
  ADD ("open-flood", test_open_flood);
  ADD ("close-in-flight", test_close_in_flight);
  ADD ("refused-body", test_refused_body);
  ADD ("deaf-server", test_deaf_server);
  ADD ("ask", test_ask);
  ADD ("broken-guests", test_broken_guests);
  ADD ("beyond-credit", test_beyond_credit);
  ADD ("host-restart", test_host_restart);
  ADD ("socket-gone", test_socket_gone);
  ADD ("many", test_many);
  return g_test_run ();
}
