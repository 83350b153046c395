/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Straight code on top of asynchronous calls: pass vmctl_await_cb and the address of a NULL
 * GAsyncResult pointer, then vmctl_await() that. The main loop runs meanwhile, so that signals,
 * progress and other calls are served. */
void vmctl_await_cb (GObject *source, GAsyncResult *result, gpointer data);
void vmctl_await (GAsyncResult **result);

/* Lets @milliseconds pass, or less when @cancellable is cancelled. */
void vmctl_await_time (guint milliseconds, GCancellable *cancellable);

G_END_DECLS
