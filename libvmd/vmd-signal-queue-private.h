/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Signals that any thread raises and one main context emits. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmdSignalQueue VmdSignalQueue;

VmdSignalQueue *vmd_signal_queue_new (GMainContext *context);
void vmd_signal_queue_unref (VmdSignalQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdSignalQueue, vmd_signal_queue_unref)

void
vmd_signal_queue_push (VmdSignalQueue *self, gpointer emitter, guint signal, gpointer argument);
void vmd_signal_queue_push_once (VmdSignalQueue *self, gpointer emitter, guint signal,
                                 gpointer argument);
void vmd_signal_queue_close (VmdSignalQueue *self);

G_END_DECLS
