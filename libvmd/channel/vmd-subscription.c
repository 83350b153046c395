/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-subscription-private.h"

#include <gio/gio.h>

/* A connection has a slot for one snapshot, the newest: who publishes puts it there and goes on,
 * and a slow reader costs one snapshot and no memory beyond it. `sent` only rises, so whatever
 * order publishers come in, nothing is sent twice and nothing goes backwards. Once `end` is set,
 * take() has nothing any more: it is set by exactly one of those who try, and never unset. */
struct _VmdSubscription
{
  gatomicrefcount references;

  /* Constant. */
  char *device;
  char *instance;
  char *peer;
  char *credential;
  guint64 generation;
  gint64 expires;
  gint64 since; /* wall clock, microseconds */
  VmdSubscriptionSink sink;

  GMutex mutex; /* a leaf; guards what follows */
  VmdConfigSnapshot *newest; /* (nullable) not taken yet */
  guint64 sent; /* version last taken, 0: none */
  VmdSubscriptionEnd end;
};

static const char *const end_names[] = {
  [VMD_SUBSCRIPTION_LIVE] = "live",
  [VMD_SUBSCRIPTION_LEFT] = "left",
  [VMD_SUBSCRIPTION_SUPERSEDED] = "superseded",
  [VMD_SUBSCRIPTION_SILENT] = "silent",
  [VMD_SUBSCRIPTION_REVOKED] = "revoked",
  [VMD_SUBSCRIPTION_DELETED] = "deleted",
  [VMD_SUBSCRIPTION_SHUT_DOWN] = "shut-down",
};

/* @version is at least 1. */
VmdConfigSnapshot *
vmd_config_snapshot_new (guint64 version, GBytes *payload)
{
  VmdConfigSnapshot *self = g_atomic_rc_box_new0 (VmdConfigSnapshot);

  self->version = version;
  self->payload = g_bytes_ref (payload);
  return self;
}

VmdConfigSnapshot *
vmd_config_snapshot_ref (VmdConfigSnapshot *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
config_snapshot_clear (gpointer data)
{
  VmdConfigSnapshot *self = data;

  g_clear_pointer (&self->payload, g_bytes_unref);
}

void
vmd_config_snapshot_unref (VmdConfigSnapshot *self)
{
  g_atomic_rc_box_release_full (self, config_snapshot_clear);
}

/* Live from now on. Takes over what @sink has. */
VmdSubscription *
vmd_subscription_new (const VmdSubscriber *subscriber, guint64 generation, gint64 since,
                      const VmdSubscriptionSink *sink)
{
  VmdSubscription *self = g_new0 (VmdSubscription, 1);

  g_atomic_ref_count_init (&self->references);
  self->device = g_strdup (subscriber->device);
  self->instance = g_strdup (subscriber->instance);
  self->peer = g_strdup (subscriber->peer);
  self->credential = g_strdup (subscriber->credential);
  self->generation = generation;
  self->since = since;
  self->expires = subscriber->expires;
  self->sink = *sink;
  g_mutex_init (&self->mutex);
  return self;
}

VmdSubscription *
vmd_subscription_ref (VmdSubscription *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_subscription_unref (VmdSubscription *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  if (self->sink.destroy != NULL)
    self->sink.destroy (self->sink.data);
  g_clear_pointer (&self->newest, vmd_config_snapshot_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->device);
  g_free (self->instance);
  g_free (self->peer);
  g_free (self->credential);
  g_free (self);
}

const char *
vmd_subscription_get_device (VmdSubscription *self)
{
  return self->device;
}

const char *
vmd_subscription_get_instance (VmdSubscription *self)
{
  return self->instance;
}

const char *
vmd_subscription_get_peer (VmdSubscription *self)
{
  return self->peer;
}

const char *
vmd_subscription_get_credential (VmdSubscription *self)
{
  return self->credential;
}

guint64
vmd_subscription_get_generation (VmdSubscription *self)
{
  return self->generation;
}

gint64
vmd_subscription_get_expires (VmdSubscription *self)
{
  return self->expires;
}

gint64
vmd_subscription_get_since (VmdSubscription *self)
{
  return self->since;
}

/* Puts @snapshot into the slot, unless a newer one is there or was taken. Any thread; never waits
 * for the reader. */
void
vmd_subscription_offer (VmdSubscription *self, VmdConfigSnapshot *snapshot)
{
  g_autoptr (VmdConfigSnapshot) dropped = NULL;

  g_mutex_lock (&self->mutex);
  if (self->end != VMD_SUBSCRIPTION_LIVE || snapshot->version <= self->sent ||
      (self->newest != NULL && snapshot->version <= self->newest->version))
    {
      g_mutex_unlock (&self->mutex);
      return;
    }
  dropped = g_steal_pointer (&self->newest);
  self->newest = vmd_config_snapshot_ref (snapshot);
  g_mutex_unlock (&self->mutex);

  /* One that was not taken has been told of already. */
  if (dropped == NULL)
    self->sink.ready (self->sink.data);
}

/* The peer has @version, and so needs none up to it. */
void
vmd_subscription_skip (VmdSubscription *self, guint64 version)
{
  g_autoptr (VmdConfigSnapshot) dropped = NULL;

  g_mutex_lock (&self->mutex);
  self->sent = MAX (self->sent, version);
  if (self->newest != NULL && self->newest->version <= version)
    dropped = g_steal_pointer (&self->newest);
  g_mutex_unlock (&self->mutex);
}

/* What is to be sent next: (transfer full) (nullable). The connection's own thread. */
VmdConfigSnapshot *
vmd_subscription_take (VmdSubscription *self)
{
  VmdConfigSnapshot *taken = NULL;

  g_mutex_lock (&self->mutex);
  if (self->end == VMD_SUBSCRIPTION_LIVE && self->newest != NULL)
    {
      taken = g_steal_pointer (&self->newest);
      self->sent = taken->version;
    }
  g_mutex_unlock (&self->mutex);
  return taken;
}

/* TRUE for the one call that ended it. When this returns, whoever else is at it, take() has nothing
 * more and, unless it left of itself, the sink was told: several who end it each tell the sink,
 * since none of them knows how far the others are. */
gboolean
vmd_subscription_end (VmdSubscription *self, VmdSubscriptionEnd end)
{
  g_autoptr (VmdConfigSnapshot) dropped = NULL;
  gboolean ended;

  g_return_val_if_fail (end != VMD_SUBSCRIPTION_LIVE, FALSE);

  g_mutex_lock (&self->mutex);
  ended = self->end == VMD_SUBSCRIPTION_LIVE;
  if (ended)
    {
      self->end = end;
      dropped = g_steal_pointer (&self->newest);
    }
  g_mutex_unlock (&self->mutex);

  if (end != VMD_SUBSCRIPTION_LEFT)
    self->sink.ended (self->sink.data);
  return ended;
}

VmdSubscriptionEnd
vmd_subscription_get_end (VmdSubscription *self)
{
  VmdSubscriptionEnd end;

  g_mutex_lock (&self->mutex);
  end = self->end;
  g_mutex_unlock (&self->mutex);
  return end;
}

/* As the wire and lists have it. */
const char *
vmd_subscription_end_to_string (VmdSubscriptionEnd end)
{
  g_return_val_if_fail ((guint) end < G_N_ELEMENTS (end_names), NULL);

  return end_names[end];
}
