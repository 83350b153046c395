/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Files, so that a test in another process than the daemon can write the script as well. */
#define DIRECTORY ".vmd-fake"

static char *
dup_path (const char *root, const char *name)
{
  return g_build_filename (root, DIRECTORY, name, NULL);
}

/* Whether the script has @name. @count: (out) (optional): the number in the file, 0 when there is none. */
gboolean
vmd_fake_guest_is_told (const char *root, const char *name, guint64 *count)
{
  g_autofree char *path = dup_path (root, name);
  g_autofree char *content = NULL;

  if (!g_file_get_contents (path, &content, NULL, NULL))
    return FALSE;
  if (count != NULL)
    *count = g_ascii_strtoull (content, NULL, 10);
  return TRUE;
}

static void
drain_events (int fd)
{
  char events[4096];

  while (read (fd, events, sizeof events) > 0)
    ;
}

/* Waits until the file is gone. Meanwhile there is a file `stalled`, for the test to wait for. */
static gboolean
wait_until_gone (const char *root, const char *name, GCancellable *cancellable, gint64 deadline,
                 GError **error)
{
  vmd_autofd int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  g_autofree char *directory = g_build_filename (root, DIRECTORY, NULL);
  g_autofree char *stalled = dup_path (root, "stalled");
  gboolean good = TRUE;

  if (fd < 0 || inotify_add_watch (fd, directory, IN_DELETE | IN_MOVED_FROM) < 0)
    return vmd_fail_errno (error, errno, "Cannot watch %s", directory);
  g_file_set_contents (stalled, "", 0, NULL);
  while (good && vmd_fake_guest_is_told (root, name, NULL))
    {
      struct pollfd ready = { .fd = fd, .events = POLLIN };

      good = vmd_poll (&ready, 1, cancellable, deadline, "the fake guest stands still", error);
      drain_events (fd);
    }
  unlink (stalled);
  return good;
}

/* Stands still for as long as the script has @name. */
gboolean
vmd_fake_guest_stall (const char *root, const char *name, GCancellable *cancellable,
                      gint64 deadline, GError **error)
{
  return !vmd_fake_guest_is_told (root, name, NULL) ||
         wait_until_gone (root, name, cancellable, deadline, error);
}
