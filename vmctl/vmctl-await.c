/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-await.h"

void
vmctl_await_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GAsyncResult **slot = data;

  *slot = g_object_ref (result);
}

void
vmctl_await (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static gboolean
elapsed_cb (gpointer data)
{
  gboolean *elapsed = data;

  *elapsed = TRUE;
  return G_SOURCE_REMOVE;
}

void
vmctl_await_time (guint milliseconds, GCancellable *cancellable)
{
  gboolean elapsed = FALSE;
  guint source = g_timeout_add (milliseconds, elapsed_cb, &elapsed);

  while (!elapsed && !g_cancellable_is_cancelled (cancellable))
    g_main_context_iteration (NULL, TRUE);
  if (!elapsed)
    g_source_remove (source);
}
