/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-left-child-private.h"

/* The programs that this process launched and left to themselves. They are its children all the
 * same, and when they end, somebody must take their zombies away: whoever notices first, the
 * watcher or the one who tears down. Which they are is kept here, since no other child may be
 * reaped: a library shares its process with code that waits for children of its own, and that
 * would lose their exit status. */

static GMutex children_mutex;
static GHashTable *children; /* VmdProcessId, by pid; under children_mutex, a leaf */

static guint
hash_process (gconstpointer process)
{
  return (guint) ((const VmdProcessId *) process)->pid;
}

static gboolean
equal_processes (gconstpointer a, gconstpointer b)
{
  return vmd_process_id_equal (a, b);
}

/* From now on vmd_left_child_reap() may reap @process, a child of this process. */
void
vmd_left_child_add (const VmdProcessId *process)
{
  g_mutex_lock (&children_mutex);
  if (children == NULL)
    children = g_hash_table_new_full (hash_process, equal_processes, g_free, NULL);
  g_hash_table_add (children, g_memdup2 (process, sizeof *process));
  g_mutex_unlock (&children_mutex);
}

/* Takes the zombie away, if @process is one of those and has ended; @wait_status is then as
 * waitpid() gives it. FALSE in every other case. Never waits. */
gboolean
vmd_left_child_reap (const VmdProcessId *process, int *wait_status)
{
  gboolean is_ours;

  g_mutex_lock (&children_mutex);
  is_ours = children != NULL && g_hash_table_contains (children, process);
  g_mutex_unlock (&children_mutex);
  if (!is_ours || !vmd_process_id_reap (process, wait_status))
    return FALSE;
  g_mutex_lock (&children_mutex);
  g_hash_table_remove (children, process);
  g_mutex_unlock (&children_mutex);

  return TRUE;
}
