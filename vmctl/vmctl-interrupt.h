/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Ctrl-C, SIGTERM and SIGHUP. The first cancels, and vmctl waits for the clean-up; the second ends
 * it at once. */
typedef struct _VmctlInterrupt VmctlInterrupt;

VmctlInterrupt *vmctl_interrupt_new (void);
void vmctl_interrupt_free (VmctlInterrupt *self);
GCancellable *vmctl_interrupt_get_cancellable (VmctlInterrupt *self);
/* Signals are left to @func from now on; NULL: back to the above. */
void vmctl_interrupt_redirect (VmctlInterrupt *self,
                               void (*func) (int signal_number, gpointer data), gpointer data);

G_END_DECLS
