/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire-stream.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Requests that nobody meant: good ones with bytes changed, lost, doubled and put in between, cut
 * anywhere, with more behind them. Whatever it is, the answer is a status or the end of the
 * connection; nobody else notices, and nothing is left of it. The seed is GTest's. */

typedef struct
{
  Wire wire;
  WireStream *other; /* notices nothing */
} Fixture;

#define ADMIN "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n"
#define DEVICE "Authorization: Bearer token-d\r\n"
#define HOST "Host: vmd\r\n"

static const char *const requests[] = {
  "GET /v1/devices/d/config/stream HTTP/1.1\r\n" HOST DEVICE
  "Vmd-Instance: a\r\nLast-Event-ID: 7\r\nAccept: text/event-stream\r\n\r\n",
  "GET /v1/devices/d/config HTTP/1.1\r\n" HOST DEVICE "If-None-Match: \"1\"\r\n\r\n",
  "PUT /v1/devices/d/applied HTTP/1.1\r\n" HOST DEVICE
  "Content-Length: 44\r\n\r\n{\"version\":1,\"status\":\"ok\",\"message\":\"\xc3\xa4\xc3\xa4\"}",
  "PUT /v1/devices/d/applied HTTP/1.1\r\n" HOST DEVICE
  "Content-Length: 40000\r\n\r\n{\"version\":1,",
  "PATCH /v1/devices/d/config HTTP/1.1\r\n" HOST ADMIN
  "If-Match: \"1\"\r\nContent-Length: 15\r\n\r\n{\"key\":\"value\"}",
  "PUT /v1/devices/d/config HTTP/1.1\r\n" HOST ADMIN
  "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"key\":1\r\n1;x=y\r\n}\r\n0\r\n\r\n",
  "POST /v1/devices/d/rollback HTTP/1.1\r\n" HOST ADMIN
  "Expect: 100-continue\r\nContent-Length: 13\r\n\r\n{\"version\":1}",
  "GET /v1/devices?limit=10&after=%C3%A4 HTTP/1.1\r\n" HOST ADMIN
  "Range: bytes=0-1,3-4\r\n\r\nGET /healthz HTTP/1.1\r\n" HOST "\r\n",
  "GET /healthz HTTP/1.1\r\n" HOST "\r\nGET /openapi.json HTTP/1.1\r\n" HOST "\r\n",
  "GET http://vmd/healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
};

static const char *const insertions[] = {
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ":",
  "%",
  "%00",
  "%2e%2e%2f",
  "\xff\xfe",
  "\xc3",
  "\xf4\x90\x80",
  "HTTP/1.1",
  "HTTP/9.9",
  "Host: a\r\n",
  "\r\n folded",
  "{\"a\":",
  "Content-Length: 5\r\n",
  "Content-Length: -1\r\n",
  "99999999999999999999",
  "Transfer-Encoding: chunked\r\n",
  "Upgrade: h2c\r\nConnection: Upgrade\r\n",
  "fffffffffffffffff\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02",
};

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VmdChannelOptions options;

  wire_options_init (&options);
  options.header_deadline = GPOINTER_TO_UINT (data);
  options.lease = GPOINTER_TO_UINT (data);
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

static gsize
get_place (const GString *text)
{
  return g_test_rand_int_range (0, text->len + 1);
}

static void
change_once (GString *text)
{
  gsize place = get_place (text);
  gsize length = g_test_rand_int_range (1, 40);
  g_autofree char *piece = NULL;

  length = MIN (length, text->len - place);
  switch (g_test_rand_int_range (0, 7))
    {
    case 0: /* a byte, whatever it is */
      if (place < text->len)
        text->str[place] = g_test_rand_int ();
      break;
    case 1: /* lost */
      g_string_erase (text, place, length);
      break;
    case 2: /* doubled, elsewhere */
      piece = g_strndup (text->str + place, length);
      g_string_insert (text, get_place (text), piece);
      break;
    case 3: /* cut */
      g_string_truncate (text, place);
      break;
    case 4: /* a lot of the same */
      piece = g_strnfill (g_test_rand_int_range (1, 70000), 'A');
      g_string_insert (text, place, piece);
      break;
    default:
      g_string_insert (text, place,
                       insertions[g_test_rand_int_range (0, G_N_ELEMENTS (insertions))]);
      break;
    }
}

static GString *
make_request (void)
{
  GString *text = g_string_new (requests[g_test_rand_int_range (0, G_N_ELEMENTS (requests))]);

  for (gint32 n = g_test_rand_int_range (0, 4); n > 0; n--)
    change_once (text);
  return text;
}

/* With its NULs; in up to three pieces. */
static void
send_request (int fd, const GString *text)
{
  gsize sent = 0;

  while (sent < text->len)
    {
      gsize length = g_test_rand_bit () ? text->len - sent : get_place (text);
      gssize done = send (fd, text->str + sent, CLAMP (length, 1, text->len - sent), MSG_NOSIGNAL);

      if (done <= 0)
        return;
      sent += done;
    }
}

/* An answer that is one, or none. It is no fault of the server's, but libsoup may not know what is
 * asked of it: an encoding, a version. */
static void
check_answer (const char *answer, const GString *request)
{
  guint status = wire_get_status (answer);

  if (*answer != '\0' && status != 501 && status != 505 && (status < 100 || status > 499))
    g_error ("“%s” was answered by “%s”", request->str, answer);
}

/* Nothing of what was is there any more, but for the connection that asks and the other's. */
static void
wait_for_quiet (Fixture *fixture)
{
  gint64 deadline = g_get_monotonic_time () + WIRE_LIMIT * G_USEC_PER_SEC;

  while (wire_get_count (&fixture->wire, "vmd_channel_open_connections") > 2)
    g_assert_cmpint (g_get_monotonic_time (), <, deadline);
  wire_wait_for_connected (&fixture->wire, 1);
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  g_assert_cmpuint (wire_get_count (&fixture->wire, "vmd_channel_requests_failed_total"), ==, 0);
}

static void
test_changed (Fixture *fixture, gconstpointer data)
{
  const struct linger at_once = { .l_onoff = 1 };
  guint before;

  wait_for_quiet (fixture);
  before = wire_count_descriptors ();
  for (guint i = 0; i < scaled (4000); i++)
    {
      g_autoptr (GString) request = make_request ();
      g_autofree char *answer = NULL;
      int fd = wire_connect (&fixture->wire);
      gint32 way = g_test_rand_int_range (0, 10);

      send_request (fd, request);
      if (way == 0)
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      if (way > 1)
        {
          /* A stream ends by that, as its peer has gone. */
          shutdown (fd, SHUT_WR);
          answer = wire_read_all (fd);
          check_answer (answer, request);
        }
      close (fd);
      if (i % 100 == 0)
        wire_stream_pass (fixture->other, &fixture->wire, "other");
    }
  wait_for_quiet (fixture);
  /* The connection that asked last may be on its way out. */
  g_assert_cmpuint (wire_count_descriptors (), <=, before + 1);
}

/* Nobody ends these: the time that a request has does, be it header or body that is missing. */
static void
test_left_open (Fixture *fixture, gconstpointer data)
{
  int fds[64];
  guint before;

  wait_for_quiet (fixture);
  before = wire_count_descriptors ();
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      const char *request = requests[i % G_N_ELEMENTS (requests)];
      /* Without the end of it; a stream that has begun would go on. */
      gsize length = strlen (request) - 1 - i % 5;
      g_autoptr (GString) half = g_string_new_len (request, length);

      fds[i] = wire_connect (&fixture->wire);
      send_request (fds[i], half);
    }
  wire_stream_pass (fixture->other, &fixture->wire, "other");
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_free (wire_read_all (fds[i]));
      close (fds[i]);
    }
  wait_for_quiet (fixture);
  g_assert_cmpuint (wire_count_descriptors (), <=, before + 1);
}

/* What libsoup loses memory over does not get as far: LeakSanitizer tells. */
static void
test_lengths (Fixture *fixture, gconstpointer data)
{
  static const char *const headers[] = { "Transfer-Encoding: x", "Content-Length: 1x",
                                         "Transfer-Encoding: chunked, x",
                                         "Content-Length: 1\r\n 2" };
  g_autofree char *path = g_strnfill (10000, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      g_autofree char *request =
          g_strdup_printf ("GET /%s HTTP/1.1\r\n" HOST "%s\r\n\r\n", path, headers[i]);
      g_autofree char *answer = wire_ask (&fixture->wire, request);

      g_assert_cmpuint (wire_get_status (answer), ==, 400);
    }
}

/* Many requests at once, and each is answered, in their order. */
static void
test_pipelined (Fixture *fixture, gconstpointer data)
{
  const guint n = 500;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *answers = NULL;
  const char *next;
  int fd = wire_connect (&fixture->wire);

  for (guint i = 0; i < n; i++)
    g_string_append (text, i % 2 == 0 ? "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
                                      : "GET /v1/devices/none HTTP/1.1\r\n" HOST ADMIN "\r\n");
  g_string_append (text, "nonsense\r\n\r\n");
  wire_send (fd, text->str);
  answers = wire_read_all (fd);
  next = answers;
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpuint (wire_get_status (next), ==, i % 2 == 0 ? 200 : 404);
      next = strstr (next + 1, "HTTP/1.");
      g_assert_nonnull (next);
    }
  g_assert_cmpuint (wire_get_status (next), ==, 400);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, deadline, test)                                                                  \
  g_test_add ("/channel-fuzz/" path, Fixture, GUINT_TO_POINTER (deadline), set_up, test, tear_down)
  /* So far away that it lets nothing go that its peer's end should have. */
  ADD ("changed", 30 * WIRE_LIMIT, test_changed);
  ADD ("lengths", WIRE_LIMIT, test_lengths);
  ADD ("left-open", 1, test_left_open);
  ADD ("pipelined", WIRE_LIMIT, test_pipelined);
  return g_test_run ();
}
