/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-broker-private.h"
#include "scale.h"

/* 60: thousands of takeovers from several threads, over one device and over several: of each device
 * exactly one lives at the end, every other has ended and was told so before its successor had
 * anything. */

#define THREADS 8

typedef struct
{
  VmdBroker *broker;
  guint number;
  guint rounds;
  const char *device; /* (nullable) one of its own */
  VmdSubscription *last; /* (nullable) */
  gboolean last_left; /* of itself */
  const gint *last_told; /* atomic; its sink's */
} Worker;

static void
ready_cb (gpointer data)
{
}

static void
ended_cb (gpointer data)
{
  g_atomic_int_set ((gint *) data, 1);
}

static gpointer
take_over_cb (gpointer data)
{
  Worker *worker = data;

  for (guint i = 0; i < worker->rounds; i++)
    {
      gint *told = g_new0 (gint, 1);
      const VmdSubscriptionSink sink = { ready_cb, ended_cb, told, g_free };
      const VmdSubscriber subscriber = { worker->device, "same", "peer", "token" };
      VmdSubscription *subscription;
      gint64 retry_after = 0;
      gboolean leaves;

      subscription = vmd_broker_subscribe (worker->broker, &subscriber, &sink, &retry_after, NULL);
      g_assert_nonnull (subscription);
      leaves = i % 3 == 0 && vmd_subscription_get_end (subscription) == VMD_SUBSCRIPTION_LIVE;
      if (leaves)
        vmd_broker_leave (worker->broker, subscription, VMD_SUBSCRIPTION_LEFT);
      if (worker->last != NULL)
        {
          /* Whoever took over from whom, and whoever is at it still. */
          g_assert_cmpint (vmd_subscription_get_end (worker->last), !=, VMD_SUBSCRIPTION_LIVE);
          g_assert_true (worker->last_left || g_atomic_int_get (worker->last_told));
          vmd_broker_leave (worker->broker, worker->last, VMD_SUBSCRIPTION_LEFT);
          vmd_subscription_unref (worker->last);
        }
      worker->last = subscription;
      worker->last_left = leaves;
      worker->last_told = told;
    }
  return NULL;
}

static void
take_over (const char *const *names, guint n_names)
{
  const VmdContestLimits limits = { .takeovers = 5, .window = 10 * G_USEC_PER_SEC };
  guint rounds = scaled (20000);
  g_autoptr (VmdMemoryStorage) storage = vmd_memory_storage_new ();
  g_autoptr (VmdClock) clock = vmd_system_clock_new ();
  g_autoptr (VmdBroker) broker = vmd_broker_new (VMD_BROKER_STORAGE (storage), clock, 1, &limits);
  Worker workers[THREADS] = { { NULL } };
  GThread *threads[THREADS];
  guint live = 0;

  for (guint i = 0; i < THREADS; i++)
    {
      workers[i] = (Worker){ broker, i, rounds, names[i % n_names] };
      threads[i] = g_thread_new ("takeover", take_over_cb, &workers[i]);
    }
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < THREADS; i++)
    live += vmd_subscription_get_end (workers[i].last) == VMD_SUBSCRIPTION_LIVE;
  g_assert_cmpuint (live, <=, n_names);
  g_assert_cmpuint (vmd_broker_get_n_live (broker), ==, live);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (storage), ==, live);
  for (guint i = 0; i < THREADS; i++)
    {
      vmd_broker_leave (broker, workers[i].last, VMD_SUBSCRIPTION_LEFT);
      vmd_subscription_unref (workers[i].last);
    }
  g_assert_cmpuint (vmd_broker_get_n_live (broker), ==, 0);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (storage), ==, 0);
}

static void
test_one_device (void)
{
  const char *const names[] = { "one" };

  take_over (names, 1);
}

static void
test_several_devices (void)
{
  const char *const names[] = { "one", "two", "three", "four" };

  take_over (names, 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/broker/threads/one-device", test_one_device);
  g_test_add_func ("/broker/threads/several-devices", test_several_devices);
  return g_test_run ();
}
