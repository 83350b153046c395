/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running VMs' ports to the channel, however many, on one thread. */

#include "../base/vmd-clock-private.h"

G_BEGIN_DECLS

typedef struct _VmdGuestLinkLoop VmdGuestLinkLoop;

/* The functions are called on the loop's thread, and must not wait. */
typedef struct
{
  VmdClock *clock; /* a reference is taken */
  gint64 lease; /* microseconds in which a guest that has something to take must take some */
  /* A guest has opened a connection, and @fd, which is taken, is the other end of it. */
  void (*opened) (const char *vm_id, int fd, gpointer data);
  /* The guest's lease has run out, and its connections are about to be closed. */
  void (*silent) (const char *vm_id, gpointer data);
  gpointer data;
} VmdGuestLinkRules;

/* FAILED: no descriptors. (transfer full) */
VmdGuestLinkLoop *vmd_guest_link_loop_new (const VmdGuestLinkRules *rules, GError **error);
/* Ends every connection, and the thread. */
void vmd_guest_link_loop_free (VmdGuestLinkLoop *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdGuestLinkLoop, vmd_guest_link_loop_free)

/* Connects to the port of @vm_id, whose socket is at @path: again and again where it goes or is not
 * there, until it is removed. In place of what the VM had. Any thread; never waits. */
void vmd_guest_link_loop_add (VmdGuestLinkLoop *self, const char *vm_id, const char *path);
/* Ends the VM's connections a moment later. Any thread; never waits. */
void vmd_guest_link_loop_remove (VmdGuestLinkLoop *self, const char *vm_id);

G_END_DECLS
