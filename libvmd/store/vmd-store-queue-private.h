/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is to be run on the store's thread, in the order in which it was asked for. */

#include "vmd-store-private.h"
#include "vmd-store-watch-private.h"

G_BEGIN_DECLS

typedef struct _VmdStoreQueue VmdStoreQueue;

typedef enum
{
  VMD_STORE_CALL_QUEUED, /* not begun, though perhaps taken by the thread: it can be cancelled */
  VMD_STORE_CALL_BEGUN,
  VMD_STORE_CALL_DONE,
} VmdStoreCallState;

/* One function that somebody waits for. */
typedef struct
{
  gatomicrefcount references;
  VmdStoreQueue *queue; /* a reference */

  /* Constant. */
  VmdStoreFunc func;
  gpointer data;
  GDestroyNotify destroy; /* (nullable) for data */
  gboolean is_outside; /* runs before the transaction, and changes nothing */
  GCancellable *cancellable; /* (nullable) a reference */

  /* The store's thread's, from vmd_store_call_begin() until vmd_store_call_answer(). */
  gboolean begun;
  GError *error; /* (nullable) */

  /* Under the queue's mutex. */
  VmdStoreCallState state;
  GTask *task; /* (nullable) whoever sets state to DONE takes it */
  gulong handler; /* of cancellable, 0: none */
  GCond done;
} VmdStoreCall;

VmdStoreQueue *vmd_store_queue_new (VmdStoreWatch *watch);
VmdStoreQueue *vmd_store_queue_ref (VmdStoreQueue *self);
void vmd_store_queue_unref (VmdStoreQueue *self);

VmdStoreCall *vmd_store_call_new (VmdStoreQueue *queue, VmdStoreFunc func, gpointer data,
                                  GDestroyNotify destroy, GCancellable *cancellable);
void vmd_store_call_unref (VmdStoreCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdStoreCall, vmd_store_call_unref)

/* The callers' side. */
void vmd_store_queue_push (VmdStoreQueue *self, VmdStoreCall *call);
gboolean vmd_store_call_wait (VmdStoreCall *self, GError **error);
void vmd_store_queue_close (VmdStoreQueue *self);

/* The store's thread's side. */
gboolean vmd_store_queue_take_all (VmdStoreQueue *self, GPtrArray *batch);
gboolean vmd_store_call_begin (VmdStoreCall *self);
void vmd_store_call_answer (VmdStoreCall *self);

G_END_DECLS
