/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
wire_options_init (VmdChannelOptions *options)
{
  vmd_channel_options_init (options);
  options->listen = "127.0.0.1:0";
  options->max_connects_per_second = 0;
}

void
wire_start (Wire *self, const VmdChannelOptions *options)
{
  g_autoptr (VmdClock) clock = vmd_system_clock_new ();
  const VmdContestLimits limits = { options->contest_takeovers,
                                    options->contest_window * G_USEC_PER_SEC };
  g_autoptr (GUri) address = NULL;
  g_autoptr (GError) error = NULL;

  self->storage = vmd_memory_storage_new ();
  self->watched = watched_storage_new (self->storage);
  self->broker = vmd_broker_new (VMD_BROKER_STORAGE (self->watched), clock, 1, &limits);
  self->directory = memory_directory_new (self->broker);
  self->server =
      vmd_channel_server_new (VMD_DEVICE_DIRECTORY (self->directory), self->broker, options);
  vmd_channel_server_start (self->server, &error);
  g_assert_no_error (error);
  if (options->listen == NULL)
    return;
  address = g_uri_parse (vmd_channel_server_get_address (self->server), G_URI_FLAGS_NONE, &error);
  g_assert_no_error (error);
  self->host = inet_addr (g_uri_get_host (address));
  self->port = g_uri_get_port (address);
}

void
wire_stop (Wire *self)
{
  gint64 begin = g_get_monotonic_time ();

  if (self->server != NULL)
    vmd_channel_server_stop (self->server);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
  g_assert_cmpuint (vmd_broker_get_n_live (self->broker), ==, 0);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (self->storage), ==, 0);
  g_clear_object (&self->server);
  g_assert_cmpuint (G_OBJECT (self->directory)->ref_count, ==, 1);
  g_clear_object (&self->directory);
  g_assert_cmpuint (G_OBJECT (self->broker)->ref_count, ==, 1);
  g_clear_object (&self->broker);
  g_clear_object (&self->watched);
  g_clear_object (&self->storage);
}

void
wire_wait_for_connected (Wire *self, guint n_connected)
{
  g_assert_true (watched_storage_wait_for_connected (self->watched, n_connected, WIRE_LIMIT));
}

void
wire_wait_for_cleanings (Wire *self, guint n_cleanings)
{
  g_assert_true (watched_storage_wait_for_cleanings (self->watched, n_cleanings, WIRE_LIMIT));
}

void
wire_connect_socket (Wire *self, int fd)
{
  const struct timeval limit = { .tv_sec = WIRE_LIMIT };
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (self->port) };

  g_assert_cmpint (fd, >=, 0);
  address.sin_addr.s_addr = self->host;
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
}

int
wire_connect (Wire *self)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  wire_connect_socket (self, fd);
  return fd;
}

/* Whoever does not take it is one that hung up, which its answer shows. */
void
wire_send (int fd, const char *text)
{
  gsize length = strlen (text);

  while (length > 0)
    {
      gssize sent = send (fd, text, length, MSG_NOSIGNAL);

      if (sent <= 0)
        return;
      text += sent;
      length -= sent;
    }
}

static gboolean
read_more (int fd, GString *read_so_far, gsize most)
{
  char bytes[4096];
  gssize got = recv (fd, bytes, MIN (most, sizeof bytes), 0);

  /* The time limit is a hang. */
  g_assert_true (got >= 0 || errno != EAGAIN);
  if (got > 0)
    g_string_append_len (read_so_far, bytes, got);
  return got > 0;
}

char *
wire_read_until (int fd, const char *text)
{
  GString *found = g_string_new (NULL);
  gsize length = strlen (text);

  /* Byte by byte, so that nothing of what follows it is taken: it can be at the end only. */
  while (found->len < length || memcmp (found->str + found->len - length, text, length) != 0)
    if (!read_more (fd, found, 1))
      g_error ("the connection ended before “%s”, after: %s", text, found->str);
  return g_string_free (found, FALSE);
}

char *
wire_read_all (int fd)
{
  GString *found = g_string_new (NULL);

  while (read_more (fd, found, G_MAXSIZE))
    continue;
  return g_string_free (found, FALSE);
}

char *
wire_ask (Wire *self, const char *request)
{
  int fd = wire_connect (self);
  char *answer;

  wire_send (fd, request);
  answer = wire_read_all (fd);
  close (fd);
  return answer;
}

guint64
wire_get_count (Wire *self, const char *name)
{
  g_autofree char *metrics =
      wire_ask (self, "GET /metrics HTTP/1.1\r\nHost: vmd\r\nConnection: close\r\n"
                      "Authorization: Bearer " MEMORY_ADMIN_TOKEN "\r\n\r\n");
  g_autofree char *line = g_strdup_printf ("\n%s ", name);
  const char *found = strstr (metrics, line);

  if (found == NULL)
    g_error ("there is no %s in: %s", name, metrics);
  return g_ascii_strtoull (found + strlen (line), NULL, 10);
}

void
wire_subscribe_on (int fd, const char *device, const char *headers)
{
  g_autofree char *request =
      g_strdup_printf ("GET /v1/devices/%s/config/stream HTTP/1.1\r\nHost: vmd\r\n"
                       "Authorization: Bearer token-%s\r\n%s\r\n",
                       device, device, headers);
  g_autofree char *header = NULL;

  wire_send (fd, request);
  header = wire_read_until (fd, ": heartbeat\n\n");
  g_assert_cmpuint (wire_get_status (header), ==, 200);
  g_assert_nonnull (strstr (header, "Content-Type: text/event-stream\r\n"));
}

int
wire_subscribe (Wire *self, const char *device, const char *headers)
{
  int fd = wire_connect (self);

  wire_subscribe_on (fd, device, headers);
  return fd;
}

guint
wire_get_status (const char *answer)
{
  return g_str_has_prefix (answer, "HTTP/1.") ? atoi (answer + strlen ("HTTP/1.1 ")) : 0;
}

guint
wire_count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      n += g_strcmp0 (target, "anon_inode:[eventfd]") != 0;
    }
  return n;
}
