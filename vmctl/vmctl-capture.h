/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Keeps what is written to a pipe: for --json, which puts a command's output into its one value. */
typedef struct _VmctlCapture VmctlCapture;

VmctlCapture *vmctl_capture_new (int *write_fd, GError **error);
void vmctl_capture_free (VmctlCapture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlCapture, vmctl_capture_free)
void vmctl_capture_await_end (VmctlCapture *self, guint limit_ms);
const char *vmctl_capture_get (VmctlCapture *self, gsize *length);
gboolean vmctl_capture_is_cut (VmctlCapture *self);

G_END_DECLS
