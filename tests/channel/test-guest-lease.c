/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest-mux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Guests that take nothing of what they are sent, as one whose hypervisor is stopped, by a clock
 * that only the test moves. */

#define HEARTBEAT ": heartbeat\n\n"

/* A guest that takes what it is sent, so that it can be seen that the loop has been round. */
typedef struct
{
  Guest *guest;
  int server;
} Neighbour;

static Neighbour
neighbour_new (GuestFixture *fixture)
{
  Neighbour self = { NULL, -1 };

  vmd_guest_link_loop_add (fixture->loop, "vm-neighbour", fixture->path);
  self.guest = guest_accept (fixture);
  guest_begin (self.guest);
  self.server = guest_open (fixture, self.guest, 1);
  return self;
}

static void
neighbour_clear (Neighbour *self)
{
  vmd_clear_fd (&self->server);
  g_clear_pointer (&self->guest, guest_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Neighbour, neighbour_clear)

/* Each way by itself takes the loop a turn, at whose end it looks at the time. */
static void
pass (GuestFixture *fixture, Neighbour *neighbour, guint seconds)
{
  vmd_fake_clock_advance (fixture->clock, seconds * G_TIME_SPAN_SECOND);
  for (guint i = 0; i < 2; i++)
    {
      send_all (neighbour->server, "to", 2);
      guest_expect_text (neighbour->guest, 1, "to");
      guest_send_text (neighbour->guest, 1, "from");
      server_expect_text (neighbour->server, "from");
    }
}

/* From now on it lies in the guest's port. */
static void
send_heartbeat (GuestFixture *fixture, Neighbour *neighbour, int server)
{
  send_all (server, HEARTBEAT, strlen (HEARTBEAT));
  pass (fixture, neighbour, 0);
}

static void
acknowledge (GuestFixture *fixture, Neighbour *neighbour, Guest *guest, guint32 credit)
{
  guest_send_credit (guest, 1, credit);
  pass (fixture, neighbour, 0);
}

static void
assert_open (int server)
{
  char byte;

  g_assert_cmpint (recv (server, &byte, 1, MSG_PEEK | MSG_DONTWAIT), <, 0);
  g_assert_cmpint (errno, ==, EAGAIN);
}

/* Stopped within a heartbeat; both of its connections go, and when it runs on it finds what it had
 * been sent, and that they are closed. */
static void
test_stopped (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  vmd_autofd int first = guest_open (fixture, guest, 1);
  vmd_autofd int second = guest_open (fixture, guest, 2);
  g_auto (Neighbour) neighbour = neighbour_new (fixture);
  vmd_autofd int again = -1;

  pass (fixture, &neighbour, 3600);
  send_heartbeat (fixture, &neighbour, first);
  pass (fixture, &neighbour, 10);
  send_heartbeat (fixture, &neighbour, first);
  pass (fixture, &neighbour, 10);
  pass (fixture, &neighbour, 4);
  assert_open (first);
  assert_open (second);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 0);
  pass (fixture, &neighbour, 6);
  server_expect_end (first);
  server_expect_end (second);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 1);
  vmd_clear_fd (&first);
  vmd_clear_fd (&second);
  pass (fixture, &neighbour, 3600);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 1);

  guest_expect_text (guest, 1, HEARTBEAT);
  guest_expect_text (guest, 1, HEARTBEAT);
  guest_expect (guest, 1, VMD_MUX_CLOSE);
  guest_expect (guest, 2, VMD_MUX_CLOSE);
  again = guest_open (fixture, guest, 3);
  for (guint i = 0; i < 10; i++)
    {
      send_heartbeat (fixture, &neighbour, again);
      guest_expect_text (guest, 3, HEARTBEAT);
      pass (fixture, &neighbour, 10);
    }
  assert_open (again);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 1);
}

/* As long as it takes something now and then, it may be as slow as it likes. */
static void
test_slow (GuestFixture *fixture, gconstpointer data)
{
  guint8 frame[VMD_MUX_HEADER_SIZE + sizeof HEARTBEAT - 1];
  g_autoptr (Guest) guest = guest_start (fixture);
  vmd_autofd int server = guest_open (fixture, guest, 1);
  g_auto (Neighbour) neighbour = neighbour_new (fixture);

  send_heartbeat (fixture, &neighbour, server);
  for (guint i = 0; i < 10; i++)
    {
      pass (fixture, &neighbour, 10);
      send_heartbeat (fixture, &neighbour, server);
      pass (fixture, &neighbour, 10);
      /* One of the two, whole. */
      g_assert_cmpint (recv (guest->fd, frame, sizeof frame, MSG_WAITALL), ==, sizeof frame);
    }
  assert_open (server);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 0);
}

/* A guest that has acknowledged what it took, and then takes without doing so: its machine runs and
 * its agent hangs. One that never did is not asked to. */
static void
test_agent_hangs (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  vmd_autofd int server = guest_open (fixture, guest, 1);
  g_auto (Neighbour) neighbour = neighbour_new (fixture);
  vmd_autofd int again = -1;

  for (guint i = 0; i < 10; i++)
    {
      send_heartbeat (fixture, &neighbour, server);
      guest_expect_text (guest, 1, HEARTBEAT);
      pass (fixture, &neighbour, 10);
    }
  acknowledge (fixture, &neighbour, guest, 10 * strlen (HEARTBEAT));
  pass (fixture, &neighbour, 3600);
  assert_open (server);

  send_heartbeat (fixture, &neighbour, server);
  guest_expect_text (guest, 1, HEARTBEAT);
  pass (fixture, &neighbour, 20);
  acknowledge (fixture, &neighbour, guest, 1);
  pass (fixture, &neighbour, 20);
  assert_open (server);
  pass (fixture, &neighbour, 10);
  server_expect_end (server);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 1);
  guest_expect (guest, 1, VMD_MUX_CLOSE);
  again = guest_open (fixture, guest, 2);
  pass (fixture, &neighbour, 3600);
  assert_open (again);
}

/* So full that what is said at the end waits here: it is said once there is room. */
static void
test_stopped_when_full (GuestFixture *fixture, gconstpointer data)
{
  g_autoptr (Guest) guest = guest_start (fixture);
  vmd_autofd int server = guest_open (fixture, guest, 1);
  vmd_autofd int other = guest_open (fixture, guest, 2);
  g_auto (Neighbour) neighbour = neighbour_new (fixture);
  g_autofree guint8 *block = g_malloc0 (VMD_MUX_WINDOW);
  gsize received = 0;

  guest_send_credit (guest, 1, VMD_MUX_MAX_CREDIT - VMD_MUX_WINDOW);
  /* Until nothing goes on, round after round. */
  for (gssize n = 1, rounds = 0; rounds<5; rounds = n> 0 ? 0 : rounds + 1)
    {
      n = send (server, block, VMD_MUX_WINDOW, MSG_DONTWAIT);
      pass (fixture, &neighbour, 0);
    }
  for (guint i = 0; i < 6; i++)
    pass (fixture, &neighbour, 5);
  server_expect_end (other);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_silent), ==, 1);
  for (;;)
    {
      VmdMuxFound found;

      g_assert_true (guest_next (guest, &found));
      g_assert_cmpint (found, ==, VMD_MUX_FOUND_FRAME);
      if (guest->decoder.frame.kind == VMD_MUX_CLOSE)
        break;
      received += guest->decoder.frame.length;
    }
  g_assert_cmpuint (received, >=, VMD_MUX_WINDOW);
  g_assert_cmpuint (guest->decoder.frame.connection, ==, 1);
  guest_expect (guest, 2, VMD_MUX_CLOSE);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/guest-lease/" name, GuestFixture, "fake clock", guest_fixture_set_up, function,    \
              guest_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("stopped", test_stopped);
  ADD ("slow", test_slow);
  ADD ("stopped-when-full", test_stopped_when_full);
  ADD ("agent-hangs", test_agent_hangs);
  return g_test_run ();
}
