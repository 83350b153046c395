/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <unistd.h>

/* Files, so that a test in another process than the daemon can write the script as well. */
#define DIRECTORY ".vmd-fake"
#define LOOK_INTERVAL 5 /* milliseconds */

static char *
dup_path (const char *root, const char *name)
{
  return g_build_filename (root, DIRECTORY, name, NULL);
}

/* Whether the script has @name. @count: (out) (optional): the number in the file, 0 when there is
 * none. */
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

/* Waits until the file is gone. Meanwhile there is a file `stalled`, for the test to wait for.
 * Looked for again and again: a watch for each would be one of the few that a user may have. */
static gboolean
wait_until_gone (const char *root, const char *name, GCancellable *cancellable, gint64 deadline,
                 GError **error)
{
  g_autofree char *stalled = dup_path (root, "stalled");
  gboolean good = TRUE;

  g_file_set_contents (stalled, "", 0, NULL);
  while (good && vmd_fake_guest_is_told (root, name, NULL))
    {
      if (g_get_monotonic_time () >= deadline)
        good = vmd_fail (error, VMD_ERROR_TIMED_OUT, "timed out while the fake guest stands still");
      else
        vmd_poll (NULL, 0, cancellable, vmd_deadline_in (LOOK_INTERVAL), "waiting", NULL);
      good = good && !vmd_is_cancelled (cancellable, error);
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

/* Takes as many milliseconds as the script's file @name says. */
gboolean
vmd_fake_guest_take_time (const char *root, const char *name, GCancellable *cancellable,
                          gint64 deadline, GError **error)
{
  guint64 milliseconds;
  gint64 end;

  if (!vmd_fake_guest_is_told (root, name, &milliseconds))
    return TRUE;
  end = vmd_deadline_in ((guint) milliseconds);
  vmd_poll (NULL, 0, cancellable, MIN (end, deadline), "waiting", NULL);
  if (vmd_is_cancelled (cancellable, error))
    return FALSE;
  return end <= deadline ||
         vmd_fail (error, VMD_ERROR_TIMED_OUT, "timed out while the fake guest takes its time");
}
