/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "tls-client.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The channel over TLS: what it promises without it, and peers that do not get so far. */

#define N_STALLED 300

static const char *certificate, *other_certificate;
static char *key, *other_key;

static void
set_up (Wire *wire, gconstpointer data)
{
  VmdChannelOptions options;

  wire_options_init (&options);
  /* No heartbeats between what is compared, however slow it is. */
  options.heartbeat = 600;
  options.certificate = certificate;
  options.key = key;
  options.header_deadline = data != NULL ? *(const guint *) data : 60;
  wire_start (wire, &options);
  memory_directory_add (wire->directory, "d");
}

static void
tear_down (Wire *wire, gconstpointer data)
{
  wire_stop (wire);
}

static char *
dup_event (guint64 version, gsize size)
{
  g_autofree char *value = g_strnfill (size, 'x');

  return g_strdup_printf ("event: snapshot\nid: %" G_GUINT64_FORMAT
                          "\ndata: {\"version\":%" G_GUINT64_FORMAT
                          ",\"values\":{\"key\":\"%s\"}}\n\n",
                          version, version, value);
}

/* Of more than one record, and of less. */
static void
test_stream (Wire *wire, gconstpointer data)
{
  static const gsize sizes[] = { 0, 10, 16 * 1024, 60000, 1 };
  g_autoptr (TlsClient) client = tls_client_subscribe (wire, "d", "");

  g_free (tls_client_read_until (client, "\n\n"));
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint64 version = memory_directory_set (wire->directory, "d", sizes[i]);
      g_autofree char *expected = dup_event (version, sizes[i]);
      g_autofree char *pushed = tls_client_read_until (client, "\n\n");

      g_assert_cmpstr (pushed, ==, expected);
    }
  g_assert_true (g_str_has_prefix (vmd_channel_server_get_address (wire->server), "https://"));
}

/* Several on one connection, with a body of several records, and a stream at the end. */
static void
test_requests (Wire *wire, gconstpointer data)
{
  g_autoptr (TlsClient) client = tls_client_new (wire_connect (wire), NULL);
  g_autofree char *value = g_strnfill (60000, 'y');
  g_autofree char *body = g_strdup_printf ("{\"key\":\"%s\"}", value);
  g_autofree char *put = g_strdup_printf ("PUT /v1/devices/d/config HTTP/1.1\r\nHost: vmd\r\n"
                                          "Authorization: Bearer " MEMORY_ADMIN_TOKEN
                                          "\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                                          strlen (body), body);

  g_assert_cmpint (tls_client_shake_hands (client), ==, 0);
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *answer = NULL;
      g_autofree char *values = NULL;

      tls_client_send (client, put);
      answer = tls_client_read_until (client, "\"version\":");
      g_assert_cmpuint (wire_get_status (answer), ==, 200);
      g_free (tls_client_read_until (client, "}"));
      tls_client_send (client, "GET /v1/devices/d/config HTTP/1.1\r\nHost: vmd\r\n"
                               "Authorization: Bearer token-d\r\n\r\n");
      values = tls_client_read_until (client, "}}");
      g_assert_nonnull (strstr (values, value));
    }
  tls_client_send (client, "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\n"
                           "Authorization: Bearer token-d\r\n\r\n");
  g_free (tls_client_read_until (client, "event: snapshot\n"));
}

/* The last word arrives, and that it was the last is said by TLS too. */
static void
test_farewells (Wire *wire, gconstpointer data)
{
  static const struct
  {
    VmdSubscriptionEnd end;
    const char *farewell;
  } table[] = {
    { VMD_SUBSCRIPTION_REVOKED,
      "event: revoked\ndata: {\"reason\":\"the token has been revoked or has expired\"}\n\n" },
    { VMD_SUBSCRIPTION_DELETED,
      "event: deleted\ndata: {\"reason\":\"the device has been removed\"}\n\n" },
    { VMD_SUBSCRIPTION_SUPERSEDED,
      "event: superseded\ndata: {\"reason\":\"another client has connected as this device\"}\n\n" },
    { VMD_SUBSCRIPTION_SHUT_DOWN,
      "event: shutdown\ndata: {\"reason\":\"the server is shutting down\"}\n\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (TlsClient) client = tls_client_subscribe (wire, "d", "");
      g_autoptr (TlsClient) newcomer = NULL;
      g_autofree char *rest = NULL;
      gboolean was_told = FALSE;

      if (table[i].end == VMD_SUBSCRIPTION_SUPERSEDED)
        newcomer = tls_client_subscribe (wire, "d", "");
      else if (table[i].end == VMD_SUBSCRIPTION_SHUT_DOWN)
        vmd_channel_server_stop (wire->server);
      else
        vmd_broker_end_device (wire->broker, "d", NULL, table[i].end);
      rest = tls_client_read_all (client, &was_told);
      g_assert_true (g_str_has_suffix (rest, table[i].farewell));
      g_assert_true (was_told);
    }
}

static guint
find_metric (const char *answer, const char *name)
{
  g_autofree char *line = g_strdup_printf ("\nvmd_channel_%s ", name);
  const char *found = strstr (answer, line);

  g_assert_nonnull (found);
  return atoi (found + strlen (line));
}

/* On a connection that is used again. */
static guint
ask_metric (TlsClient *client, const char *name)
{
  g_autofree char *answer = NULL;

  tls_client_send (client, "GET /metrics HTTP/1.1\r\nHost: vmd\r\n"
                           "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n\r\n");
  answer = tls_client_read_answer (client);
  return find_metric (answer, name);
}

/* On a connection of its own, which is closed afterwards. */
static guint
get_metric (Wire *wire, const char *name)
{
  g_autofree char *answer =
      tls_client_ask (wire, "GET /metrics HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n"
                            "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n\r\n");

  return find_metric (answer, name);
}

/* Sets "d" until its stream, which nobody reads, takes no more. That is known when two values for
 * another device, which the same loop serves after it, have come and "d" has not been taken. */
static void
fill_up (Wire *wire)
{
  g_autoptr (TlsClient) asking = tls_client_new (wire_connect (wire), NULL);
  g_autoptr (TlsClient) other = NULL;
  guint before, now;

  g_assert_cmpint (tls_client_shake_hands (asking), ==, 0);
  memory_directory_add (wire->directory, "other");
  other = tls_client_subscribe (wire, "other", "");
  g_free (tls_client_read_until (other, "\n\n"));
  now = ask_metric (asking, "snapshots_total");
  do
    {
      before = now;
      memory_directory_set (wire->directory, "d", 60000);
      for (guint i = 0; i < 2; i++)
        {
          memory_directory_set (wire->directory, "other", 1);
          g_free (tls_client_read_until (other, "\n\n"));
        }
      now = ask_metric (asking, "snapshots_total");
    }
  while (now > before + 2);
}

/* 54, 60: whoever reads nothing of a record that is half out is broken off at once. */
static void
test_stopped_reader (Wire *wire, gconstpointer data)
{
  g_autoptr (TlsClient) stopped = tls_client_subscribe (wire, "d", "Vmd-Instance: a\r\n");
  g_autoptr (TlsClient) live = NULL;
  g_autofree char *rest = NULL;
  gboolean was_told = TRUE;

  fill_up (wire);
  for (guint i = 0; i < scaled (100); i++)
    {
      guint64 version = memory_directory_set (wire->directory, "d", 100);
      g_autofree char *expected = dup_event (version, 100);
      TlsClient *next = tls_client_subscribe (wire, "d", "Vmd-Instance: a\r\n");
      g_autofree char *snapshot = tls_client_read_until (next, "\n\n");

      g_assert_cmpstr (snapshot, ==, expected);
      g_clear_pointer (&live, tls_client_free);
      live = next;
    }
  while (vmd_broker_get_n_live (wire->broker) > 1)
    g_thread_yield ();
  /* What the kernel had, and then the end, in the middle of a record. */
  rest = tls_client_read_all (stopped, &was_told);
  g_assert_null (strstr (rest, "superseded"));
  g_assert_false (was_told);
}

/* One that stops reading for good does not outlive the stop either: wire_stop() looks. */
static void
test_stop (Wire *wire, gconstpointer data)
{
  g_autoptr (TlsClient) stopped = tls_client_subscribe (wire, "d", "");
  g_autoptr (TlsClient) half_asked = tls_client_new (wire_connect (wire), NULL);
  int silent = wire_connect (wire);
  int half_shaken = wire_connect (wire);
  gboolean was_told = TRUE;

  g_assert_cmpint (tls_client_shake_hands (half_asked), ==, 0);
  tls_client_send (half_asked, "GET /v1/de");
  g_assert_cmpint (send (half_shaken, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, 0), ==,
                   11);
  fill_up (wire);
  vmd_channel_server_stop (wire->server);
  g_free (tls_client_read_all (stopped, &was_told));
  g_assert_false (was_told);
  close (silent);
  close (half_shaken);
}

/* A peer that goes in the middle, by TLS or without a word, is gone. */
static void
test_hangs_up (Wire *wire, gconstpointer data)
{
  for (guint i = 0; i < 2; i++)
    {
      TlsClient *client = tls_client_subscribe (wire, "d", "");

      if (i == 0)
        gnutls_bye (client->session, GNUTLS_SHUT_WR);
      tls_client_free (client);
      while (vmd_broker_get_n_live (wire->broker) > 0)
        g_thread_yield ();
    }
}

/* More than there are threads in any pool stop in the middle of the handshake, at all its stages.
 * Others are served meanwhile; then the deadline comes, and nothing is left. */
static void
test_stalled_handshakes (Wire *wire, gconstpointer data)
{
  static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
  guint before = wire_count_descriptors ();
  guint n_stalled = scaled (N_STALLED);
  g_autofree int *fds = g_new (int, n_stalled);

  for (guint i = 0; i < n_stalled; i++)
    {
      gsize length = i % sizeof hello;

      fds[i] = wire_connect (wire);
      g_assert_cmpint (send (fds[i], hello, length, 0), ==, length);
    }
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (TlsClient) client = tls_client_subscribe (wire, "d", "");

      g_free (tls_client_read_until (client, "\n\n"));
    }
  for (guint i = 0; i < n_stalled; i++)
    {
      g_free (wire_read_all (fds[i]));
      close (fds[i]);
    }
  while (get_metric (wire, "open_connections") > 1)
    g_thread_yield ();
  while (wire_count_descriptors () > before)
    g_thread_yield ();
}

/* Byte by byte is slow, and right. */
static void
test_trickled_handshake (Wire *wire, gconstpointer data)
{
  int relay[2];
  g_autoptr (TlsClient) client = NULL;
  g_autofree char *answer = NULL;
  char hello[4096];
  gboolean was_told;
  gssize length;
  int fd = wire_connect (wire);

  /* The first flight is caught, then sent by hand; the rest goes over the socket itself. */
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, relay), ==, 0);
  client = tls_client_new (fd, NULL);
  gnutls_transport_set_int (client->session, relay[0]);
  g_assert_cmpint (gnutls_handshake (client->session), ==, GNUTLS_E_AGAIN);
  length = recv (relay[1], hello, sizeof hello, 0);
  g_assert_cmpint (length, >, 0);
  for (gssize i = 0; i < length; i++)
    g_assert_cmpint (send (fd, hello + i, 1, 0), ==, 1);
  gnutls_transport_set_int (client->session, fd);
  g_assert_cmpint (tls_client_shake_hands (client), ==, 0);
  tls_client_send (client, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");
  answer = tls_client_read_all (client, &was_told);
  g_assert_cmpuint (wire_get_status (answer), ==, 200);
  g_assert_true (was_told);
  close (relay[0]);
  close (relay[1]);
}

/* In words that the client reads, though it speaks no TLS; garbage has no such claim. */
static void
test_plain_to_tls (Wire *wire, gconstpointer data)
{
  g_autofree char *answer =
      wire_ask (wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");
  g_autofree char *garbage = wire_ask (wire, "\x01\x02 no TLS at all, and no HTTP\n\n\n");
  const char *body = strstr (answer, "\r\n\r\n");

  g_assert_cmpuint (wire_get_status (answer), ==, 400);
  g_assert_nonnull (body);
  g_assert_cmpuint (strlen (body + 4), ==,
                    atoi (strstr (answer, "Content-Length: ") + strlen ("Content-Length: ")));
  g_assert_nonnull (strstr (body, "https://"));
  g_assert_cmpuint (wire_get_status (garbage), ==, 0);
}

static void
test_tls_to_plain (void)
{
  VmdChannelOptions options;
  Wire wire = { 0 };
  g_autofree char *answer = NULL;

  wire_options_init (&options);
  /* To a server without TLS that hello is a line which does not end. */
  options.header_deadline = 2;
  wire_start (&wire, &options);
  {
    g_autoptr (TlsClient) client = tls_client_new (wire_connect (&wire), NULL);

    g_assert_cmpint (tls_client_shake_hands (client), <, 0);
  }
  answer = wire_ask (&wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n");
  g_assert_cmpuint (wire_get_status (answer), ==, 200);
  wire_stop (&wire);
}

static void
test_versions (Wire *wire, gconstpointer data)
{
  static const struct
  {
    const char *priority;
    gboolean is_spoken;
  } table[] = {
    { "NORMAL:-VERS-ALL:+VERS-TLS1.3", TRUE },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.2", TRUE },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.1", FALSE },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.0", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (TlsClient) client = tls_client_new (wire_connect (wire), table[i].priority);

      g_assert_cmpint (tls_client_shake_hands (client) == 0, ==, table[i].is_spoken);
    }
}

/* A second handshake within a session is refused, which ends it. */
static void
test_renegotiation (Wire *wire, gconstpointer data)
{
  g_autoptr (TlsClient) client =
      tls_client_new (wire_connect (wire), "NORMAL:-VERS-ALL:+VERS-TLS1.2");

  g_assert_cmpint (tls_client_shake_hands (client), ==, 0);
  g_assert_cmpint (tls_client_shake_hands (client), <, 0);
}

/* -- What it starts with -- */

static void
assert_refused (const VmdChannelOptions *options, VmdError code, const char *words)
{
  g_autoptr (VmdMemoryStorage) storage = vmd_memory_storage_new ();
  g_autoptr (VmdClock) clock = vmd_system_clock_new ();
  const VmdContestLimits limits = { 5, 10 };
  g_autoptr (VmdBroker) broker = vmd_broker_new (VMD_BROKER_STORAGE (storage), clock, 1, &limits);
  g_autoptr (MemoryDirectory) directory = memory_directory_new (broker);
  g_autoptr (VmdChannelServer) server =
      vmd_channel_server_new (VMD_DEVICE_DIRECTORY (directory), broker, options);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_channel_server_start (server, &error));
  g_assert_error (error, VMD_ERROR, (int) code);
  if (strstr (error->message, words) == NULL)
    g_error ("“%s” is not in: %s", words, error->message);
}

static void
test_credentials (void)
{
  g_autofree char *missing = g_strconcat (certificate, ".not-there", NULL);
  g_autofree char *empty = g_strconcat (certificate, ".empty", NULL);
  const struct
  {
    const char *certificate, *key;
    VmdError code;
    const char *words;
  } table[] = {
    { missing, key, VMD_ERROR_NOT_FOUND, missing },
    { certificate, missing, VMD_ERROR_NOT_FOUND, missing },
    { empty, key, VMD_ERROR_INVALID_ARGUMENT, empty },
    { certificate, empty, VMD_ERROR_INVALID_ARGUMENT, empty },
    { key, key, VMD_ERROR_INVALID_ARGUMENT, "is no certificate" },
    { certificate, certificate, VMD_ERROR_INVALID_ARGUMENT, "is no private key" },
    { certificate, other_key, VMD_ERROR_INVALID_ARGUMENT, other_key },
    { other_certificate, key, VMD_ERROR_INVALID_ARGUMENT, other_certificate },
    { certificate, NULL, VMD_ERROR_INVALID_ARGUMENT, "“certificate” and “key” go together" },
    { NULL, key, VMD_ERROR_INVALID_ARGUMENT, "“certificate” and “key” go together" },
  };

  g_assert_true (g_file_set_contents (empty, "", 0, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      VmdChannelOptions options;

      wire_options_init (&options);
      options.certificate = table[i].certificate;
      options.key = table[i].key;
      assert_refused (&options, table[i].code, table[i].words);
    }
}

static void
copy (const char *from, const char *to)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length = 0;

  g_file_get_contents (from, &text, &length, &error);
  g_assert_no_error (error);
  g_file_set_contents (to, text, length, &error);
  g_assert_no_error (error);
}

/* The certificate that is in @path is what whoever connects now is shown. */
static void
assert_shown (Wire *wire, const char *path)
{
  g_autoptr (TlsClient) client = tls_client_new (wire_connect (wire), NULL);
  g_autoptr (GTlsCertificate) expected = g_tls_certificate_new_from_file (path, NULL);
  g_autoptr (GByteArray) bytes = NULL;
  const gnutls_datum_t *shown;
  guint n = 0;

  g_assert_cmpint (tls_client_shake_hands (client), ==, 0);
  shown = gnutls_certificate_get_peers (client->session, &n);
  g_assert_cmpuint (n, ==, 1);
  g_object_get (expected, "certificate", &bytes, NULL);
  g_assert_cmpmem (shown->data, shown->size, bytes->data, bytes->len);
}

static void
assert_stays (Wire *wire, VmdError code, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_channel_server_reload_certificate (wire->server, &error));
  g_assert_error (error, VMD_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, words));
  assert_shown (wire, other_certificate);
}

/* A renewed pair is shown to whoever comes then, one that is no good to nobody, and whoever is
 * there notices neither. */
static void
test_renewed (void)
{
  g_autofree char *shown = g_strconcat (certificate, ".shown", NULL);
  g_autofree char *its_key = g_strconcat (key, ".shown", NULL);
  g_autoptr (TlsClient) stream = NULL;
  g_autoptr (GError) error = NULL;
  VmdChannelOptions options;
  Wire wire;

  wire_options_init (&options);
  options.certificate = shown;
  options.key = its_key;
  copy (certificate, shown);
  copy (key, its_key);
  wire_start (&wire, &options);
  memory_directory_add (wire.directory, "d");
  stream = tls_client_subscribe (&wire, "d", "");

  copy (other_certificate, shown);
  assert_shown (&wire, certificate);
  g_assert_false (vmd_channel_server_reload_certificate (wire.server, NULL));
  assert_shown (&wire, certificate);
  copy (other_key, its_key);
  g_assert_true (vmd_channel_server_reload_certificate (wire.server, &error));
  g_assert_no_error (error);
  assert_shown (&wire, other_certificate);

  copy (key, its_key);
  assert_stays (&wire, VMD_ERROR_INVALID_ARGUMENT, its_key);
  copy (certificate, its_key);
  assert_stays (&wire, VMD_ERROR_INVALID_ARGUMENT, "is no private key");
  g_assert_cmpint (g_unlink (shown), ==, 0);
  assert_stays (&wire, VMD_ERROR_NOT_FOUND, shown);
  memory_directory_set (wire.directory, "d", 10);
  g_free (tls_client_read_until (stream, "xxxxxxxxxx"));
  wire_stop (&wire);
}

/* Plain HTTP is for the machine itself. */
static void
test_plain_elsewhere (void)
{
  static const char *const addresses[] = { "0.0.0.0:0", "[::]:0", "192.0.2.1:80",
                                           "[::ffff:127.0.0.1]:0" };

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      VmdChannelOptions options;

      wire_options_init (&options);
      options.listen = addresses[i];
      assert_refused (&options, VMD_ERROR_INVALID_ARGUMENT, "“certificate” and “key”");
      assert_refused (&options, VMD_ERROR_INVALID_ARGUMENT, addresses[i]);
    }
}

int
main (int argc, char **argv)
{
  static const guint one_second = 1;
  int result;

  g_test_init (&argc, &argv, NULL);
  certificate = tls_client_make_certificate ("server", &key);
  other_certificate = tls_client_make_certificate ("other", &other_key);
#define ADD(path, data, test) g_test_add ("/channel-tls/" path, Wire, data, set_up, test, tear_down)
  ADD ("stream", NULL, test_stream);
  ADD ("requests", NULL, test_requests);
  ADD ("farewells", NULL, test_farewells);
  ADD ("lessons-54-60-stopped-reader", NULL, test_stopped_reader);
  ADD ("stop", NULL, test_stop);
  ADD ("hangs-up", NULL, test_hangs_up);
  ADD ("stalled-handshakes", &one_second, test_stalled_handshakes);
  ADD ("trickled-handshake", NULL, test_trickled_handshake);
  ADD ("plain-to-tls", NULL, test_plain_to_tls);
  ADD ("versions", NULL, test_versions);
  ADD ("renegotiation", NULL, test_renegotiation);
  g_test_add_func ("/channel-tls/tls-to-plain", test_tls_to_plain);
  g_test_add_func ("/channel-tls/credentials", test_credentials);
  g_test_add_func ("/channel-tls/renewed", test_renewed);
  g_test_add_func ("/channel-tls/plain-elsewhere", test_plain_elsewhere);
  result = g_test_run ();
  tls_client_remove_certificates ();
  return result;
}
