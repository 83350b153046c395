/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-blocker-private.h"

#include "base/vmd-failure-private.h"

#include <unistd.h>

/* Whom a request waits for, in words: what BUSY and NESTED_LOCK say, and what is said of one that
 * waits for long. It reads files, and so is found under the line's mutex and described after. */

/* Under the mutex of @line. */
VmdLockBlocker
vmd_lock_blocker_find (VmdLockLine *line, VmdLockTicket *ticket)
{
  VmdLockTicket *found = vmd_lock_line_find_blocker (line, ticket);

  if (found == NULL)
    return (VmdLockBlocker){ 0 };
  return (VmdLockBlocker){ vmd_lock_ticket_ref (found), found->state == VMD_LOCK_TICKET_HELD,
                           found->since };
}

/* Whom @ticket waits for: in this process if that one holds, since nothing is more certain; else as
 * the records have it; else in this process after all. */
static VmdLockInfo *
find_culprit (const VmdLockBlocker *blocker, VmdLockTicket *ticket, int requests_fd)
{
  g_autoptr (GPtrArray) infos = NULL;
  VmdLockInfo *waiting = NULL;

  if (blocker->held)
    return vmd_lock_ticket_to_info (blocker->ticket, TRUE, blocker->since);
  infos = vmd_lock_record_read_all (requests_fd, ticket->record);
  for (guint i = 0; i < infos->len; i++)
    {
      VmdLockInfo *info = infos->pdata[i];

      if (!vmd_lock_set_conflicts (ticket->set, vmd_lock_info_get_set (info)))
        continue;
      if (vmd_lock_info_get_held (info))
        return g_object_ref (info);
      /* Who waits in this process, and is not in our way in the line, is behind us. */
      if (waiting == NULL && vmd_lock_info_get_pid (info) != getpid ())
        waiting = info;
    }
  if (blocker->ticket != NULL)
    return vmd_lock_ticket_to_info (blocker->ticket, FALSE, blocker->since);
  return waiting != NULL ? g_object_ref (waiting) : NULL;
}

/* "vm/0123… is held by “import of ./repo” (pid 4711) since …" */
char *
vmd_lock_blocker_describe (const VmdLockBlocker *blocker, VmdLockTicket *ticket, int requests_fd)
{
  g_autoptr (VmdLockInfo) culprit = find_culprit (blocker, ticket, requests_fd);
  g_autofree char *resource = NULL;
  g_autofree char *who = NULL;

  if (culprit == NULL)
    {
      resource = vmd_lock_set_to_string (ticket->set);
      return g_strdup_printf ("%s is held by another program", resource);
    }
  resource = vmd_lock_set_dup_conflict (ticket->set, vmd_lock_info_get_set (culprit));
  who = vmd_lock_info_describe (culprit);
  return g_strdup_printf ("%s is %s by %s", resource,
                          vmd_lock_info_get_held (culprit) ? "held" : "waited for", who);
}

gboolean
vmd_lock_blocker_fail_nested (VmdLockTicket *ticket, VmdLockTicket *other, GError **error)
{
  g_autofree char *asked = vmd_lock_set_to_string (ticket->set);
  g_autofree char *has = vmd_lock_set_to_string (other->set);

  return vmd_fail (error, VMD_ERROR_NESTED_LOCK,
                   "%s holds or waits for %s (“%s”), and cannot ask for %s before that is released",
                   vmd_lock_request_get_owner (ticket->request), has,
                   vmd_lock_request_get_reason (other->request), asked);
}
