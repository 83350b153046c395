/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scale.h"
#include "wire.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a device meets on the wire. */

static void
set_up (Wire *wire, gconstpointer data)
{
  VmdChannelOptions options;

  wire_options_init (&options);
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

static void
test_stream (Wire *wire, gconstpointer data)
{
  guint64 first = memory_directory_set (wire->directory, "d", 10);
  int fd = wire_subscribe (wire, "d", "");
  g_autofree char *snapshot = wire_read_until (fd, "\n\n");
  g_autofree char *expected = dup_event (first, 10);
  g_autofree char *pushed = NULL;
  g_autofree char *expected_then = NULL;

  g_assert_cmpstr (snapshot, ==, expected);
  expected_then = dup_event (memory_directory_set (wire->directory, "d", 60000), 60000);
  pushed = wire_read_until (fd, "\n\n");
  g_assert_cmpstr (pushed, ==, expected_then);
  close (fd);
}

/* It has the version: nothing comes but what is newer. */
static void
test_last_event_id (Wire *wire, gconstpointer data)
{
  guint64 version = memory_directory_set (wire->directory, "d", 1);
  g_autofree char *header = g_strdup_printf ("Last-Event-ID: %" G_GUINT64_FORMAT "\r\n", version);
  int fd = wire_subscribe (wire, "d", header);
  g_autofree char *expected = dup_event (memory_directory_set (wire->directory, "d", 2), 2);
  g_autofree char *pushed = wire_read_until (fd, "\n\n");

  g_assert_cmpstr (pushed, ==, expected);
  close (fd);
}

static void
test_superseded (Wire *wire, gconstpointer data)
{
  int old = wire_subscribe (wire, "d", "Vmd-Instance: a\r\n");
  int new = wire_subscribe (wire, "d", "Vmd-Instance: a\r\n");
  g_autofree char *rest = wire_read_all (old);

  g_assert_true (g_str_has_suffix (
      rest,
      "event: superseded\ndata: {\"reason\":\"another client has connected as this device\"}\n\n"));
  g_assert_cmpuint (vmd_broker_get_n_live (wire->broker), ==, 1);
  close (old);
  close (new);
}

static void
test_revoked (Wire *wire, gconstpointer data)
{
  int fd = wire_subscribe (wire, "d", "");
  g_autofree char *rest = NULL;

  g_assert_true (vmd_broker_end_device (wire->broker, "d", "first", VMD_SUBSCRIPTION_REVOKED));
  rest = wire_read_all (fd);
  g_assert_true (g_str_has_suffix (
      rest,
      "event: revoked\ndata: {\"reason\":\"the token has been revoked or has expired\"}\n\n"));
  close (fd);
}

static void
test_deleted (Wire *wire, gconstpointer data)
{
  int fd = wire_subscribe (wire, "d", "");
  g_autofree char *rest = NULL;

  memory_directory_remove (wire->directory, "d");
  rest = wire_read_all (fd);
  g_assert_true (g_str_has_suffix (
      rest, "event: deleted\ndata: {\"reason\":\"the device has been removed\"}\n\n"));
  close (fd);
}

static void
test_shutdown (Wire *wire, gconstpointer data)
{
  int fd = wire_subscribe (wire, "d", "");
  int half = wire_connect (wire);
  g_autofree char *rest = NULL;

  wire_send (half, "GET /v1/de");
  vmd_channel_server_stop (wire->server);
  rest = wire_read_all (fd);
  g_assert_true (g_str_has_suffix (
      rest, "event: shutdown\ndata: {\"reason\":\"the server is shutting down\"}\n\n"));
  close (fd);
  close (half);
}

static void
test_applied (Wire *wire, gconstpointer data)
{
  g_autofree char *answer =
      wire_ask (wire, "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n"
                      "Authorization: Bearer token-d\r\nContent-Length: 46\r\n\r\n"
                      "{\"version\":7,\"status\":\"failed\",\"message\":\"no\"}");
  g_autofree char *applied = memory_directory_dup_applied (wire->directory, "d");

  g_assert_cmpuint (wire_get_status (answer), ==, 204);
  g_assert_cmpstr (applied, ==, "7 failed no");
}

/* An answer without a body ends no connection either. */
static void
test_keep_alive_without_body (Wire *wire, gconstpointer data)
{
  int fd = wire_connect (wire);

  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *answer = NULL;

      wire_send (fd, "PUT /v1/devices/d/applied HTTP/1.1\r\nHost: vmd\r\n"
                     "Authorization: Bearer token-d\r\nContent-Length: 27\r\n\r\n"
                     "{\"version\":1,\"status\":\"ok\"}\n");
      answer = wire_read_until (fd, "\r\n\r\n");
      g_assert_cmpuint (wire_get_status (answer), ==, 204);
    }
  close (fd);
}

/* Two requests on one connection, then a stream on it. */
static void
test_keep_alive (Wire *wire, gconstpointer data)
{
  int fd = wire_connect (wire);

  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *answer = NULL;

      wire_send (fd, "GET /v1/devices/d/config HTTP/1.1\r\nHost: vmd\r\n"
                     "Authorization: Bearer token-d\r\n\r\n");
      answer = wire_read_until (fd, "\"values\":{}}");
      g_assert_cmpuint (wire_get_status (answer), ==, 200);
      g_assert_nonnull (strstr (answer, "ETag: \"1\"\r\n"));
    }
  wire_send (fd, "GET /v1/devices/d/config/stream HTTP/1.1\r\nHost: vmd\r\n"
                 "Authorization: Bearer token-d\r\n\r\n");
  g_free (wire_read_until (fd, "\"values\":{}}\n\n"));
  close (fd);
}

/* A guest's link serves its device, and no administrator. */
static void
test_adopted (Wire *wire, gconstpointer data)
{
  g_autofree char *answer = NULL;
  int stream[2], admin[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), ==, 0);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, admin), ==, 0);
  vmd_channel_server_adopt (wire->server, stream[1], "guest/1");
  vmd_channel_server_adopt (wire->server, admin[1], "guest/1");
  wire_send (stream[0], "GET /v1/devices/d/config/stream HTTP/1.0\r\n"
                        "Authorization: Bearer token-d\r\n\r\n");
  g_free (wire_read_until (stream[0], "\"values\":{}}\n\n"));
  wire_send (admin[0], "GET /v1/devices HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n"
                       "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n\r\n");
  answer = wire_read_all (admin[0]);
  g_assert_cmpuint (wire_get_status (answer), ==, 401);
  close (stream[0]);
  close (admin[0]);
}

/* Nothing that a connection had is left. */
static void
test_descriptors (Wire *wire, gconstpointer data)
{
  guint before = 0;

  for (guint i = 0; i < scaled (200); i++)
    {
      int fd = wire_subscribe (wire, "d", "Vmd-Instance: a\r\n");

      g_free (wire_read_until (fd, "\n\n"));
      close (fd);
      g_free (wire_ask (wire, "GET /healthz HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n\r\n"));
      while (vmd_broker_get_n_live (wire->broker) > 0)
        g_thread_yield ();
      if (i == 20)
        before = wire_count_descriptors ();
    }
  /* The last few may be on their way out. */
  g_assert_cmpuint (wire_count_descriptors (), <=, before + 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, test) g_test_add ("/channel-server/" path, Wire, NULL, set_up, test, tear_down)
  ADD ("stream", test_stream);
  ADD ("last-event-id", test_last_event_id);
  ADD ("superseded", test_superseded);
  ADD ("revoked", test_revoked);
  ADD ("deleted", test_deleted);
  ADD ("shutdown", test_shutdown);
  ADD ("applied", test_applied);
  ADD ("keep-alive", test_keep_alive);
  ADD ("keep-alive-without-body", test_keep_alive_without_body);
  ADD ("adopted", test_adopted);
  ADD ("descriptors", test_descriptors);
  return g_test_run ();
}
