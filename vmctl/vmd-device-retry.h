/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* When to try again. Times are in milliseconds. */

#define VMD_DEVICE_RETRY_FIRST 1000
#define VMD_DEVICE_RETRY_LONGEST (60 * 1000)
/* After a stream of this length the failures before it count no more. */
#define VMD_DEVICE_RETRY_GOOD (10 * 1000)
/* Of what a server may ask for. */
#define VMD_DEVICE_RETRY_AFTER_LONGEST (60 * 60 * 1000)
/* How long to leave a device to the client that took it. */
#define VMD_DEVICE_RETRY_SUPERSEDED (300 * 1000)

gint64 vmd_device_retry_after_failures (guint n_failures, double chance);
gint64 vmd_device_retry_when_refused (double chance);
gint64 vmd_device_retry_when_superseded (double chance);
gint64 vmd_device_retry_when_told (gint64 wait, const char *retry_after, double chance);

G_END_DECLS
