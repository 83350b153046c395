/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-clock-private.h"

/* Where a fake clock begins. Not 0, so that a time that was never set shows; and the same at each
 * run. */
#define FIRST_MONOTONIC (G_GINT64_CONSTANT (1000) * G_USEC_PER_SEC)
#define FIRST_WALL (G_GINT64_CONSTANT (1767225600) * G_USEC_PER_SEC) /* 2026-01-01 00:00 UTC */

struct _VmdFakeClock
{
  GObject parent;

  GMutex mutex;
  gint64 passed; /* microseconds since it was made; under mutex */
};

static void vmd_fake_clock_clock_init (VmdClockInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdFakeClock, vmd_fake_clock, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_CLOCK, vmd_fake_clock_clock_init))

static gint64
get_passed (VmdClock *clock)
{
  VmdFakeClock *self = VMD_FAKE_CLOCK (clock);
  gint64 passed;

  g_mutex_lock (&self->mutex);
  passed = self->passed;
  g_mutex_unlock (&self->mutex);

  return passed;
}

static gint64
get_monotonic (VmdClock *clock)
{
  return FIRST_MONOTONIC + get_passed (clock);
}

static gint64
get_wall (VmdClock *clock)
{
  return FIRST_WALL + get_passed (clock);
}

static void
vmd_fake_clock_clock_init (VmdClockInterface *iface)
{
  iface->get_monotonic = get_monotonic;
  iface->get_wall = get_wall;
}

static void
vmd_fake_clock_finalize (GObject *object)
{
  VmdFakeClock *self = VMD_FAKE_CLOCK (object);

  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (vmd_fake_clock_parent_class)->finalize (object);
}

static void
vmd_fake_clock_class_init (VmdFakeClockClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_fake_clock_finalize;
}

static void
vmd_fake_clock_init (VmdFakeClock *self)
{
  g_mutex_init (&self->mutex);
}

/* A clock that stands still until the test moves it. (transfer full) */
VmdFakeClock *
vmd_fake_clock_new (void)
{
  return g_object_new (VMD_TYPE_FAKE_CLOCK, NULL);
}

/* Moves both times on by @microseconds, at least 0. Any thread. */
void
vmd_fake_clock_advance (VmdFakeClock *self, gint64 microseconds)
{
  g_return_if_fail (VMD_IS_FAKE_CLOCK (self));
  g_return_if_fail (microseconds >= 0);

  g_mutex_lock (&self->mutex);
  self->passed += microseconds;
  g_mutex_unlock (&self->mutex);
}
