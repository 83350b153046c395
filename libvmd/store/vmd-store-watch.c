/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-watch-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* How processes tell each other of their commits: each sets the time of one file, `changed`, when
 * its commit can be seen, and all have an inotify watch on it. A watch on the -wal file was
 * rejected: it fires at the write, before the commit can be read. The sign may get lost (no inotify
 * instance is left, the file was removed, the committer died just before it): hence the look once a
 * second. */

#define LOOK_INTERVAL_MS 1000

struct _VmdStoreWatch
{
  int kick_fd; /* an eventfd */
  int changed_fd;
  int inotify_fd; /* -1: there is none to be had */
};

VmdStoreWatch *
vmd_store_watch_new (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, "changed", NULL);
  g_autoptr (VmdStoreWatch) self = g_new0 (VmdStoreWatch, 1);

  self->inotify_fd = -1;
  self->changed_fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  self->kick_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->changed_fd < 0)
    {
      vmd_fail_errno (error, errno, "Cannot open %s", path);
      return NULL;
    }
  if (self->kick_fd < 0)
    {
      vmd_fail_errno (error, errno, "Cannot make an eventfd for the store");
      return NULL;
    }
  self->inotify_fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (self->inotify_fd >= 0 && inotify_add_watch (self->inotify_fd, path, IN_ATTRIB) < 0)
    vmd_clear_fd (&self->inotify_fd);
  return g_steal_pointer (&self);
}

void
vmd_store_watch_free (VmdStoreWatch *self)
{
  vmd_clear_fd (&self->inotify_fd);
  vmd_clear_fd (&self->changed_fd);
  vmd_clear_fd (&self->kick_fd);
  g_free (self);
}

/* Ends the present wait, or the next one. Any thread. */
void
vmd_store_watch_kick (VmdStoreWatch *self)
{
  eventfd_write (self->kick_fd, 1);
}

/* Tells all processes, this one too, that there was a commit. It writes no data, and so it works on
 * a full disk. */
void
vmd_store_watch_touch (VmdStoreWatch *self)
{
  if (futimens (self->changed_fd, NULL) < 0)
    g_debug ("Cannot touch the file “changed”: %s", g_strerror (errno));
}

static void
drain (int fd)
{
  char buffer[4096] __attribute__ ((aligned (8)));

  while (fd >= 0 && read (fd, buffer, sizeof buffer) > 0)
    ;
}

/* Sleeps until there is something to look at: after a kick, after a touch, or after a second; and
 * no longer than @milliseconds. */
void
vmd_store_watch_wait (VmdStoreWatch *self, guint milliseconds)
{
  /* A negative descriptor is passed over. */
  struct pollfd fds[] = {
    { .fd = self->kick_fd, .events = POLLIN },
    { .fd = self->inotify_fd, .events = POLLIN },
  };

  vmd_poll (fds, G_N_ELEMENTS (fds), NULL, vmd_deadline_in (MIN (milliseconds, LOOK_INTERVAL_MS)),
            "waiting for work in the store", NULL);
  drain (self->kick_fd);
  drain (self->inotify_fd);
}
