/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The asynchronous form of a verb: its blocking form, on a lifecycle thread. */

#include "vmd-vm-private.h"

G_BEGIN_DECLS

typedef struct _VmdVmCall VmdVmCall;

/* The arguments of a verb, for as long as it takes; each verb uses its own. */
struct _VmdVmCall
{
  gboolean (*run) (VmdVm *self, const VmdVmCall *call, GCancellable *cancellable, GError **error);
  VmdLock *lock; /* (nullable) */
  VmdJob *job; /* (nullable) */
  const VmdVmSpec *spec; /* (nullable) */
  VmdReadiness readiness;
  guint grace;
  gboolean force;
};

void vmd_vm_call_async (VmdVm *self, const VmdVmCall *call, gpointer tag, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data);
gboolean vmd_vm_call_finish (VmdVm *self, GAsyncResult *result, gpointer tag, GError **error);

G_END_DECLS
