/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

/* What whoever serves the devices is told, on the store's thread: all of it, once, in order, when
 * it is durable and in memory. */

#define ANY VMD_CONFIG_ANY_VERSION

typedef struct
{
  VmdManager *manager;
  GAsyncQueue *events; /* of char*: "changed ID VALUES" … */
} Server;

static void
push (Server *server, char *event)
{
  g_async_queue_push (server->events, event);
}

static void
changed_cb (const char *id, VmdConfigSnapshot *snapshot, gpointer data)
{
  g_autoptr (VmdDevice) device = vmd_manager_lookup_device (((Server *) data)->manager, id);
  const char *values;
  gsize length;

  /* Whoever looks now sees nothing older. */
  g_assert_nonnull (device);
  g_assert_cmpuint (vmd_device_get_version (device), ==, snapshot->version);
  values = vmd_device_snapshot_get_values (snapshot, &length);
  push (data, g_strdup_printf ("changed %s %.*s", id, (int) length, values));
}

static void
removed_cb (const char *id, gpointer data)
{
  g_autoptr (VmdDevice) device = vmd_manager_lookup_device (((Server *) data)->manager, id);

  g_assert_null (device);
  push (data, g_strdup_printf ("removed %s", id));
}

static void
token_added_cb (const char *id, VmdDeviceToken *token, gpointer data)
{
  push (data, g_strdup_printf ("token-added %s %s", id, vmd_device_token_get_label (token)));
}

static void
token_removed_cb (const char *id, const char *token, gpointer data)
{
  push (data, g_strdup_printf ("token-removed %s %s", id, token));
}

static void
serve (Server *server, Fixture *fixture)
{
  const VmdDeviceServer functions = { changed_cb, removed_cb, token_added_cb, token_removed_cb,
                                      server };

  server->manager = fixture->manager;
  server->events = g_async_queue_new_full (g_free);
  assert_good (vmd_manager_set_device_server (fixture->manager, &functions, NULL, &error));
}

static void
stop (Server *server)
{
  assert_good (vmd_manager_set_device_server (server->manager, NULL, NULL, &error));
  g_assert_cmpint (g_async_queue_length (server->events), ==, 0);
  g_async_queue_unref (server->events);
}

static void
assert_told (Server *server, const char *expected)
{
  g_autofree char *event =
      g_async_queue_timeout_pop (server->events, (guint64) HANG_SECONDS * G_USEC_PER_SEC);

  g_assert_cmpstr (event, ==, expected);
}

static void
assert_quiet (Server *server)
{
  g_autofree char *event = g_async_queue_try_pop (server->events);

  g_assert_cmpstr (event, ==, NULL);
}

static void
test_changes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "a", NULL, NULL);
  guint64 version;
  Server server;

  serve (&server, fixture);
  version = patch (device, "{\"k\":1}", ANY, NULL);
  assert_told (&server, "changed a {\"k\":1}");
  /* What changes nothing, fails, or is not about what it gets, is told of to nobody. */
  patch (device, "{\"k\":1}", ANY, NULL);
  assert_refused (patch (device, "{\"k\":2}", version - 1, &error) != 0, VMD_ERROR_CONFLICT);
  assert_good (report (device, version, "ok", NULL, &error));
  assert_quiet (&server);
  assert_good (set_schema (device,
                           "{\"fields\":{\"k\":{\"type\":\"integer\"},"
                           "\"d\":{\"type\":\"integer\",\"default\":7}}}",
                           &error));
  assert_told (&server, "changed a {\"d\":7,\"k\":1}");
  g_assert_cmpuint (roll_back (device, version, NULL), ==, vmd_device_get_version (device));
  assert_quiet (&server);
  assert_good (remove_device (device, &error));
  assert_told (&server, "removed a");
  stop (&server);
}

static void
test_groups (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) a = add_device (fixture->manager, "a", NULL, NULL);
  g_autoptr (VmdDevice) b = add_device (fixture->manager, "b", NULL, NULL);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  Server server;

  assert_good (set_member (group, a, TRUE, &error));
  serve (&server, fixture);
  patch_group (group, "{\"s\":1}", ANY, NULL);
  assert_told (&server, "changed a {\"s\":1}");
  assert_quiet (&server);
  assert_good (set_member (group, b, TRUE, &error));
  assert_told (&server, "changed b {\"s\":1}");
  assert_good (set_member (group, a, FALSE, &error));
  assert_told (&server, "changed a {}");
  assert_good (remove_group (group, &error));
  assert_told (&server, "changed b {}");
  stop (&server);
}

static void
test_tokens (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "a", NULL, NULL);
  g_autofree char *token = NULL;
  g_autofree char *expected = NULL;
  Server server;

  serve (&server, fixture);
  token = add_token (device, "one", 0, NULL);
  assert_told (&server, "token-added a one");
  g_free (add_token (device, "two", 0, NULL));
  assert_told (&server, "token-added a two");
  token[VMD_TOKEN_ID_LENGTH] = '\0';
  assert_good (revoke_token (device, token, &error));
  expected = g_strdup_printf ("token-removed a %s", token);
  assert_told (&server, expected);
  /* It is gone, which says it all. */
  assert_good (remove_device (device, &error));
  assert_told (&server, "removed a");
  stop (&server);
}

/* What another process does is told of as well. */
static void
test_foreign (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autoptr (VmdDevice) device = NULL;
  g_autoptr (VmdDevice) here = NULL;
  Server server;

  serve (&server, fixture);
  device = add_device (other, "a", NULL, NULL);
  assert_told (&server, "changed a {}");
  patch (device, "{\"k\":1}", ANY, NULL);
  assert_told (&server, "changed a {\"k\":1}");
  g_free (add_token (device, "one", 0, NULL));
  assert_told (&server, "token-added a one");
  here = wait_for_device (fixture->manager, "a");
  assert_good (remove_device (device, &error));
  assert_told (&server, "removed a");
  g_assert_true (vmd_device_is_gone (here));
  stop (&server);
  g_clear_object (&device);
  vmd_manager_close (other);
}

/* After it was taken away nothing is told to it any more. */
static void
test_replaced (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add_device (fixture->manager, "a", NULL, NULL);
  Server first, second;

  serve (&first, fixture);
  serve (&second, fixture);
  patch (device, "{\"k\":1}", ANY, NULL);
  assert_quiet (&first);
  assert_told (&second, "changed a {\"k\":1}");
  assert_good (vmd_manager_set_device_server (fixture->manager, NULL, NULL, &error));
  patch (device, "{\"k\":2}", ANY, NULL);
  assert_quiet (&second);
  stop (&first);
  stop (&second);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/device-server/changes", test_changes);
  add_test ("/device-server/groups", test_groups);
  add_test ("/device-server/tokens", test_tokens);
  add_test ("/device-server/foreign", test_foreign);
  add_test ("/device-server/replaced", test_replaced);
  return handles_test_run ();
}
