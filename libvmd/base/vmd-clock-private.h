/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The clock, as an interface: deadlines are monotonic microseconds, time stamps are wall
 * microseconds. The fake one stands still until a test moves it. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMD_TYPE_CLOCK (vmd_clock_get_type ())
G_DECLARE_INTERFACE (VmdClock, vmd_clock, VMD, CLOCK, GObject)

struct _VmdClockInterface
{
  GTypeInterface parent;
  gint64 (*get_monotonic) (VmdClock *self);
  gint64 (*get_wall) (VmdClock *self);
};

gint64 vmd_clock_get_monotonic (VmdClock *self);
gint64 vmd_clock_get_wall (VmdClock *self);

#define VMD_TYPE_SYSTEM_CLOCK (vmd_system_clock_get_type ())
G_DECLARE_FINAL_TYPE (VmdSystemClock, vmd_system_clock, VMD, SYSTEM_CLOCK, GObject)
VmdClock *vmd_system_clock_new (void);

#define VMD_TYPE_FAKE_CLOCK (vmd_fake_clock_get_type ())
G_DECLARE_FINAL_TYPE (VmdFakeClock, vmd_fake_clock, VMD, FAKE_CLOCK, GObject)
VmdFakeClock *vmd_fake_clock_new (void);
void vmd_fake_clock_advance (VmdFakeClock *self, gint64 microseconds);

G_END_DECLS
