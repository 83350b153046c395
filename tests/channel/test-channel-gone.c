/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tls-client.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection whose peer has gone is let go of at once, whatever it was at, and however the peer
 * went. The time that a request has is far longer than this test may take, and so no help. */

#define FAR (30 * WIRE_LIMIT)
#define DEVICE "Authorization: Bearer token-d\r\n"
#define REPORT                                                                                     \
  "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n" DEVICE                                     \
  "Content-Length: 27\r\n\r\n{\"version\":1,\"status\":\"ok\"}"

typedef struct
{
  Wire wire;
  gboolean is_tls;
} Fixture;

typedef struct
{
  int fd;
  TlsClient *tls; /* (nullable) has the descriptor */
} Peer;

static const char *certificate;
static char *key;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VmdChannelOptions options;

  fixture->is_tls = GPOINTER_TO_INT (data);
  wire_options_init (&options);
  options.header_deadline = FAR;
  options.lease = FAR;
  options.heartbeat = FAR;
  if (fixture->is_tls)
    {
      options.certificate = certificate;
      options.key = key;
    }
  wire_start (&fixture->wire, &options);
  memory_directory_add (fixture->wire.directory, "d");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  wire_stop (&fixture->wire);
}

static void
peer_connect (Peer *peer, Fixture *fixture)
{
  *peer = (Peer){ .fd = wire_connect (&fixture->wire) };
  if (!fixture->is_tls)
    return;
  peer->tls = tls_client_new (peer->fd, NULL);
  g_assert_cmpint (tls_client_shake_hands (peer->tls), ==, 0);
}

static void
peer_send (Peer *peer, const char *text)
{
  if (peer->tls != NULL)
    tls_client_send (peer->tls, text);
  else
    wire_send (peer->fd, text);
}

static void
peer_read_until (Peer *peer, const char *text)
{
  g_free (peer->tls != NULL ? tls_client_read_until (peer->tls, text)
                            : wire_read_until (peer->fd, text));
}

/* -- Ways to go -- */

typedef void (*Way) (Peer *peer);

static void
let_go (Peer *peer)
{
  if (peer->tls != NULL)
    tls_client_free (peer->tls);
  else
    close (peer->fd);
}

static void
go_orderly (Peer *peer)
{
  let_go (peer);
}

static void
go_by_reset (Peer *peer)
{
  const struct linger at_once = { .l_onoff = 1 };

  setsockopt (peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  let_go (peer);
}

/* Says that nothing comes any more, and waits for the other side to say so too. */
static void
go_by_half (Peer *peer)
{
  shutdown (peer->fd, SHUT_WR);
  g_free (wire_read_all (peer->fd));
  let_go (peer);
}

static const Way ways[] = { go_orderly, go_by_reset, go_by_half };

static void
wait_until_let_go (Fixture *fixture)
{
  gint64 deadline = g_get_monotonic_time () + WIRE_LIMIT * G_USEC_PER_SEC;

  while (TRUE)
    {
      static const char request[] = "GET /metrics HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n"
                                    "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n\r\n";
      g_autofree char *metrics = fixture->is_tls ? tls_client_ask (&fixture->wire, request)
                                                 : wire_ask (&fixture->wire, request);

      /* The one that asks. */
      if (strstr (metrics, "\nvmd_channel_open_connections 1\n") != NULL)
        return;
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
    }
}

/* -- What it was at -- */

static const char *const beginnings[] = {
  "",
  "G",
  "GET /heal",
  "GET /healthz HTTP/1.1\r\n",
  "GET /healthz HTTP/1.1\r\nHost: vmd\r\nUser-Ag",
  "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\nGET /heal",
  "Content-Length: x\r\n",
  "Transfer-Encoding: x\r\n",
  "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n" DEVICE "Content-Length: 27\r\n\r\n",
  "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n" DEVICE
  "Content-Length: 27\r\n\r\n{\"version\":1",
  "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\nContent-Length: 27\r\n\r\n{\"version\":1",
};

static void
test_requests (Fixture *fixture, gconstpointer data)
{
  for (guint n_before = 0; n_before < 3; n_before++)
    for (guint i = 0; i < G_N_ELEMENTS (beginnings); i++)
      for (guint way = 0; way < G_N_ELEMENTS (ways); way++)
        {
          Peer peer;

          peer_connect (&peer, fixture);
          for (guint k = 0; k < n_before; k++)
            {
              peer_send (&peer, "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
              peer_read_until (&peer, "\"ok\"}");
            }
          peer_send (&peer, beginnings[i]);
          ways[way](&peer);
          wait_until_let_go (fixture);
        }
}

/* libsoup takes an answer with the status 500 for no answer. */
static void
test_after_failure (Fixture *fixture, gconstpointer data)
{
  memory_directory_break (fixture->wire.directory, TRUE);
  for (guint way = 0; way < G_N_ELEMENTS (ways); way++)
    {
      Peer peer;

      peer_connect (&peer, fixture);
      for (guint i = 0; i < 2; i++)
        {
          peer_send (&peer, REPORT);
          peer_read_until (&peer, "500 ");
          peer_read_until (&peer, "broken\"}}");
        }
      ways[way](&peer);
      wait_until_let_go (fixture);
    }
}

/* It is not the peer that goes. */
static void
test_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const refused[] = { "Content-Length: x\r\n", "Transfer-Encoding: x\r\n" };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      Peer peer;

      peer_connect (&peer, fixture);
      peer_send (&peer, "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
      peer_read_until (&peer, "\"ok\"}");
      peer_send (&peer, refused[i]);
      g_free (wire_read_all (peer.fd));
      wait_until_let_go (fixture);
      let_go (&peer);
    }
}

/* -- While the directory has its request -- */

static void
report_and_be_held (Peer *peer, Fixture *fixture)
{
  gint64 deadline = g_get_monotonic_time () + WIRE_LIMIT * G_USEC_PER_SEC;

  memory_directory_hold (fixture->wire.directory, TRUE);
  peer_connect (peer, fixture);
  peer_send (peer, REPORT);
  while (memory_directory_get_n_held (fixture->wire.directory) == 0)
    g_assert_cmpint (g_get_monotonic_time (), <, deadline);
}

/* Who only says no more has his answer; who has gone is not waited for. */
static void
test_held (Fixture *fixture, gconstpointer data)
{
  Peer peer;

  report_and_be_held (&peer, fixture);
  go_by_reset (&peer);
  wait_until_let_go (fixture);
  memory_directory_hold (fixture->wire.directory, FALSE);

  report_and_be_held (&peer, fixture);
  shutdown (peer.fd, SHUT_WR);
  memory_directory_hold (fixture->wire.directory, FALSE);
  peer_read_until (&peer, "204 ");
  g_free (wire_read_all (peer.fd));
  wait_until_let_go (fixture);
  let_go (&peer);
}

static void
wait_for_references (gpointer object, guint n)
{
  gint64 deadline = g_get_monotonic_time () + WIRE_LIMIT * G_USEC_PER_SEC;

  while ((guint) g_atomic_int_get (&G_OBJECT (object)->ref_count) != n)
    g_assert_cmpint (g_get_monotonic_time (), <, deadline);
}

/* The directory answers when the server is stopped and gone: nobody is left to be answered, and
 * nothing is left lying. LeakSanitizer tells. */
static void
test_late_answer (Fixture *fixture, gconstpointer data)
{
  Peer peer;

  report_and_be_held (&peer, fixture);
  vmd_channel_server_stop (fixture->wire.server);
  g_free (wire_read_all (peer.fd));
  g_clear_object (&fixture->wire.server);
  memory_directory_hold (fixture->wire.directory, FALSE);
  wait_for_references (fixture->wire.directory, 1);
  wait_for_references (fixture->wire.broker, 2); /* the directory's is the other */
  let_go (&peer);
}

static void
test_streams (Fixture *fixture, gconstpointer data)
{
  for (guint way = 0; way < G_N_ELEMENTS (ways); way++)
    {
      Peer peer;

      peer_connect (&peer, fixture);
      peer_send (&peer, "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\n" DEVICE "\r\n");
      peer_read_until (&peer, "{}}\n\n");
      ways[way](&peer);
      wait_until_let_go (fixture);
    }
}

/* A record that announces more than comes of it. */
static void
test_handshakes (Fixture *fixture, gconstpointer data)
{
  static const char *const handshakes[] = { "", "\x16", "\x16\x03\x01\x02",
                                            "\x16\x03\x01\x02\x08\x01" };

  for (guint i = 0; i < G_N_ELEMENTS (handshakes); i++)
    for (guint way = 0; way < G_N_ELEMENTS (ways); way++)
      {
        Peer peer = { .fd = wire_connect (&fixture->wire) };

        wire_send (peer.fd, handshakes[i]);
        ways[way](&peer);
        wait_until_let_go (fixture);
      }
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  certificate = tls_client_make_certificate ("server", &key);
#define ADD(path, is_tls, test)                                                                    \
  g_test_add ("/channel-gone/" path, Fixture, GINT_TO_POINTER (is_tls), set_up, test, tear_down)
  ADD ("plain/requests", FALSE, test_requests);
  ADD ("plain/after-failure", FALSE, test_after_failure);
  ADD ("plain/refused", FALSE, test_refused);
  ADD ("plain/held", FALSE, test_held);
  ADD ("plain/late-answer", FALSE, test_late_answer);
  ADD ("plain/streams", FALSE, test_streams);
  ADD ("tls/requests", TRUE, test_requests);
  ADD ("tls/after-failure", TRUE, test_after_failure);
  ADD ("tls/refused", TRUE, test_refused);
  ADD ("tls/held", TRUE, test_held);
  ADD ("tls/late-answer", TRUE, test_late_answer);
  ADD ("tls/streams", TRUE, test_streams);
  ADD ("tls/handshakes", TRUE, test_handshakes);
  result = g_test_run ();
  tls_client_remove_certificates ();
  g_free (key);
  return result;
}
