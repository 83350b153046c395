/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting on descriptors: always with a cancellable and a deadline. */

#include "vmd-error.h"

#include <gio/gio.h>
#include <poll.h>

G_BEGIN_DECLS

#define VMD_NO_DEADLINE G_MAXINT64

gint64 vmd_deadline_in (guint milliseconds);
gboolean vmd_poll (struct pollfd *fds, nfds_t n_fds, GCancellable *cancellable, gint64 deadline,
                   const char *what, GError **error);
gssize vmd_write_quietly (int fd, const void *data, gsize length);
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
#define vmd_autofd __attribute__ ((cleanup (vmd_clear_fd), unused))

G_END_DECLS
