/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib.h>

/* A race, on purpose: this test must fail, or the thread checker sees nothing. Without the checker
 * it is skipped; where it is asked for and does not run, this passes, and so fails. */

static int unprotected;
static GMutex mutexes[2];

/* Each with a mutex of its own, so that all depends on whether the checker knows GLib's from
 * none. */
static gpointer
run (gpointer data)
{
  GMutex *mutex = data;

  for (int i = 0; i < 1000; i++)
    {
      g_mutex_lock (mutex);
      unprotected++;
      g_mutex_unlock (mutex);
    }
  return NULL;
}

int
main (void)
{
  GThread *threads[2];

  if (g_getenv ("VMD_THREAD_CHECKER") == NULL)
    return 77;
  for (int i = 0; i < 2; i++)
    threads[i] = g_thread_new ("racer", run, &mutexes[i]);
  for (int i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  return 0;
}
