/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The asynchronous form of the verbs on images and kernels: the blocking form, on a thread for work
 * that takes its time. */

#include "vmd-manager-private.h"

G_BEGIN_DECLS

typedef struct _VmdManagerCall VmdManagerCall;

/* The arguments of a verb; each verb uses its own. */
struct _VmdManagerCall
{
  /* Returns: (transfer full) (nullable): the result. Takes the descriptors out of @call. */
  GObject *(*run) (GObject *object, VmdManagerCall *call, GCancellable *cancellable,
                   GError **error);
  const char *name; /* (nullable) */
  const char *source; /* (nullable) */
  int fd; /* taken; -1: none */
  int modules_fd; /* taken; -1: none */
  VmdLock *lock; /* (nullable) */
  VmdJob *job; /* (nullable) */
};

void vmd_manager_call_async (VmdManager *manager, gpointer object, const VmdManagerCall *call,
                             gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);
gpointer
vmd_manager_call_finish (gpointer object, GAsyncResult *result, gpointer tag, GError **error);

G_END_DECLS
