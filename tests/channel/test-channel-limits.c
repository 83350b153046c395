/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is over a limit is answered, and then there is as much of everything as before. */

#define ADMIN "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n"
#define DEVICE "Authorization: Bearer token-d\r\n"

typedef struct
{
  guint max_connections;
  guint max_per_address;
  guint max_connects_per_second;
  guint header_deadline;
  guint lease;
} Limits;

typedef struct
{
  Wire wire;
  guint n_descriptors; /* before anybody connected */
} Fixture;

/* Where a deadline is short this may be too late itself. */
static guint
get_metric (Wire *wire, const char *name)
{
  g_autofree char *line = g_strdup_printf ("\nvmd_channel_%s ", name);

  while (TRUE)
    {
      g_autofree char *answer = wire_ask (
          wire, "GET /metrics HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n" ADMIN "\r\n");
      const char *found = strstr (answer, line);

      if (found != NULL)
        return atoi (found + strlen (line));
      g_assert_cmpuint (wire_get_status (answer), ==, 408);
    }
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  const Limits *limits = data;
  VmdChannelOptions options;

  wire_options_init (&options);
  /* Deadlines that a test does not ask for are no matter of its own speed. */
  options.header_deadline = limits->header_deadline != 0 ? limits->header_deadline : 60;
  options.lease = limits->lease != 0 ? limits->lease : 60;
  options.max_connections = limits->max_connections;
  options.max_connections_per_address = limits->max_per_address;
  options.max_connects_per_second = limits->max_connects_per_second;
  wire_start (&fixture->wire, &options);
  memory_directory_add (fixture->wire.directory, "d");
  memory_directory_add (fixture->wire.directory, "e");
  /* What libraries open once and for all. */
  g_free (wire_ask (&fixture->wire, "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n" DEVICE
                                    "Connection: close\r\nContent-Length: 27\r\n\r\n"
                                    "{\"version\":1,\"status\":\"ok\"}"));
  while (get_metric (&fixture->wire, "open_connections") > 1)
    g_thread_yield ();
  fixture->n_descriptors = wire_count_descriptors ();
}

/* The test has closed all that was its own. */
static void
tear_down (Fixture *fixture, gconstpointer data)
{
  while (get_metric (&fixture->wire, "open_connections") > 1 ||
         get_metric (&fixture->wire, "connected") > 0)
    g_thread_yield ();
  while (wire_count_descriptors () > fixture->n_descriptors)
    g_thread_yield ();
  wire_stop (&fixture->wire);
}

static void
assert_healthy (Wire *wire)
{
  g_autofree char *answer =
      wire_ask (wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");

  g_assert_cmpuint (wire_get_status (answer), ==, 200);
}

/* -- What is too large -- */

static void
test_header (Fixture *fixture, gconstpointer data)
{
  static const gsize sizes[] = { 17 * 1024, 40 * 1024, 70 * 1024, 1024 * 1024 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *padding = g_strnfill (sizes[i], 'x');
      for (guint k = 0; k < 2; k++)
        {
          g_autofree char *request = NULL;
          g_autofree char *answer = NULL;
          int fd = wire_connect (&fixture->wire);

          /* The second one on its connection: the first is no measure for it. */
          wire_send (fd, "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
          g_free (wire_read_until (fd, "\"ok\"}"));
          request = g_strdup_printf (k == 0 ? "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: "
                                              "close\r\nPadding: %s\r\n\r\n"
                                            : "GET /%s HTTP/1.1\r\nHost: vmd\r\nConnection: "
                                              "close\r\n\r\n",
                                     padding);
          wire_send (fd, request);
          answer = wire_read_all (fd);
          g_assert_cmpuint (wire_get_status (answer), ==, 431);
          close (fd);
        }
    }
  assert_healthy (&fixture->wire);
}

static void
test_body (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *authorization;
    gsize length;
    guint status;
  } table[] = {
    { ADMIN, 128 * 1024 + 1, 413 }, { ADMIN, 300 * 1024, 413 }, { ADMIN, 8 * 1024 * 1024, 413 },
    { "", 8 * 1024 * 1024, 413 },   { "", 128 * 1024, 401 },    { ADMIN, 128 * 1024, 200 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *padding = g_strnfill (table[i].length - strlen ("{\"key\":\"\"}"), 'x');
      g_autofree char *request = g_strdup_printf (
          "PUT /v1/devices/d/config HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n%s"
          "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n{\"key\":\"%s\"}",
          table[i].authorization, table[i].length, padding);
      g_autofree char *answer = wire_ask (&fixture->wire, request);

      g_assert_cmpuint (wire_get_status (answer), ==, table[i].status);
    }
}

/* An answer before the end, or nothing: in either case the end. */
static void
test_malformed (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *request;
    guint status; /* 0: whatever, but no success */
  } table[] = {
    { "GET\r\n\r\n", 400 },
    { "GET /healthz\r\n\r\n", 400 },
    { "GET /healthz HTTP/9.9\r\nHost: vmd\r\n\r\n", 0 },
    { "\x16\x03\x01\x02\r\n\r\n", 400 },
    { "GET healthz HTTP/1.1\r\nHost: vmd\r\n\r\n", 0 },
    { "GET /%zz%00 HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n", 0 },
    { "GET /../../etc/passwd HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n", 404 },
    { "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n" DEVICE
      "Content-Length: -1\r\n\r\n",
      0 },
    { "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n" DEVICE
      "Content-Length: 99999999999999999999\r\n\r\n",
      0 },
    { "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n" DEVICE
      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      411 },
    { "CONNECT example.com:80 HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n", 0 },
    { "OPTIONS * HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      int fd = wire_connect (&fixture->wire);
      g_autofree char *answer = NULL;

      wire_send (fd, table[i].request);
      shutdown (fd, SHUT_WR);
      answer = wire_read_all (fd);
      close (fd);
      if (table[i].status != 0)
        g_assert_cmpuint (wire_get_status (answer), ==, table[i].status);
      else if (wire_get_status (answer) != 0)
        g_assert_cmpuint (wire_get_status (answer), >=, 400);
    }
  assert_healthy (&fixture->wire);
}

/* -- What is too slow -- */

/* Byte after byte, as long as there is no answer. Nothing is waited for here but that. (transfer
 * full) */
static char *
trickle (Wire *wire, const char *request, char byte)
{
  int fd = wire_connect (wire);
  char *answer;

  wire_send (fd, request);
  while (TRUE)
    {
      struct pollfd fds = { .fd = fd, .events = POLLIN };

      if (poll (&fds, 1, 20) > 0)
        break;
      send (fd, &byte, 1, MSG_NOSIGNAL);
    }
  answer = wire_read_all (fd);
  close (fd);
  return answer;
}

static void
test_slow_requests (Fixture *fixture, gconstpointer data)
{
  static const char *const requests[] = {
    "",
    "GET /healthz HTTP/1.1\r\nPadding: ",
    "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n" DEVICE "Content-Length: 8000\r\n\r\n",
    "PUT /v1/devices/d/config HTTP/1.1\r\nHost: vmd\r\nContent-Length: 120000\r\n\r\n",
  };
  guint before = get_metric (&fixture->wire, "requests_late_total");

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_autofree char *answer = trickle (&fixture->wire, requests[i], 'x');

      g_assert_cmpuint (wire_get_status (answer), ==, 408);
    }
  g_assert_cmpuint (get_metric (&fixture->wire, "requests_late_total"), ==,
                    before + G_N_ELEMENTS (requests));
}

/* Whoever has had his answer, and says no more, is not told that he is late: he could take that for
 * the answer to what he is about to ask. */
static void
test_idle (Fixture *fixture, gconstpointer data)
{
  int fd = wire_connect (&fixture->wire);
  g_autofree char *rest = NULL;

  wire_send (fd, "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
  g_free (wire_read_until (fd, "\"ok\"}"));
  rest = wire_read_all (fd);
  g_assert_cmpstr (rest, ==, "");
  close (fd);
}

/* Asks and asks, and takes no answer. */
static void
test_answer_not_taken (Fixture *fixture, gconstpointer data)
{
  int fd = wire_connect (&fixture->wire);

  while (send (fd, "GET /openapi.json HTTP/1.1\r\nHost: vmd\r\n\r\n", 41,
               MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
    continue;
  while (get_metric (&fixture->wire, "open_connections") > 1)
    g_thread_yield ();
  g_assert_cmpuint (get_metric (&fixture->wire, "requests_late_total"), >=, 1);
  close (fd);
}

/* The directory is slow; the peer is given up meanwhile, or goes. */
static void
test_gone_meanwhile (Fixture *fixture, gconstpointer data)
{
  static const char report[] = "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n" DEVICE
                               "Content-Length: 27\r\n\r\n{\"version\":1,\"status\":\"ok\"}";
  int waits, goes;

  memory_directory_hold (fixture->wire.directory, TRUE);
  goes = wire_connect (&fixture->wire);
  wire_send (goes, report);
  close (goes);
  waits = wire_connect (&fixture->wire);
  wire_send (waits, report);
  g_free (wire_read_all (waits));
  close (waits);
  memory_directory_hold (fixture->wire.directory, FALSE);
  assert_healthy (&fixture->wire);
}

/* -- What is too many -- */

static void
test_total (Fixture *fixture, gconstpointer data)
{
  const Limits *limits = data;
  Wire *wire = &fixture->wire;
  int streams[2], idle[16];
  g_autofree char *answer = NULL;
  guint n_idle = limits->max_connections - 2;

  streams[0] = wire_subscribe (wire, "d", "");
  streams[1] = wire_subscribe (wire, "e", "");
  for (guint i = 0; i < n_idle; i++)
    {
      idle[i] = wire_connect (wire);
      wire_send (idle[i], "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
      g_free (wire_read_until (idle[i], "\"ok\"}"));
    }
  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *refusal =
          wire_ask (wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");

      g_assert_cmpuint (wire_get_status (refusal), ==, 503);
      g_assert_nonnull (strstr (refusal, "\r\nRetry-After: "));
    }
  wire_send (idle[0], "GET /metrics HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n" ADMIN "\r\n");
  answer = wire_read_all (idle[0]);
  g_assert_nonnull (strstr (answer, "\nvmd_channel_connections_refused_total 20\n"));
  /* A place that was left is free, a stream's too. */
  close (streams[0]);
  while (TRUE)
    {
      g_autofree char *again =
          wire_ask (wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");

      if (wire_get_status (again) == 200)
        break;
    }
  close (streams[1]);
  for (guint i = 0; i < n_idle; i++)
    close (idle[i]);
}

static int
adopt (Wire *wire, const char *guest)
{
  const struct timeval limit = { .tv_sec = WIRE_LIMIT };
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  setsockopt (fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  vmd_channel_server_adopt (wire->server, fds[1], guest);
  return fds[0];
}

/* A guest that takes all that it can get leaves the others theirs. */
static void
test_guests (Fixture *fixture, gconstpointer data)
{
  const Limits *limits = data;
  Wire *wire = &fixture->wire;
  g_autofree char *refusal = NULL;
  int greedy[16], modest, another;

  for (guint i = 0; i < limits->max_per_address; i++)
    greedy[i] = adopt (wire, "guest/greedy");
  another = adopt (wire, "guest/greedy");
  refusal = wire_read_all (another);
  g_assert_cmpuint (wire_get_status (refusal), ==, 429);
  close (another);
  modest = adopt (wire, "guest/modest");
  wire_send (modest, "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
  g_free (wire_read_until (modest, "\"ok\"}"));
  for (guint i = 0; i < limits->max_per_address; i++)
    close (greedy[i]);
  while (get_metric (wire, "open_connections") > 2)
    g_thread_yield ();
  another = adopt (wire, "guest/greedy");
  wire_send (another, "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
  g_free (wire_read_until (another, "\"ok\"}"));
  close (another);
  close (modest);
}

/* Only who has shown who it is uses up the device's share; the rest of its connection is good. */
static void
test_connects (Fixture *fixture, gconstpointer data)
{
  static const char ask[] =
      "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n" DEVICE
      "\r\n";
  Wire *wire = &fixture->wire;
  gboolean refused = FALSE;
  int other;

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *answer = wire_ask (
          wire, "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n"
                "Authorization: Bearer wrong\r\n\r\n");

      g_assert_cmpuint (wire_get_status (answer), ==, 401);
    }
  while (!refused)
    {
      int fd = wire_connect (wire);
      g_autofree char *answer = NULL;

      wire_send (fd, ask);
      answer = wire_read_until (fd, "\r\n\r\n");
      refused = wire_get_status (answer) == 429;
      g_assert_true (refused || wire_get_status (answer) == 200);
      g_assert_true (!refused || strstr (answer, "\r\nRetry-After: 1\r\n") != NULL);
      close (fd);
    }
  other = wire_subscribe (wire, "e", "");
  close (other);
}

/* -- Descriptors -- */

/* Room for so many more. */
static void
limit_descriptors (guint n_more, struct rlimit *before)
{
  struct rlimit limit;
  int highest = dup (0);

  close (highest);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, before), ==, 0);
  limit = *before;
  limit.rlim_cur = highest + n_more;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

#define N_CLIENTS 60
#define N_ROOM 10

/* Those for whom there is none are hung up on at once; who is there is served on, and when there
 * are some again, so are new ones. */
static void
test_no_descriptors (Fixture *fixture, gconstpointer data)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                 .sin_port = htons (fixture->wire.port) };
  const struct timeval time_limit = { .tv_sec = WIRE_LIMIT };
  int clients[N_CLIENTS];
  struct rlimit before;
  guint n_served = 0;

  for (guint i = 0; i < N_CLIENTS; i++)
    {
      clients[i] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      setsockopt (clients[i], SOL_SOCKET, SO_RCVTIMEO, &time_limit, sizeof time_limit);
    }
  limit_descriptors (N_ROOM, &before);
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      g_assert_cmpint (connect (clients[i], (struct sockaddr *) &address, sizeof address), ==, 0);
      wire_send (clients[i], "GET /healthz HTTP/1.1\r\nHost: vmd\r\n\r\n");
    }
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      char first;

      n_served += recv (clients[i], &first, 1, 0) == 1;
    }
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_cmpuint (n_served, >, 0);
  g_assert_cmpuint (n_served, <=, N_ROOM);
  /* valgrind makes that limit up, and hangs up on one of two by itself. */
  if (g_getenv ("VMD_THREAD_CHECKER") == NULL)
    g_assert_cmpuint (get_metric (&fixture->wire, "connections_without_descriptor_total"), ==,
                      N_CLIENTS - n_served);
  for (guint i = 0; i < N_CLIENTS; i++)
    close (clients[i]);
  assert_healthy (&fixture->wire);
}

/* -- Adopting while it stops -- */

#define N_ADOPTERS 4
#define N_ADOPTED 200

static gpointer
adopt_many (gpointer data)
{
  Wire *wire = data;

  for (guint i = 0; i < scaled (N_ADOPTED); i++)
    {
      int fd = adopt (wire, "guest/1");
      g_autofree char *answer = NULL;

      wire_send (fd, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");
      /* An answer or an end, but never nothing. */
      answer = wire_read_all (fd);
      close (fd);
    }
  return NULL;
}

static void
test_adopted_while_stopping (void)
{
  for (guint round = 0; round < scaled (10); round++)
    {
      GThread *threads[N_ADOPTERS];
      VmdChannelOptions options;
      Wire wire = { 0 };

      vmd_channel_options_init (&options);
      wire_start (&wire, &options);
      for (guint i = 0; i < N_ADOPTERS; i++)
        threads[i] = g_thread_new ("adopter", adopt_many, &wire);
      g_free (adopt_many (&wire));
      vmd_channel_server_stop (wire.server);
      for (guint i = 0; i < N_ADOPTERS; i++)
        g_thread_join (threads[i]);
      wire_stop (&wire);
    }
}

int
main (int argc, char **argv)
{
  static const Limits none = { 0 };
  static const Limits hurried = { .header_deadline = 1, .lease = 1 };
  static const Limits few = { .max_connections = 8 };
  static const Limits few_each = { .max_per_address = 4 };
  static const Limits rare = { .max_connects_per_second = 1 };

  g_test_init (&argc, &argv, NULL);
#define ADD(path, limits, test)                                                                    \
  g_test_add ("/channel-limits/" path, Fixture, limits, set_up, test, tear_down)
  ADD ("header", &none, test_header);
  ADD ("body", &none, test_body);
  ADD ("malformed", &none, test_malformed);
  ADD ("slow-requests", &hurried, test_slow_requests);
  ADD ("idle", &hurried, test_idle);
  ADD ("answer-not-taken", &hurried, test_answer_not_taken);
  ADD ("gone-meanwhile", &hurried, test_gone_meanwhile);
  ADD ("total", &few, test_total);
  ADD ("guests", &few_each, test_guests);
  ADD ("connects", &rare, test_connects);
  ADD ("no-descriptors", &none, test_no_descriptors);
  g_test_add_func ("/channel-limits/adopted-while-stopping", test_adopted_while_stopping);
  return g_test_run ();
}
