/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-manager-state-private.h"

#include <stdio.h>
#include <string.h>

/* What is half made lies in a directory that is named after the process making it, so that whoever
 * opens the state directory next can tell what was left behind by the dead. */

#define BOOT_LENGTH 8

static char *
dup_prefix (const VmdProcessId *process)
{
  return g_strdup_printf ("%.*s-%d-%" G_GUINT64_FORMAT "-", BOOT_LENGTH, process->boot_id,
                          (int) process->pid, process->start_time);
}

/**
 * vmd_manager_make_staging:
 *
 * Makes a private directory in the file system of the state directory, in which something can be
 * made whole before it is renamed into place. The caller removes it; after a crash, the next
 * vmd_manager_open() does.
 *
 * Returns: (transfer full) (nullable): its path
 */
char *
vmd_manager_make_staging (VmdManager *self, GError **error)
{
  g_autofree char *id = vmd_id_new ();
  g_autofree char *prefix = NULL;
  g_autofree char *name = NULL;
  g_autofree char *path = NULL;
  VmdProcessId process;

  vmd_process_id_self (&process);
  prefix = dup_prefix (&process);
  name = g_strconcat (prefix, id, NULL);
  path = g_build_filename (self->state_dir, "staging", name, NULL);
  if (!vmd_private_dir_ensure (path, error))
    return NULL;
  return g_steal_pointer (&path);
}

/* A name that cannot be read was not made by vmd_manager_make_staging(): not ours to remove. */
static gboolean
is_left_behind (const char *name)
{
  g_autofree char *prefix = NULL;
  VmdProcessId process;
  int pid;

  if (strlen (name) <= BOOT_LENGTH || sscanf (name + BOOT_LENGTH, "-%d-", &pid) != 1 || pid <= 0)
    return FALSE;
  if (!vmd_process_id_read (pid, &process))
    return TRUE;
  prefix = dup_prefix (&process);
  return !g_str_has_prefix (name, prefix);
}

/* Removes what dead processes were making. What cannot be removed stays for the next time. */
void
vmd_manager_reap_staging (VmdManager *self)
{
  g_autofree char *directory = g_build_filename (self->state_dir, "staging", NULL);
  g_autoptr (GDir) entries = g_dir_open (directory, 0, NULL);
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);
      g_autoptr (GError) error = NULL;

      if (is_left_behind (name) && !vmd_remove_tree (path, &error))
        g_debug ("%s stays: %s", path, error->message);
    }
}
