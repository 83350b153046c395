/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-broker-private.h"

/* A newcomer that is overtaken on its way, by one that is still at ending those before. The order
 * is made certain by the two places where the broker lets others in: it asks what time it is when a
 * generation is given and the table not yet looked at, and it tells each that has ended. */

#define TYPE_GATE_CLOCK (gate_clock_get_type ())
G_DECLARE_FINAL_TYPE (GateClock, gate_clock, TEST, GATE_CLOCK, GObject)

struct _GateClock
{
  GObject parent;

  GMutex mutex; /* guards what follows */
  GCond changed;
  GThread *held; /* (nullable) is not told the time; a borrowed mark */
  gboolean has_come; /* to ask for it */
};

static void gate_clock_clock_init (VmdClockInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (GateClock, gate_clock, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_CLOCK, gate_clock_clock_init))

static gint64
get_monotonic (VmdClock *clock)
{
  GateClock *self = TEST_GATE_CLOCK (clock);

  g_mutex_lock (&self->mutex);
  self->has_come |= self->held == g_thread_self ();
  g_cond_broadcast (&self->changed);
  while (self->held == g_thread_self ())
    g_cond_wait (&self->changed, &self->mutex);
  g_mutex_unlock (&self->mutex);
  return g_get_monotonic_time ();
}

static gint64
get_wall (VmdClock *clock)
{
  return g_get_real_time ();
}

static void
gate_clock_clock_init (VmdClockInterface *iface)
{
  iface->get_monotonic = get_monotonic;
  iface->get_wall = get_wall;
}

static void
gate_clock_finalize (GObject *object)
{
  g_mutex_clear (&TEST_GATE_CLOCK (object)->mutex);
  g_cond_clear (&TEST_GATE_CLOCK (object)->changed);
  G_OBJECT_CLASS (gate_clock_parent_class)->finalize (object);
}

static void
gate_clock_class_init (GateClockClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gate_clock_finalize;
}

static void
gate_clock_init (GateClock *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
}

static void
hold (GateClock *self, GThread *thread)
{
  g_mutex_lock (&self->mutex);
  self->held = thread;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}

static void
wait_until_one_has_come (GateClock *self)
{
  g_mutex_lock (&self->mutex);
  while (!self->has_come)
    g_cond_wait (&self->changed, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

/* -- The story -- */

typedef struct
{
  GateClock *clock;
  VmdBroker *broker;
  VmdSubscription *first;
  VmdSubscription *third;
  guint first_told;
  guint second_told;
} Story;

static void
ready_cb (gpointer data)
{
}

static void
ignore_cb (gpointer data)
{
}

static void
second_ended_cb (gpointer data)
{
  ((Story *) data)->second_told++;
}

static VmdSubscription *
subscribe (Story *story, void (*ended) (gpointer data))
{
  const VmdSubscriptionSink sink = { ready_cb, ended, story, NULL };
  const VmdSubscriber subscriber = { "d", "same", "peer", "token" };
  gint64 retry_after = 0;
  VmdSubscription *subscription =
      vmd_broker_subscribe (story->broker, &subscriber, &sink, &retry_after, NULL);

  g_assert_nonnull (subscription);
  return subscription;
}

/* Its generation is between the second's and the third's. When its subscribe() returns both of
 * those before it have ended and been told, though the third has only begun with that. */
static gpointer
come_late_cb (gpointer data)
{
  Story *story = data;
  g_autoptr (VmdSubscription) late = NULL;

  hold (story->clock, g_thread_self ());
  late = subscribe (story, ignore_cb);
  g_assert_cmpint (vmd_subscription_get_end (late), ==, VMD_SUBSCRIPTION_SUPERSEDED);
  g_assert_cmpint (vmd_subscription_get_end (story->first), ==, VMD_SUBSCRIPTION_SUPERSEDED);
  g_assert_cmpuint (story->second_told, ==, 1);
  return NULL;
}

/* The second one tells it, and while it does the late one gets its generation, and the third one
 * comes; that tells it too, before it tells the second, and meanwhile the late one goes on. */
static void
first_ended_cb (gpointer data)
{
  static GThread *late;
  Story *story = data;

  story->first_told++;
  if (story->first_told == 1)
    {
      late = g_thread_new ("late", come_late_cb, story);
      wait_until_one_has_come (story->clock);
      story->third = subscribe (story, ignore_cb);
    }
  else if (story->first_told == 2)
    {
      hold (story->clock, NULL);
      g_thread_join (g_steal_pointer (&late));
    }
}

static void
test_overtaken (void)
{
  const VmdContestLimits limits = { .takeovers = 5, .window = 10 * G_USEC_PER_SEC };
  g_autoptr (VmdMemoryStorage) storage = vmd_memory_storage_new ();
  g_autoptr (GateClock) clock = g_object_new (TYPE_GATE_CLOCK, NULL);
  g_autoptr (VmdBroker) broker =
      vmd_broker_new (VMD_BROKER_STORAGE (storage), VMD_CLOCK (clock), 1, &limits);
  Story story = { .clock = clock, .broker = broker };
  g_autoptr (VmdSubscription) second = NULL;

  story.first = subscribe (&story, first_ended_cb);
  second = subscribe (&story, second_ended_cb);
  g_assert_cmpint (vmd_subscription_get_end (second), ==, VMD_SUBSCRIPTION_SUPERSEDED);
  g_assert_cmpint (vmd_subscription_get_end (story.third), ==, VMD_SUBSCRIPTION_LIVE);
  g_assert_cmpuint (vmd_broker_get_n_live (broker), ==, 1);
  vmd_broker_leave (broker, story.third, VMD_SUBSCRIPTION_LEFT);
  g_assert_cmpuint (vmd_memory_storage_get_n_connected (storage), ==, 0);
  vmd_subscription_unref (story.third);
  vmd_subscription_unref (story.first);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/broker/overtaken", test_overtaken);
  return g_test_run ();
}
