/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting on descriptors: always with a cancellable and a deadline. */

#include "vmd-error.h"

#include <gio/gio.h>
#include <poll.h>

G_BEGIN_DECLS

#define VMD_NO_DEADLINE G_MAXINT64

/* A deadline @milliseconds from now, in g_get_monotonic_time() microseconds. */
gint64 vmd_deadline_in (guint milliseconds);

/* poll(2) on @fds (may be NULL when @n_fds is 0), on @cancellable (nullable) and until @deadline. Restarts on EINTR.
 * TRUE with revents set when a descriptor is ready; else FALSE with CANCELLED or TIMED_OUT. @what completes
 * "timed out while …". */
gboolean vmd_poll (struct pollfd *fds, nfds_t n_fds, GCancellable *cancellable, gint64 deadline,
                   const char *what, GError **error);

/* Writes all of @data to a non-blocking @fd, reads one chunk from it (0 at end of file, -1 on error). */
gboolean vmd_write_all (int fd, const void *data, gsize length, GCancellable *cancellable,
                        gint64 deadline, GError **error);
gssize vmd_read_some (int fd, void *data, gsize length, GCancellable *cancellable, gint64 deadline,
                      GError **error);

/* A descriptor that closes itself: `vmd_autofd int fd = -1;`. */
static inline int
vmd_steal_fd (int *fd)
{
  int stolen = *fd;
  *fd = -1;
  return stolen;
}
void vmd_clear_fd (int *fd);
#define vmd_autofd __attribute__ ((cleanup (vmd_clear_fd)))

G_END_DECLS
