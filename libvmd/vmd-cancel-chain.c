/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-cancel-chain-private.h"

struct _VmdCancelChain
{
  GCancellable *joined;
  GCancellable *sources[2]; /* (nullable) */
  gulong handlers[2];
};

static void
cancelled_cb (GCancellable *source, gpointer data)
{
  g_cancellable_cancel (data);
}

/* Either may be NULL. Never under a mutex: a source that was cancelled already fires here. */
VmdCancelChain *
vmd_cancel_chain_new (GCancellable *first, GCancellable *second)
{
  VmdCancelChain *self = g_new0 (VmdCancelChain, 1);

  self->joined = g_cancellable_new ();
  self->sources[0] = first != NULL ? g_object_ref (first) : NULL;
  self->sources[1] = second != NULL ? g_object_ref (second) : NULL;
  for (guint i = 0; i < G_N_ELEMENTS (self->sources); i++)
    if (self->sources[i] != NULL)
      self->handlers[i] = g_cancellable_connect (self->sources[i], G_CALLBACK (cancelled_cb),
                                                 g_object_ref (self->joined), g_object_unref);
  return self;
}

/* Returns: (transfer none) */
GCancellable *
vmd_cancel_chain_get (VmdCancelChain *self)
{
  return self->joined;
}

/* Waits for a handler that is at work, so never under a mutex. */
void
vmd_cancel_chain_free (VmdCancelChain *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->sources); i++)
    {
      if (self->sources[i] != NULL)
        g_cancellable_disconnect (self->sources[i], self->handlers[i]);
      g_clear_object (&self->sources[i]);
    }
  g_object_unref (self->joined);
  g_free (self);
}
