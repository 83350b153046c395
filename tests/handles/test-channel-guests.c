/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "../channel/guest-mux.h"
#include "device-support.h"
#include "vmd-channel.h"

#include <glib/gstdio.h>
#include <string.h>

/* VMs as devices. The fake hypervisor has the port, but nobody in the guest; where somebody is
 * needed, the test takes the place of the socket. */

static VmdChannel *
open_channel (VmdManager *manager)
{
  g_autoptr (GError) error = NULL;
  VmdChannel *channel = vmd_channel_open (manager, NULL, &error);

  g_assert_no_error (error);
  return channel;
}

/* (nullable) */
static char *
dup_guest_token (VmdDevice *device)
{
  g_autoptr (GListModel) tokens = vmd_device_list_tokens (device);
  g_autoptr (VmdDeviceToken) token = g_list_model_get_item (tokens, 0);

  g_assert_cmpuint (g_list_model_get_n_items (tokens), <=, 1);
  if (token == NULL)
    return NULL;
  g_assert_cmpstr (vmd_device_token_get_label (token), ==, "guest");
  g_assert_cmpint (vmd_device_token_get_expires (token), ==, 0);
  return g_strdup (vmd_device_token_get_id (token));
}

/* One for each launch, and none of a launch that failed. */
static void
test_tokens (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "web");
  g_autoptr (VmdDevice) device = vmd_manager_find_device (fixture->manager, "web", NULL);
  g_autofree char *none = dup_guest_token (device);
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  g_assert_null (none);
  assert_good (vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error));
  first = dup_guest_token (device);
  g_assert_nonnull (first);
  assert_good (vmd_vm_restart (vm, 1000, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error));
  second = dup_guest_token (device);
  g_assert_nonnull (second);
  g_assert_cmpstr (first, !=, second);
  assert_good (vmd_vm_kill (vm, NULL, NULL, &error));
  set_script (fixture, "launch fail");
  assert_refused (vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error),
                  VMD_ERROR_BACKEND);
  set_script (fixture, "");
  none = dup_guest_token (device);
  g_assert_null (none);
}

/* In the place of the hypervisor's. */
static void
take_port (GuestFixture *port, VmdVm *vm)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vm);
  g_autofree char *directory = g_path_get_dirname (now->launch->socket);
  g_autofree char *path = g_build_filename (directory, "channel", NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
  port->listen_fd = guest_fixture_listen (path);
}

static void
ask_for_stream (Guest *guest, guint32 id, const char *device, const char *token)
{
  g_autofree char *request = g_strdup_printf ("GET /v1/devices/%s/config/stream HTTP/1.1\r\n"
                                              "Host: vmd\r\nAuthorization: Bearer %s\r\n\r\n",
                                              device, token);

  guest_send_frame (guest, id, VMD_MUX_OPEN, NULL, 0);
  guest_send_text (guest, id, request);
}

/* Until @text has come, on whichever connection. */
static void
await_text (Guest *guest, const char *text)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  VmdMuxFound found;

  while (strstr (seen->str, text) == NULL)
    {
      g_assert_true (guest_next (guest, &found));
      g_assert_cmpint (found, ==, VMD_MUX_FOUND_FRAME);
      if (guest->decoder.frame.kind == VMD_MUX_DATA)
        g_string_append_len (seen, (const char *) guest->decoder.frame.payload,
                             guest->decoder.frame.length);
    }
}

/* From a VM that runs when the channel opens, over the daemon's restart, to its end. */
static void
test_guest (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "web");
  g_autoptr (VmdDevice) device = vmd_manager_find_device (fixture->manager, "web", NULL);
  g_autofree char *token = NULL;
  GuestFixture port = { .listen_fd = -1 };
  g_autoptr (VmdChannel) channel = NULL;
  g_autoptr (Guest) guest = NULL;
  g_autoptr (Guest) again = NULL;
  g_autofree char *path = g_build_filename (fixture->state_dir, "channel-admin-token", NULL);
  g_autofree char *admin = NULL;
  g_autofree char *request = NULL;

  assert_good (token =
                   vmd_manager_renew_guest_token (fixture->manager, vmd_vm_get_id (vm), &error));
  g_assert_cmpuint (patch (device, "{\"a\":1}", VMD_CONFIG_ANY_VERSION, NULL), >, 0);
  take_port (&port, vm);
  channel = open_channel (fixture->manager);
  guest = guest_accept (&port);
  guest_begin (guest);
  ask_for_stream (guest, 1, vmd_vm_get_id (vm), token);
  await_text (guest, "\"values\":{\"a\":1}");
  g_assert_true (vmd_device_is_connected (device));
  g_assert_cmpuint (patch (device, "{\"a\":2}", VMD_CONFIG_ANY_VERSION, NULL), >, 0);
  await_text (guest, "\"values\":{\"a\":2}");

  vmd_channel_close (channel);
  g_clear_object (&channel);
  guest_expect_closed (guest);
  g_assert_false (vmd_device_is_connected (device));
  channel = open_channel (fixture->manager);
  assert_good (g_file_get_contents (path, &admin, NULL, &error));
  request = g_strdup_printf ("GET /v1/devices HTTP/1.1\r\nHost: vmd\r\nAuthorization: Bearer %s"
                             "\r\n\r\n",
                             g_strchomp (admin));
  again = guest_accept (&port);
  guest_begin (again);
  /* What an administrator may ask is not for guests, not even for one that has his token. */
  guest_send_frame (again, 1, VMD_MUX_OPEN, NULL, 0);
  guest_send_text (again, 1, request);
  await_text (again, "HTTP/1.1 401");
  ask_for_stream (again, 2, vmd_vm_get_id (vm), token);
  await_text (again, "\"values\":{\"a\":2}");
  g_assert_cmpuint (vmd_channel_get_n_connected (channel), ==, 1);

  /* A token that was given out anew ends what was opened by the old one. */
  g_free (token);
  assert_good (token =
                   vmd_manager_renew_guest_token (fixture->manager, vmd_vm_get_id (vm), &error));
  await_text (again, "event: revoked");

  /* The VM's end is the link's, though the port is here. */
  assert_good (vmd_vm_kill (vm, NULL, NULL, &error));
  guest_expect_closed (again);
  vmd_channel_close (channel);
  vmd_clear_fd (&port.listen_fd);
}

static void
wait_until_disconnected (VmdDevice *device)
{
  gint64 limit = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;

  while (vmd_device_is_connected (device))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, limit);
      g_main_context_iteration (NULL, FALSE);
    }
}

/* A guest that takes nothing any more, as when its hypervisor is stopped, is not connected, and is
 * again when it runs on. The lease itself: test-guest-lease.c. */
static void
test_stopped_guest (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "web");
  g_autoptr (VmdDevice) device = vmd_manager_find_device (fixture->manager, "web", NULL);
  GuestFixture port = { .listen_fd = -1 };
  g_autoptr (VmdChannel) channel = NULL;
  g_autoptr (Guest) guest = NULL;
  g_autofree char *token = NULL;
  VmdChannelOptions options;

  assert_good (token =
                   vmd_manager_renew_guest_token (fixture->manager, vmd_vm_get_id (vm), &error));
  take_port (&port, vm);
  vmd_channel_options_init (&options);
  options.heartbeat = 1;
  options.lease = 2;
  assert_good (channel = vmd_channel_open (fixture->manager, &options, &error));
  guest = guest_accept (&port);
  guest_begin (guest);
  ask_for_stream (guest, 1, vmd_vm_get_id (vm), token);
  await_text (guest, "event: snapshot");
  g_assert_true (vmd_device_is_connected (device));

  wait_until_disconnected (device);
  g_assert_cmpuint (vmd_channel_get_n_connected (channel), ==, 0);
  g_assert_cmpuint (patch (device, "{\"a\":1}", VMD_CONFIG_ANY_VERSION, NULL), >, 0);
  for (VmdMuxFound found; guest_next (guest, &found);)
    if (guest->decoder.frame.kind == VMD_MUX_CLOSE)
      break;
  g_assert_cmpuint (guest->decoder.frame.connection, ==, 1);
  ask_for_stream (guest, 2, vmd_vm_get_id (vm), token);
  await_text (guest, "\"values\":{\"a\":1}");
  g_assert_true (vmd_device_is_connected (device));
  vmd_channel_close (channel);
  vmd_clear_fd (&port.listen_fd);
}

/* A VM that starts while the channel is open, in another process, and one without the socket. */
static void
test_launches (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdChannel) channel = open_channel (fixture->manager);
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdVm) vm = create_vm (other, "web");
  g_autoptr (VmdVm) same = NULL;
  GuestFixture port = { .listen_fd = -1 };
  g_autoptr (Guest) guest = NULL;

  assert_good (vmd_vm_start (vm, VMD_READINESS_PROVISIONED, NULL, NULL, NULL, &error));
  same = find_same (fixture->manager, vm);
  wait_for_state (same, VMD_VM_RUNNING);
  take_port (&port, vm);
  /* The link to the hypervisor's own socket goes with it; so it has to be made once more. */
  vmd_channel_close (channel);
  g_clear_object (&channel);
  channel = open_channel (fixture->manager);
  guest = guest_accept (&port);
  guest_begin (guest);
  assert_good (vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error));
  guest_expect_closed (guest);
  vmd_channel_close (channel);
  vmd_clear_fd (&port.listen_fd);
  vmd_manager_close (other);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/channel-guests/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  ADD ("tokens", test_tokens);
  ADD ("guest", test_guest);
  ADD ("stopped-guest", test_stopped_guest);
  ADD ("launches", test_launches);
  return handles_test_run ();
}
