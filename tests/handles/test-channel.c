/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"
#include "vmd-channel.h"

#include <string.h>

/* The channel as a program that links libvmd has it. */

static VmdChannel *
open_channel (VmdManager *manager)
{
  g_autoptr (GError) error = NULL;
  VmdChannelOptions options;
  VmdChannel *channel;

  vmd_channel_options_init (&options);
  options.listen = "127.0.0.1:0";
  channel = vmd_channel_open (manager, &options, &error);
  g_assert_no_error (error);
  return channel;
}

typedef struct
{
  GSocketConnection *connection;
  GDataInputStream *input;
} Stream;

static Stream *
open_stream (VmdChannel *channel, const char *device, const char *token)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *request = g_strdup_printf ("GET /v1/devices/%s/config/stream HTTP/1.1\r\n"
                                              "Host: vmd\r\nAuthorization: Bearer %s\r\n\r\n",
                                              device, token);
  Stream *stream = g_new0 (Stream, 1);

  stream->connection =
      g_socket_client_connect_to_uri (client, vmd_channel_get_address (channel), 80, NULL, &error);
  g_assert_no_error (error);
  g_socket_set_timeout (g_socket_connection_get_socket (stream->connection), HANG_SECONDS);
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (stream->connection)),
                             request, strlen (request), NULL, NULL, &error);
  g_assert_no_error (error);
  stream->input =
      g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (stream->connection)));
  return stream;
}

static void
close_stream (Stream *stream)
{
  g_object_unref (stream->input);
  g_object_unref (stream->connection);
  g_free (stream);
}

/* The next line that has @part in it comes. FALSE: the end does. */
static gboolean
wait_for_line (Stream *stream, const char *part)
{
  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *line = g_data_input_stream_read_line (stream->input, NULL, NULL, &error);

      if (line == NULL)
        {
          g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
          return FALSE;
        }
      if (strstr (line, part) != NULL)
        return TRUE;
    }
}

static void
test_one (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdChannel) channel = open_channel (fixture->manager);
  g_autoptr (VmdManager) other = NULL;
  g_autoptr (VmdChannel) again = NULL;
  g_autoptr (VmdBroker) broker = NULL;

  g_assert_true (g_str_has_prefix (vmd_channel_get_address (channel), "http://127.0.0.1:"));
  g_assert_cmpuint (vmd_channel_get_n_connected (channel), ==, 0);
  assert_refused (vmd_channel_open (fixture->manager, NULL, &error) != NULL, VMD_ERROR_BUSY);
  /* What is refused leaves what is there alone. */
  broker = vmd_manager_ref_broker (fixture->manager);
  g_assert_nonnull (broker);
  assert_good (other = vmd_manager_open (fixture->state_dir, "fake", NULL, &error));
  assert_refused (vmd_channel_open (other, NULL, &error) != NULL, VMD_ERROR_BUSY);
  vmd_channel_close (channel);
  vmd_channel_close (channel);
  assert_good (again = vmd_channel_open (other, NULL, &error));
  g_assert_null (vmd_channel_get_address (again));
  vmd_channel_close (again);
  vmd_manager_close (other);
}

static void
test_bad_options (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = { "", "127.0.0.1", "localhost:80", "127.0.0.1:70000", "[::1]" };
  VmdChannelOptions options;
  g_autoptr (VmdChannel) channel = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      vmd_channel_options_init (&options);
      options.listen = bad[i];
      assert_refused (vmd_channel_open (fixture->manager, &options, &error) != NULL,
                      VMD_ERROR_INVALID_ARGUMENT);
    }
  /* None of them has left its lock, its broker or its thread. */
  g_assert_null (vmd_manager_ref_broker (fixture->manager));
  channel = open_channel (fixture->manager);
  vmd_channel_close (channel);
}

static void
test_connected (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdChannel) channel = open_channel (fixture->manager);
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "door", NULL, NULL);
  g_autofree char *token = add_token (device, "first", 0, NULL);
  Stream *stream = open_stream (channel, "door", token);

  g_assert_true (wait_for_line (stream, "\"values\":{}"));
  g_assert_true (vmd_device_is_connected (device));
  g_assert_cmpuint (vmd_channel_get_n_connected (channel), ==, 1);
  g_assert_cmpuint (patch (device, "{\"a\":1}", VMD_CONFIG_ANY_VERSION, NULL), >, 0);
  g_assert_true (wait_for_line (stream, "\"values\":{\"a\":1}"));
  vmd_channel_close (channel);
  g_assert_true (wait_for_line (stream, "event: shutdown"));
  g_assert_false (wait_for_line (stream, "event:"));
  g_assert_false (vmd_device_is_connected (device));
  /* What is set without a channel is there when there is one again. */
  g_assert_cmpuint (patch (device, "{\"a\":2}", VMD_CONFIG_ANY_VERSION, NULL), >, 0);
  close_stream (stream);
  g_clear_object (&channel);
  channel = open_channel (fixture->manager);
  stream = open_stream (channel, "door", token);
  g_assert_true (wait_for_line (stream, "\"values\":{\"a\":2}"));
  close_stream (stream);
  vmd_channel_close (channel);
}

/* Not as it should be done, but neither a crash nor a hang. */
static void
test_manager_closed_first (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdManager) other = vmd_manager_open (fixture->state_dir, "fake", NULL, &error);
  g_autoptr (VmdChannel) channel = NULL;
  g_autoptr (VmdDevice) device = NULL;
  g_autofree char *token = NULL;
  Stream *stream;

  g_assert_no_error (error);
  channel = open_channel (other);
  device = add_device (other, "door", NULL, NULL);
  token = add_token (device, "first", 0, NULL);
  stream = open_stream (channel, "door", token);
  g_assert_true (wait_for_line (stream, "\"values\":{}"));
  vmd_manager_close (other);
  vmd_channel_close (channel);
  g_assert_true (wait_for_line (stream, "event: shutdown"));
  close_stream (stream);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/channel/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  ADD ("one", test_one);
  ADD ("bad-options", test_bad_options);
  ADD ("connected", test_connected);
  ADD ("manager-closed-first", test_manager_closed_first);
  return handles_test_run ();
}
