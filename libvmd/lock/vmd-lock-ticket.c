/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-ticket-private.h"

#include "vmd-lock-keeper-private.h"

#include <unistd.h>

/* vmd_lock_ticket_new:
 * @request: sealed
 *
 * Returns: (transfer full): a ticket that stands in no line yet */
VmdLockTicket *
vmd_lock_ticket_new (VmdLockKeeper *keeper, VmdLockRequest *request, GCancellable *cancellable,
                     gint64 deadline)
{
  VmdLockTicket *self = g_new0 (VmdLockTicket, 1);

  g_atomic_ref_count_init (&self->references);
  self->keeper = vmd_lock_keeper_ref (keeper);
  self->request = g_object_ref (request);
  self->set = vmd_lock_request_get_set (request);
  g_set_object (&self->cancellable, cancellable);
  self->deadline = deadline;
  self->link.data = self;
  self->waiting.data = self;
  self->since = g_get_real_time ();
  g_cond_init (&self->granted);
  return self;
}

VmdLockTicket *
vmd_lock_ticket_ref (VmdLockTicket *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_lock_ticket_unref (VmdLockTicket *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_cond_clear (&self->granted);
  g_clear_error (&self->error);
  g_clear_object (&self->cancellable);
  g_object_unref (self->request);
  vmd_lock_keeper_unref (self->keeper);
  g_free (self);
}

/* vmd_lock_ticket_to_info:
 *
 * Returns: (transfer full): what a record of this ticket would tell */
VmdLockInfo *
vmd_lock_ticket_to_info (VmdLockTicket *self, gboolean held, gint64 since)
{
  g_autofree char *text = vmd_lock_set_to_string (self->set);
  VmdLockFacts facts = {
    .set = vmd_lock_set_parse (text),
    .held = held,
    .owner = g_strdup (vmd_lock_request_get_owner (self->request)),
    .reason = g_strdup (vmd_lock_request_get_reason (self->request)),
    .job = g_strdup (vmd_lock_request_get_job (self->request)),
    .sender = g_strdup (vmd_lock_request_get_sender (self->request)),
    .pid = getpid (),
    .since = since,
  };

  return vmd_lock_info_new (&facts);
}
