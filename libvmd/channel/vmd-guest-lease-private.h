/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the other end of a UNIX socket takes what is written to it. */

#include <glib.h>

G_BEGIN_DECLS

/* All zero is a lease of a socket to which nothing was written yet. */
typedef struct
{
  int untaken; /* of what was written, as the kernel counts it; 0: all was taken */
  gint64 since; /* monotonic microseconds: when something was last seen to be taken */
} VmdGuestLease;

/* Before something is written, and now and then while `untaken` is not zero. */
void vmd_guest_lease_look (VmdGuestLease *self, int fd, gint64 now);
/* After something was written. */
void vmd_guest_lease_note_written (VmdGuestLease *self, int fd);

G_END_DECLS
