/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running VMs' ports to the channel, however many, on one thread. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmdGuestLinkLoop VmdGuestLinkLoop;

/* A guest has opened a connection, and @fd, which is taken, is the other end of it. On the loop's
 * thread; must not wait. */
typedef void (*VmdGuestLinkFunc) (const char *vm_id, int fd, gpointer data);

/* FAILED: no descriptors. (transfer full) */
VmdGuestLinkLoop *vmd_guest_link_loop_new (VmdGuestLinkFunc opened, gpointer data, GError **error);
/* Ends every connection, and the thread. */
void vmd_guest_link_loop_free (VmdGuestLinkLoop *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdGuestLinkLoop, vmd_guest_link_loop_free)

/* Connects to the port of @vm_id, whose socket is at @path: again and again where it goes or is not
 * there, until it is removed. In place of what the VM had. Any thread; never waits. */
void vmd_guest_link_loop_add (VmdGuestLinkLoop *self, const char *vm_id, const char *path);
/* Ends the VM's connections a moment later. Any thread; never waits. */
void vmd_guest_link_loop_remove (VmdGuestLinkLoop *self, const char *vm_id);

G_END_DECLS
