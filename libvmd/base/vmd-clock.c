/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-clock-private.h"

G_DEFINE_INTERFACE (VmdClock, vmd_clock, G_TYPE_OBJECT)

static void
vmd_clock_default_init (VmdClockInterface *iface)
{
}

/* Microseconds that only grow; what deadlines are made of. */
gint64
vmd_clock_get_monotonic (VmdClock *self)
{
  g_return_val_if_fail (VMD_IS_CLOCK (self), 0);

  return VMD_CLOCK_GET_IFACE (self)->get_monotonic (self);
}

/* Microseconds since 1970, as rows keep them. */
gint64
vmd_clock_get_wall (VmdClock *self)
{
  g_return_val_if_fail (VMD_IS_CLOCK (self), 0);

  return VMD_CLOCK_GET_IFACE (self)->get_wall (self);
}
