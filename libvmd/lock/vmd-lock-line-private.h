/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The line in which the requests of one process stand. Not locked: its owner's mutex protects it,
 * and the fields of the tickets that it uses. */

#include "vmd-lock-ticket-private.h"

G_BEGIN_DECLS

/* Why nobody waits for ever.
 *
 * The line has every request of this process that waits or holds, in the order in which they came.
 *
 *   (1) A request waits in the line for those before it that conflict with it, and for nothing
 *       else. While it waits there, it has nothing of the file.
 *   (2) One that waits for nobody in the line takes the file: all its places, in rising order,
 *       keeping what it has (vmd-lock-file.c). It is granted when it has the last one: whole, or
 *       not at all.
 *   (3) Who holds, asks for nothing more: vmd_lock_line_find_nesting() refuses it. The exception is
 *       a holder that asks for leaves; who holds a leaf, or waits for one, asks for nothing at all;
 *       and a leaf is never requested together with anything but leaves.
 *
 * Suppose that some requests wait for each other in a circle, in one process or across several.
 * First, requests for leaves: they wait for requests for leaves only, whose holders by (3) wait for
 * nobody; so leaves can be left out, and with them every wait of a holder. In what remains nobody
 * waits for a holder in vain: holders are in no circle, and the circle consists of requests that
 * are not granted. By (1) nobody anywhere waits in the file for one that waits in a line, for that
 * one has nothing of it. So a circle lies either wholly in one line, and then each waits for one
 * that came earlier: no circle; or wholly in the file, and then each waits for a byte (gate or
 * lock) above all that it has, and the next one has that byte and waits for one higher still: they
 * rise all the way round: no circle. So there is none, and every request gets its turn once those
 * have gone that were before it; those are finitely many, since nobody who comes later is ever put
 * before it in the line, or overtakes it at a gate that it has. That is the whole proof.
 *
 * One thing is left to chance: when a gate is free, and the first of several processes' lines ask
 * for it, whoever looks next gets it. They look equally often.
 *
 * What it asks of holders is that they release in the end. What it does not ask is a time limit:
 * there is none. */
typedef struct
{
  GQueue tickets; /* of VmdLockTicket, by their `link`; in the order in which they came */
} VmdLockLine;

VmdLockTicket *vmd_lock_line_find_nesting (VmdLockLine *self, VmdLockTicket *ticket);
void vmd_lock_line_join (VmdLockLine *self, VmdLockTicket *ticket);
gboolean vmd_lock_line_leave (VmdLockLine *self, VmdLockTicket *ticket);
VmdLockTicket *vmd_lock_line_find_blocker (VmdLockLine *self, VmdLockTicket *ticket);

G_END_DECLS
