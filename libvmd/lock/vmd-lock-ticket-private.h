/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A request that was handed in, from then until what it got is released. */

#include "vmd-lock-file-private.h"
#include "vmd-lock-record-private.h"
#include "vmd-lock-request-private.h"

G_BEGIN_DECLS

typedef struct _VmdLockKeeper VmdLockKeeper;

typedef enum
{
  VMD_LOCK_TICKET_WAITING, /* somebody before it in the line is in its way */
  VMD_LOCK_TICKET_TAKING, /* nobody is: it takes the file */
  VMD_LOCK_TICKET_HELD,
} VmdLockTicketState;

typedef struct
{
  gatomicrefcount references;

  /* Constant. */
  VmdLockKeeper *keeper; /* a reference */
  VmdLockRequest *request;
  const VmdLockSet *set; /* the request's */
  GCancellable *cancellable; /* (nullable) */
  gint64 deadline; /* monotonic microseconds; 0: does not wait; VMD_NO_DEADLINE */

  /* The keeper's mutex. */
  GList link; /* in the line */
  GList waiting; /* in the keeper's list of those that its thread serves */
  guint n_blockers; /* how many before it in the line conflict with it */
  gboolean finished; /* granted, or failed with `error` */
  gboolean cancelled;
  gulong handler; /* of the cancellable */
  VmdLockTicketState state;
  gint64 since; /* wall clock: when it came; when it was granted */
  GCond granted; /* `finished` changed */
  GError *error; /* (nullable) once finished */

  /* Whoever serves it: the thread that brought it, then the keeper's, then whoever releases. */
  gboolean is_recorded; /* it was tried, at least */
  VmdLockRecord *record; /* (nullable) */
  VmdLockGrip *grip; /* (nullable) */
  gint64 complain_at; /* monotonic; read by the keeper under its mutex */
  gint64 poll_at; /* monotonic; likewise */
  GTask *task; /* (nullable): for an asynchronous call */
} VmdLockTicket;

VmdLockTicket *vmd_lock_ticket_new (VmdLockKeeper *keeper, VmdLockRequest *request,
                                    GCancellable *cancellable, gint64 deadline);
VmdLockTicket *vmd_lock_ticket_ref (VmdLockTicket *self);
void vmd_lock_ticket_unref (VmdLockTicket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdLockTicket, vmd_lock_ticket_unref)

VmdLockInfo *vmd_lock_ticket_to_info (VmdLockTicket *self, gboolean held, gint64 since);

G_END_DECLS
