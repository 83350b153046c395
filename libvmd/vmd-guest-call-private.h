/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The asynchronous form of work in a guest: its blocking form, on a guest thread. */

#include "vmd-vm-private.h"

G_BEGIN_DECLS

/* The blocking form. Returns: (transfer full) (nullable): a GObject */
typedef gpointer (*VmdGuestCallFunc) (VmdVm *vm, gpointer arguments, VmdJob *job,
                                      GCancellable *cancellable, GError **error);

typedef struct
{
  const char *kind; /* of the job that is begun when there is none */
  VmdGuestCallFunc func;
  gpointer arguments; /* taken */
  GDestroyNotify free_arguments;
  gpointer tag; /* the public function, by which _finish knows its results */
} VmdGuestCall;

void
vmd_guest_call_async (VmdVm *vm, const VmdGuestCall *call, VmdJob *job, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data);
gpointer vmd_guest_call_finish (VmdVm *vm, GAsyncResult *result, gpointer tag, GError **error);

G_END_DECLS
