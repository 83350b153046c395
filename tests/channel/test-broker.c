/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-broker-private.h"

/* What broke elsewhere, line by line, on the broker alone. */

typedef struct
{
  VmdMemoryStorage *storage;
  VmdFakeClock *clock;
  VmdBroker *broker;
} Fixture;

/* A connection that only counts what it is told. */
typedef struct
{
  guint ready;
  guint ended;
  gboolean destroyed;
} Connection;

static void
ready_cb (gpointer data)
{
  ((Connection *) data)->ready++;
}

static void
ended_cb (gpointer data)
{
  ((Connection *) data)->ended++;
}

static void
destroyed_cb (gpointer data)
{
  ((Connection *) data)->destroyed = TRUE;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  const VmdContestLimits limits = { .takeovers = 5, .window = 10 * G_USEC_PER_SEC };

  fixture->storage = vmd_memory_storage_new ();
  fixture->clock = vmd_fake_clock_new ();
  fixture->broker = vmd_broker_new (VMD_BROKER_STORAGE (fixture->storage),
                                    VMD_CLOCK (fixture->clock), 1, &limits);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->broker);
  g_clear_object (&fixture->clock);
  g_clear_object (&fixture->storage);
}

static VmdSubscription *
connect_as (Fixture *fixture, const char *device, const char *instance, Connection *connection,
            GError **error)
{
  const VmdSubscriptionSink sink = { ready_cb, ended_cb, connection, destroyed_cb };
  const VmdSubscriber subscriber = { device, instance, "10.0.0.1", "token-1" };
  gint64 retry_after = 0;

  return vmd_broker_subscribe (fixture->broker, &subscriber, &sink, &retry_after, error);
}

static void
publish (Fixture *fixture, const char *device, guint64 version)
{
  g_autoptr (GBytes) payload = g_bytes_new (&version, sizeof version);
  g_autoptr (VmdConfigSnapshot) snapshot = vmd_config_snapshot_new (version, payload);

  vmd_broker_publish (fixture->broker, device, snapshot);
}

static void
offer (VmdSubscription *subscription, guint64 version)
{
  g_autoptr (GBytes) payload = g_bytes_new (&version, sizeof version);
  g_autoptr (VmdConfigSnapshot) snapshot = vmd_config_snapshot_new (version, payload);

  vmd_subscription_offer (subscription, snapshot);
}

static guint64
take (VmdSubscription *subscription)
{
  g_autoptr (VmdConfigSnapshot) snapshot = vmd_subscription_take (subscription);

  return snapshot != NULL ? snapshot->version : 0;
}

/* 49, 50, 51: however often it is taken over, the newest lives and only the others have ended. */
static void
test_newest_lives (Fixture *fixture, gconstpointer data)
{
  Connection connections[4] = { { 0 } };
  VmdSubscription *subscriptions[4];

  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GError) error = NULL;

      subscriptions[i] = connect_as (fixture, "d", "same", &connections[i], &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (vmd_subscription_get_end (subscriptions[i]), ==,
                       VMD_SUBSCRIPTION_SUPERSEDED);
      g_assert_cmpuint (connections[i].ended, >=, 1);
      g_assert_cmpuint (vmd_subscription_get_generation (subscriptions[i]), <,
                        vmd_subscription_get_generation (subscriptions[i + 1]));
    }
  g_assert_cmpint (vmd_subscription_get_end (subscriptions[3]), ==, VMD_SUBSCRIPTION_LIVE);
  g_assert_cmpuint (connections[3].ended, ==, 0);
  g_assert_cmpuint (vmd_broker_get_n_live (fixture->broker), ==, 1);
  for (guint i = 0; i < 4; i++)
    {
      vmd_broker_leave (fixture->broker, subscriptions[i], VMD_SUBSCRIPTION_LEFT);
      vmd_subscription_unref (subscriptions[i]);
      g_assert_true (connections[i].destroyed);
    }
  g_assert_cmpuint (vmd_broker_get_n_live (fixture->broker), ==, 0);
}

/* 52: the old one's late clean-up touches neither the table nor the storage. */
static void
test_late_clean_up (Fixture *fixture, gconstpointer data)
{
  Connection a = { 0 }, b = { 0 };
  g_autoptr (VmdSubscription) old = connect_as (fixture, "d", "i", &a, NULL);
  g_autoptr (VmdSubscription) new = connect_as (fixture, "d", "i", &b, NULL);
  g_auto (VmdBrokerStatus) status = { FALSE };
  guint64 generation;

  vmd_broker_leave (fixture->broker, old, VMD_SUBSCRIPTION_LEFT);
  vmd_broker_leave (fixture->broker, old, VMD_SUBSCRIPTION_SILENT);
  vmd_broker_get_status (fixture->broker, "d", &status);
  g_assert_true (status.connected);
  g_assert_cmpuint (status.generation, ==, vmd_subscription_get_generation (new));
  g_assert_true (vmd_memory_storage_is_connected (fixture->storage, "d", &generation));
  g_assert_cmpuint (generation, ==, vmd_subscription_get_generation (new));
  vmd_broker_leave (fixture->broker, new, VMD_SUBSCRIPTION_LEFT);
  g_assert_false (vmd_memory_storage_is_connected (fixture->storage, "d", NULL));
}

/* 53: nothing is had from a superseded one, not even what was in its slot. */
static void
test_superseded_has_nothing (Fixture *fixture, gconstpointer data)
{
  Connection a = { 0 }, b = { 0 };
  g_autoptr (VmdSubscription) old = connect_as (fixture, "d", "i", &a, NULL);
  g_autoptr (VmdSubscription) new = NULL;

  publish (fixture, "d", 1);
  new = connect_as (fixture, "d", "i", &b, NULL);
  g_assert_cmpuint (take (old), ==, 0);
  publish (fixture, "d", 2);
  offer (old, 3);
  g_assert_cmpuint (take (old), ==, 0);
  g_assert_cmpuint (take (new), ==, 2);
  vmd_broker_leave (fixture->broker, new, VMD_SUBSCRIPTION_LEFT);
}

/* 55: subscribe, then snapshot: none lost, none twice, none backwards. */
static void
test_snapshot_after_subscribing (Fixture *fixture, gconstpointer data)
{
  Connection a = { 0 };
  g_autoptr (VmdSubscription) subscription = connect_as (fixture, "d", "i", &a, NULL);

  publish (fixture, "d", 8);
  offer (subscription, 7);
  g_assert_cmpuint (take (subscription), ==, 8);
  offer (subscription, 8);
  g_assert_cmpuint (take (subscription), ==, 0);
  publish (fixture, "d", 10);
  publish (fixture, "d", 9);
  g_assert_cmpuint (take (subscription), ==, 10);
  g_assert_cmpuint (take (subscription), ==, 0);
  vmd_broker_leave (fixture->broker, subscription, VMD_SUBSCRIPTION_LEFT);
}

/* 59: a slow reader costs one snapshot, and the newest is the one that is kept. */
static void
test_latest_wins (Fixture *fixture, gconstpointer data)
{
  Connection a = { 0 };
  g_autoptr (VmdSubscription) subscription = connect_as (fixture, "d", "i", &a, NULL);

  for (guint64 version = 1; version <= 100000; version++)
    publish (fixture, "d", version);
  g_assert_cmpuint (a.ready, ==, 1);
  g_assert_cmpuint (take (subscription), ==, 100000);
  vmd_broker_leave (fixture->broker, subscription, VMD_SUBSCRIPTION_LEFT);
}

/* 56: a fight is ended, the incumbent stays, and both peers are named. */
static void
test_contested (Fixture *fixture, gconstpointer data)
{
  Connection connections[8] = { { 0 } };
  g_autoptr (VmdSubscription) incumbent = NULL;
  g_autoptr (VmdSubscription) again = NULL;
  g_auto (VmdBrokerStatus) status = { FALSE };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 6; i++)
    {
      g_clear_pointer (&incumbent, vmd_subscription_unref);
      incumbent = connect_as (fixture, "d", i % 2 != 0 ? "one" : "two", &connections[i], &error);
      g_assert_no_error (error);
    }
  g_assert_null (connect_as (fixture, "d", "two", &connections[6], &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
  g_assert_true (connections[6].destroyed);
  g_assert_cmpint (vmd_subscription_get_end (incumbent), ==, VMD_SUBSCRIPTION_LIVE);
  vmd_broker_get_status (fixture->broker, "d", &status);
  g_assert_true (status.contested);
  g_assert_nonnull (status.peer);
  g_assert_nonnull (status.rival);

  /* Its own reconnect is no fight. */
  again = connect_as (fixture, "d", "one", &connections[7], NULL);
  g_assert_nonnull (again);
  vmd_broker_leave (fixture->broker, again, VMD_SUBSCRIPTION_LEFT);
}

/* 58: revoked, deleted, shut down: live streams end at once. */
static void
test_ends (Fixture *fixture, gconstpointer data)
{
  Connection a = { 0 }, b = { 0 }, c = { 0 };
  g_autoptr (VmdSubscription) revoked = connect_as (fixture, "a", "i", &a, NULL);
  g_autoptr (VmdSubscription) deleted = connect_as (fixture, "b", "i", &b, NULL);
  g_autoptr (VmdSubscription) shut = connect_as (fixture, "c", "i", &c, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (
      vmd_broker_end_device (fixture->broker, "a", "token-2", VMD_SUBSCRIPTION_REVOKED));
  g_assert_true (vmd_broker_end_device (fixture->broker, "a", "token-1", VMD_SUBSCRIPTION_REVOKED));
  g_assert_cmpint (vmd_subscription_get_end (revoked), ==, VMD_SUBSCRIPTION_REVOKED);
  g_assert_cmpuint (a.ended, >=, 1);
  g_assert_true (vmd_broker_end_device (fixture->broker, "b", NULL, VMD_SUBSCRIPTION_DELETED));
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (fixture->storage), ==, 1);
  vmd_broker_close (fixture->broker);
  g_assert_cmpint (vmd_subscription_get_end (shut), ==, VMD_SUBSCRIPTION_SHUT_DOWN);
  g_assert_cmpuint (vmd_broker_get_n_live (fixture->broker), ==, 0);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (fixture->storage), ==, 0);
  g_assert_null (connect_as (fixture, "d", "i", &c, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_assert_cmpstr (vmd_subscription_end_to_string (vmd_subscription_get_end (deleted)), ==,
                   "deleted");
}

/* -- A storage in which a connection leaves before its claim gets there -- */

#define LATE_TYPE_STORAGE (late_storage_get_type ())
G_DECLARE_FINAL_TYPE (LateStorage, late_storage, LATE, STORAGE, GObject)

struct _LateStorage
{
  GObject parent;
  VmdBroker *broker; /* not owned */
  gboolean is_connected; /* the last one to say something is right */
  guint64 generation; /* of the last one */
};

static void late_storage_iface_init (VmdBrokerStorageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (LateStorage, late_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BROKER_STORAGE,
                                                      late_storage_iface_init))

static void
late_claim (VmdBrokerStorage *storage, const char *device, guint64 generation, const char *peer,
            gint64 since)
{
  LateStorage *self = LATE_STORAGE (storage);

  vmd_broker_end_device (self->broker, device, NULL, VMD_SUBSCRIPTION_DELETED);
  g_assert_cmpuint (self->generation, ==, generation);
  self->is_connected = TRUE;
}

static void
late_clean (VmdBrokerStorage *storage, const char *device, guint64 generation)
{
  LateStorage *self = LATE_STORAGE (storage);

  self->generation = generation;
  self->is_connected = FALSE;
}

static void
late_storage_iface_init (VmdBrokerStorageInterface *iface)
{
  iface->claim = late_claim;
  iface->clean = late_clean;
}

static void
late_storage_class_init (LateStorageClass *klass)
{
}

static void
late_storage_init (LateStorage *self)
{
}

/* 58: a claim that arrives after its own clean-up is cleaned up once more. */
static void
test_late_claim (void)
{
  const VmdContestLimits limits = { .takeovers = 5, .window = 10 * G_USEC_PER_SEC };
  g_autoptr (LateStorage) storage = g_object_new (LATE_TYPE_STORAGE, NULL);
  g_autoptr (VmdFakeClock) clock = vmd_fake_clock_new ();
  g_autoptr (VmdBroker) broker =
      vmd_broker_new (VMD_BROKER_STORAGE (storage), VMD_CLOCK (clock), 1, &limits);
  const VmdSubscriber subscriber = { .device = "d", .instance = "i", .peer = "p" };
  Connection connection = { 0 };
  const VmdSubscriptionSink sink = { ready_cb, ended_cb, &connection, destroyed_cb };
  g_autoptr (VmdSubscription) subscription = NULL;
  gint64 retry_after = 0;

  storage->broker = broker;
  subscription = vmd_broker_subscribe (broker, &subscriber, &sink, &retry_after, NULL);
  g_assert_nonnull (subscription);
  g_assert_cmpint (vmd_subscription_get_end (subscription), ==, VMD_SUBSCRIPTION_DELETED);
  g_assert_false (storage->is_connected);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/broker/newest-lives", Fixture, NULL, set_up, test_newest_lives, tear_down);
  g_test_add ("/broker/late-clean-up", Fixture, NULL, set_up, test_late_clean_up, tear_down);
  g_test_add ("/broker/superseded-has-nothing", Fixture, NULL, set_up, test_superseded_has_nothing,
              tear_down);
  g_test_add ("/broker/snapshot-after-subscribing", Fixture, NULL, set_up,
              test_snapshot_after_subscribing, tear_down);
  g_test_add ("/broker/latest-wins", Fixture, NULL, set_up, test_latest_wins, tear_down);
  g_test_add ("/broker/contested", Fixture, NULL, set_up, test_contested, tear_down);
  g_test_add ("/broker/ends", Fixture, NULL, set_up, test_ends, tear_down);
  g_test_add_func ("/broker/lesson-58-late-claim", test_late_claim);
  return g_test_run ();
}
