/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-clock-private.h"

struct _VmdSystemClock
{
  GObject parent;
};

static void vmd_system_clock_clock_init (VmdClockInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdSystemClock, vmd_system_clock, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_CLOCK, vmd_system_clock_clock_init))

static gint64
get_monotonic (VmdClock *clock)
{
  return g_get_monotonic_time ();
}

static gint64
get_wall (VmdClock *clock)
{
  return g_get_real_time ();
}

static void
vmd_system_clock_clock_init (VmdClockInterface *iface)
{
  iface->get_monotonic = get_monotonic;
  iface->get_wall = get_wall;
}

static void
vmd_system_clock_class_init (VmdSystemClockClass *klass)
{
}

static void
vmd_system_clock_init (VmdSystemClock *self)
{
}

/* The machine's own clock. (transfer full) */
VmdClock *
vmd_system_clock_new (void)
{
  return g_object_new (VMD_TYPE_SYSTEM_CLOCK, NULL);
}
