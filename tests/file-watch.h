/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* To wait for what somebody else does to a file, and not look at it all the time: begin to watch,
 * look, and as long as it is not there yet wait and look again. */

#include <glib.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

/* @path: a directory, or a file that is there. The result is closed by close(). */
static inline int
file_watch_new (const char *path)
{
  int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);

  g_assert_no_errno (fd);
  g_assert_no_errno (inotify_add_watch (fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO));
  return fd;
}

/* Until something has happened since the last time; nothing for so long is a hang. */
static inline void
file_watch_wait (int fd, guint milliseconds)
{
  struct pollfd changed = { .fd = fd, .events = POLLIN };
  char events[4096];

  if (poll (&changed, 1, (int) milliseconds) != 1)
    g_error ("hung: nothing is changed");
  while (read (fd, events, sizeof events) > 0)
    continue;
}
