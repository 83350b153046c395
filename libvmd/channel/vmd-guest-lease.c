/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-lease-private.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* What TCP_USER_TIMEOUT is for a device elsewhere. A UNIX socket has no such thing: what is written
 * to it is in the kernel's hands until it is full, which heartbeats do not achieve in hours. But
 * the kernel tells how much of it has not been read. A number that has fallen between two looks, or
 * is zero, was taken from meanwhile; a write between them is looked around, since it makes it rise.
 *
 * It is the hypervisor that takes, as with TCP it is the peer's kernel that acknowledges: one that
 * is stopped or hangs is found, and a guest whose kernel does not fetch what its port has. A kernel
 * that runs takes more than a hundred heartbeats before it minds that nobody reads them: an agent
 * that hangs is found by vmd-guest-link.c. */

static int
count (int fd)
{
  int untaken = 0;

  return ioctl (fd, SIOCOUTQ, &untaken) == 0 ? untaken : 0;
}

void
vmd_guest_lease_look (VmdGuestLease *self, int fd, gint64 now)
{
  int untaken = count (fd);

  if (untaken == 0 || untaken < self->untaken)
    self->since = now;
  self->untaken = untaken;
}

void
vmd_guest_lease_note_written (VmdGuestLease *self, int fd)
{
  self->untaken = count (fd);
}
