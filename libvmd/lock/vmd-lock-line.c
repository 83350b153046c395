/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-line-private.h"

/* vmd_lock_line_find_nesting:
 * @ticket: wants to join
 *
 * Looks whether the owner of @ticket may ask: it must not wait already, nor have a leaf; and when
 * it holds anything, it may ask for leaves only. One that waits must not ask even for a leaf: it
 * could get the leaf first, and then sit on it until it gets the rest, whose holder may be waiting
 * for that very leaf.
 *
 * Returns: (transfer none) (nullable): what the owner has already that forbids it */
VmdLockTicket *
vmd_lock_line_find_nesting (VmdLockLine *self, VmdLockTicket *ticket)
{
  const char *owner = vmd_lock_request_get_owner (ticket->request);

  for (GList *link = self->tickets.head; link != NULL; link = link->next)
    {
      VmdLockTicket *other = link->data;

      if (!g_str_equal (vmd_lock_request_get_owner (other->request), owner))
        continue;
      if (other->state != VMD_LOCK_TICKET_HELD || other->set->is_leaf || !ticket->set->is_leaf)
        return other;
    }
  return NULL;
}

/* vmd_lock_line_join:
 *
 * Puts @ticket at the end of the line. It may take the file at once if its n_blockers is 0. */
void
vmd_lock_line_join (VmdLockLine *self, VmdLockTicket *ticket)
{
  for (GList *link = self->tickets.head; link != NULL; link = link->next)
    {
      VmdLockTicket *other = link->data;

      ticket->n_blockers += vmd_lock_set_conflicts (other->set, ticket->set);
    }
  g_queue_push_tail_link (&self->tickets, &ticket->link);
}

/* vmd_lock_line_leave:
 *
 * Takes @ticket out of the line, wherever it stands: it has released, or given up. It has nothing
 * of the file any more.
 *
 * Returns: whether somebody else now waits for nobody in the line who did before */
gboolean
vmd_lock_line_leave (VmdLockLine *self, VmdLockTicket *ticket)
{
  gboolean freed = FALSE;

  for (GList *link = ticket->link.next; link != NULL; link = link->next)
    {
      VmdLockTicket *later = link->data;

      if (vmd_lock_set_conflicts (ticket->set, later->set) && --later->n_blockers == 0)
        freed = TRUE;
    }
  g_queue_unlink (&self->tickets, &ticket->link);
  return freed;
}

/* vmd_lock_line_find_blocker:
 *
 * Returns: (transfer none) (nullable): one in the line for whom @ticket waits; one that holds, if
 *   there is one */
VmdLockTicket *
vmd_lock_line_find_blocker (VmdLockLine *self, VmdLockTicket *ticket)
{
  VmdLockTicket *found = NULL;

  for (GList *link = ticket->link.prev; link != NULL; link = link->prev)
    {
      VmdLockTicket *other = link->data;

      if (!vmd_lock_set_conflicts (other->set, ticket->set))
        continue;
      found = other;
      if (other->state == VMD_LOCK_TICKET_HELD)
        return other;
    }
  return found;
}
